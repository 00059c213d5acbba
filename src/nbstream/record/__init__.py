"""Record what a provider really sent, and read the file again.

    with nbstream.record("lesson.rec"):
        ...  # any calls of the OpenAI, Anthropic and Google SDKs, as they are

    nbstream.record.load("lesson.rec")[0].reply().text

``nbstream.record`` is `Recorder`, ``nbstream.record.load`` is `load`. What the file
says is in FORMAT.md beside this module.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbstream.record.exchange import Ended, Exchange, Read
    from nbstream.record.reader import RecordingError, load, loads
    from nbstream.record.recorder import Recorder, record
    from nbstream.record.writer import dumps

__all__ = [
    "Ended",
    "Exchange",
    "Read",
    "Recorder",
    "RecordingError",
    "dumps",
    "load",
    "loads",
    "record",
]

_HOME = {
    "Ended": "exchange",
    "Exchange": "exchange",
    "Read": "exchange",
    "RecordingError": "reader",
    "dumps": "writer",
    "load": "reader",
    "loads": "reader",
    "Recorder": "recorder",
    "record": "recorder",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
