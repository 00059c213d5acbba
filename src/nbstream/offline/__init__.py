"""Answer the real SDKs from scripts or recordings: no key, no network, no cost."""

from __future__ import annotations

from nbstream.offline.exchange import Exchange
from nbstream.offline.faults import Fault
from nbstream.offline.faults import known_faults as faults
from nbstream.offline.script import load
from nbstream.offline.server import Server
from nbstream.offline.session import clear_faults, fault, play, stop, use

__all__ = [
    "Exchange",
    "Fault",
    "Server",
    "clear_faults",
    "fault",
    "faults",
    "play",
    "scenarios",
    "stop",
    "use",
]


def scenarios() -> dict[str, str]:
    """Return every scenario's name with one line on what it shows."""
    return {name: scenario.description for name, scenario in load().items()}
