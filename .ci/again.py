"""Run tests, and the few that fail once more, alone: ``again.py -m pytest ...``.

Two tests at a time and what they start (kernels, servers, a browser) are more than two
cores can always serve in time. What fails for that passes when nothing runs beside it;
what fails for another reason fails again.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

#: More than so many are no chance.
MOST = 5
#: Options with a value that make tests run beside each other.
BESIDE = ("-n", "--dist")
SOME_FAILED = 1


def run(arguments: list[str], cache: str, *more: str) -> int:
    """Run pytest as the arguments say; what fails is noted in the cache."""
    own = ["-o", f"cache_dir={cache}", *more]
    return subprocess.run([sys.executable, *arguments, *own], check=False).returncode


def failures(cache: str) -> list[str]:
    """Name the tests that failed in the last run."""
    path = Path(cache, "v", "cache", "lastfailed")
    return sorted(json.loads(path.read_text())) if path.exists() else []


def one_by_one(arguments: list[str]) -> list[str]:
    """Take out what makes tests run beside each other."""
    pairs = zip(["", *arguments], arguments, strict=False)
    return [now for before, now in pairs if not {before, now} & {*BESIDE}]


def say(line: str, names: list[str] = ()) -> None:
    """Say it so that nobody overlooks it in a long log."""
    print(f"\n{'!' * 88}\n{line}", *names, "!" * 88, sep="\n", flush=True)


def main(arguments: list[str]) -> int:
    """Run the tests; return how the last run of them ended."""
    with tempfile.TemporaryDirectory() as cache:
        code = run(arguments, cache)
        names = failures(cache)
        are_tests = all("::" in name for name in names)  # not files that do not load
        if code != SOME_FAILED or not are_tests or not 0 < len(names) <= MOST:
            return code
        say(f"{len(names)} failed, and run ONCE MORE, one by one, alone:", names)
        code = run(one_by_one(arguments), cache, "--last-failed")
        say("They pass alone." if code == 0 else "FAILED AGAIN.", failures(cache))
        return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
