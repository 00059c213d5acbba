"""Node and the chat client that people use: from npm, in a folder git does not see."""

from __future__ import annotations

import json
import shutil
import subprocess
from functools import cache
from pathlib import Path

__all__ = ["bundle", "chat", "folder"]

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
#: What was proved: the AI SDK of today and an older one; Node 24, which it wants.
PACKAGES = {
    "ai": "7.0.173",
    "ai-5": "npm:ai@5.0.277",
    "@ai-sdk/react": "4.0.177",
    "react": "19.3.1",
    "react-dom": "19.3.1",
    "node": "24.21.0",
    "esbuild": "0.28.2",
    "configurable-http-proxy": "5.3.0",
}
INSTALL = ("install", "--engine-strict=false", "--no-audit", "--no-fund")


@cache
def folder() -> Path:
    """Return the folder with the packages; they are fetched once."""
    found = ROOT / ".venv" / "npm"
    wanted = json.dumps({"private": True, "dependencies": PACKAGES})
    stamp = found / "made"
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(found, ignore_errors=True)
        found.mkdir(parents=True)
        (found / "package.json").write_text(wanted)
        subprocess.run(["npm", *INSTALL, "--loglevel=error"], cwd=found, check=True)
        stamp.write_text(wanted)
    return found


def chat(url: str, *actions: object, **options: object) -> dict[str, object]:
    """Let a chat client do something, and return what it made of the answers."""
    script = folder() / "chat_client.mjs"
    script.write_text((HERE / "chat_client.mjs").read_text())
    plan = {"url": url, "major": 7, "transport": "http", **options, "actions": actions}
    done = subprocess.run(
        [folder() / "node_modules" / ".bin" / "node", script],
        input=json.dumps(plan),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def bundle(source: str) -> str:
    """Return a script with all that it imports, for a page."""
    done = subprocess.run(
        [
            folder() / "node_modules" / ".bin" / "esbuild",
            *("--bundle", "--format=iife", "--loader=jsx", "--jsx=automatic"),
            '--define:process.env.NODE_ENV="production"',
        ],
        input=source,
        capture_output=True,
        text=True,
        cwd=folder(),
        check=True,
    )
    return done.stdout


if __name__ == "__main__":  # before tests begin: two of them must not fetch at once
    folder()
