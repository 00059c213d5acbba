"""What went wrong, and how to say it in one line, with no key in it."""

from nbstream.events import Failure
from nbstream.redact import redact

__all__ = ["said", "told"]

#: A proxy may answer with a whole web page: this much says what it is.
LONGEST = 400


def said(type_: str, message: str) -> Failure:
    """Return the failure that a provider or an exception tells, with no key in it.

    A provider may quote the key that it refuses.
    """
    return Failure(type=redact(type_), message=redact(message))


def told(error: Failure | None) -> str:
    """Return the failure's type and message, on one line and not without end."""
    if error is None:
        return "unknown"
    message = " ".join(error.message.split())
    if len(message) > LONGEST:
        message = f"{message[:LONGEST]} …"
    return f"{error.type}: {message}" if message else error.type
