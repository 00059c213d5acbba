"""End what a page fetches: in Pyodide the browser carries the SDKs' requests.

httpx2 has a transport of its own there, ``httpx2-jsfetch`` (1.0): each request is a
``fetch`` with an ``AbortController``. Closing its stream leaves the fetch running, and
so does cancelling who awaits it: only the controller ends it.
"""

from __future__ import annotations

import sys
from typing import Any

from nbstream._workers import settled
from nbstream.streams.session import carried

__all__ = ["abort_fetches", "hear_fetches"]


def hear_fetches() -> None:
    """Let the stop of a stream abort also what is fetched before there is an answer.

    Private: ``httpx2_jsfetch._do_fetch(request, body, controller)`` and ``.run_sync``,
    seen in 1.0. Where the first is missing a stop has to wait for the head of the
    answer; without the other the cell shows what ended a fetch.
    """
    library: Any = sys.modules.get("httpx2_jsfetch")
    fetch = getattr(library, "_do_fetch", None)
    if fetch is None or hasattr(fetch, "_nbstream"):
        return

    def do_fetch(request: object, body: object, controller: Any) -> object:
        carried(controller)
        return fetch(request, body, controller)

    vars(do_fetch)["_nbstream"] = True
    library._do_fetch = do_fetch
    if hasattr(library, "run_sync"):
        library.run_sync = settled


def abort_fetches(stream: object) -> bool:
    """Abort the fetches whose answers a stream reads; tell whether there are any."""
    from nbstream.streams import referents

    aborted = False
    for found in referents.walk(stream):
        controller = getattr(found, "__dict__", {}).get("abort_controller_js")
        if controller is not None:
            controller.abort()
            aborted = True
    return aborted
