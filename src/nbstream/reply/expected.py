"""What an answer may have to be besides text, and the form in which it is shown."""

from typing import Literal, Protocol, TypeAlias

__all__ = ["Expected", "Form"]

#: How the text of an answer is to be read by people.
Form: TypeAlias = Literal["markdown", "text", "json"]


class Expected(Protocol):
    """What the text of a whole answer has to be: see ``nbstream.structured``."""

    @property
    def key(self) -> str | None:
        """The property of the root object that holds the value; None: the root is it.

        A list or a number is asked for in an object, because APIs want one.
        """
        ...

    def read(self, text: str) -> object:
        """Return what the whole text says, checked.

        Raises:
            ValueError: it does not fit; the message says which fields, on one line.
        """
        ...
