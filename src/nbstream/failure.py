"""Say in one line what went wrong, with no key in it."""

from nbstream.events import Failure
from nbstream.redact import redact

__all__ = ["told"]

#: A proxy may answer with a whole web page: this much says what it is.
LONGEST = 400


def told(error: Failure | None) -> str:
    """Return the failure's type and message, on one line and not without end."""
    if error is None:
        return "unknown"
    message = " ".join(redact(error.message).split())
    if len(message) > LONGEST:
        message = f"{message[:LONGEST]} …"
    return f"{error.type}: {message}" if message else error.type
