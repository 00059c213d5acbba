"""Drive any kind of stream so that it can be stopped.

``source`` takes whatever an SDK's call gives and has it read: by a worker thread
(``thread_reader``), or by a task of an event loop (``loop_reader``).
"""

from nbstream.streams.session import Abandoned, Interrupted
from nbstream.streams.source import Source, open_source

__all__ = ["Abandoned", "Interrupted", "Source", "open_source"]
