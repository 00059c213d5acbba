"""What a reply shows when a cell ends with it."""

import sys

from IPython.display import display

from nbstream.reply import Reply
from nbstream.screens import cell, place
from nbstream.screens.bundle import bundle, metadata

__all__ = ["display_reply"]


def display_reply(reply: Reply) -> None:
    """Show the reply, unless this very cell has shown it as it streamed.

    So ``nbstream.show(stream)`` may be the last line of a cell.
    """
    here = cell()
    if place() == "terminal":  # it has written `Out[1]: ` already
        sys.stdout.write(f"{reply!r}\n")
    elif here is None or reply.shown_in != here:
        display(bundle(reply), raw=True, metadata=metadata(reply, timed=False))
