"""Files from packages of npm, fetched once: `taken("name", "1.0", folder)`."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

__all__ = ["taken"]


def taken(package: str, version: str, kept: Path) -> Iterator[tuple[str, bytes]]:
    """Give the files of a package, by their paths in it; keep it for the next time."""
    packed = kept / f"{package}-{version}.tgz"
    if not packed.exists():
        kept.mkdir(parents=True, exist_ok=True)
        npm = ["npm", "pack", "--silent", f"{package}@{version}"]
        try:
            subprocess.run(npm, cwd=kept, check=True, stdout=subprocess.DEVNULL)
        except FileNotFoundError:
            sys.exit("npm is missing; on Debian and Ubuntu: sudo apt-get install npm")
    with tarfile.open(packed) as archive:
        for member in archive:
            content = archive.extractfile(member)
            if content is not None:
                yield member.name.removeprefix("package/"), content.read()
