"""Node and the chat client that people use: from npm, in a folder git does not see."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
from functools import cache
from pathlib import Path

__all__ = ["bundle", "chat", "folder", "hook"]

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
#: What was proved: the AI SDK of today and an older one; Node 24, which it wants.
PACKAGES = {
    "ai": "7.0.173",
    "ai-5": "npm:ai@5.0.277",
    "@ai-sdk/react": "4.0.177",
    "ai-react-5": "npm:@ai-sdk/react@2.0.280",
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
    found.mkdir(parents=True, exist_ok=True)
    with (found / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another worker may be about it
        _fill(found)
    return found


def _fill(found: Path) -> None:
    wanted = json.dumps({"private": True, "dependencies": PACKAGES})
    stamp = found / "made"
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(found / "node_modules", ignore_errors=True)
        (found / "package-lock.json").unlink(missing_ok=True)
        (found / "package.json").write_text(wanted)
        subprocess.run(["npm", *INSTALL, "--loglevel=error"], cwd=found, check=True)
        stamp.write_text(wanted)
    ours, theirs = HERE / "chat_client.mjs", found / "chat_client.mjs"
    if not theirs.exists() or theirs.read_text() != ours.read_text():
        theirs.write_text(ours.read_text())


def chat(url: str, *actions: object, **options: object) -> dict[str, object]:
    """Let a chat client do something, and return what it made of the answers."""
    script = folder() / "chat_client.mjs"
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


@cache
def hook(major: int) -> str:
    """Return a page with the chat hook of a major version of the AI SDK."""
    names = {7: ("@ai-sdk/react", "ai"), 5: ("ai-react-5", "ai-5")}[major]
    source = (HERE / "chat_hook.jsx").read_text()
    for place, name in zip(("@REACT@", "@AI@"), names, strict=True):
        source = source.replace(place, name)
    script = bundle(source).replace("</script", "<\\/script")
    return f'<!doctype html><div id="root"></div><script>{script}</script>'


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
