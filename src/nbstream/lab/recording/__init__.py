"""Record what a provider really sent, and read the file again.

    with nbstream.record("lesson.rec"):
        ...  # any calls of the OpenAI, Anthropic and Google SDKs, as they are

    nbstream.record.load("lesson.rec")[0].reply().text

What the file says is in FORMAT.md beside this module.
"""

from nbstream.lab.recording.exchange import Exchange, Read
from nbstream.lab.recording.format import RecordingError, dumps, load, loads
from nbstream.lab.recording.recorder import Recorder, record

__all__ = [
    "Exchange",
    "Read",
    "Recorder",
    "RecordingError",
    "dumps",
    "load",
    "loads",
    "record",
]
