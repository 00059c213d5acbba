"""The scripts of `.ci`, as modules that a test can call."""

from __future__ import annotations

import importlib.util
import sys
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["script"]

FOLDER = Path(__file__).resolve().parents[2] / ".ci"


@cache
def script(name: str) -> Any:
    """Import a script; its name is nobody else's, and it finds those beside it."""
    if str(FOLDER) not in sys.path:
        sys.path.append(str(FOLDER))
    spec = importlib.util.spec_from_file_location(f"ci_{name}", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
