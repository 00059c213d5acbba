"""Ask a person by ``input`` whether a call may run, where no view has a button."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from nbstream.reply import Reply
from nbstream.screens.control import visible

if TYPE_CHECKING:
    from nbstream._stop import Stop
    from nbstream.tool_runs import Consents

__all__ = ["Prompting", "prompting"]

#: Called at each look at the reply: asks what there is to be asked.
Prompting: TypeAlias = Callable[[Reply], None]


def prompting(stop: Stop | None, consents: Consents | None) -> Prompting:
    """Return what asks, on the main thread; elsewhere it says that nobody is there.

    While it waits, Ctrl-C and ■ are Python's own: what was pressed stops the stream.
    """
    if stop is None or consents is None:
        return lambda reply: None
    consents.attached = True
    asked: set[str] = set()

    def look(reply: Reply) -> None:
        for key in consents.open:
            if key in asked:
                continue
            asked.add(key)
            call = reply.tool_calls[int(key.rpartition(".")[2])]
            answer = None
            if threading.current_thread() is threading.main_thread():
                question = f"Run {call.name}({call.arguments})? [y/N] "
                answer = _asked(visible(question), stop)
            consents.answer(key, answer)

    return look


def _asked(question: str, stop: Stop) -> bool | None:
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        sys.stdout.flush()
        return input(question).strip().lower() in {"y", "yes"}
    except KeyboardInterrupt:
        stop.set("interrupt")
    except EOFError:
        return None
    finally:
        signal.signal(signal.SIGINT, handler)
    return False
