"""Events in, one ``Reply`` out: the same for every provider.

``answer`` has what is read of it, ``arriving`` how it grows; here is what it is made
from, and what can be done with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbstream.reply.arriving import Arriving
from nbstream.reply.choice import Choice
from nbstream.reply.outcome import Outcome, Waiting
from nbstream.reply.parts import CallState, Part, PartKind, ToolCall
from nbstream.reply.rounds import noted
from nbstream.reply.timing import Timing

if TYPE_CHECKING:
    from nbstream.structured_items import Items
    from nbstream.timeout import Timeout

__all__ = [
    "CallState",
    "Choice",
    "Outcome",
    "Part",
    "PartKind",
    "Reply",
    "Timing",
    "ToolCall",
    "Waiting",
]


class Reply(Arriving):
    """What a model answered, and how that ended. It may still be growing.

    Attributes:
        api: The wire API it came over, such as ``"anthropic.messages"``, or "".
        id: The provider's id of the response, or "".
        model: The model's name as the provider gave it, or "".
        error: What the provider, or the exception, said went wrong; else None.
        exception: The SDK's own exception, where there was one.
        ignored: How often each kind of event came that is not ours to show.
        waiting: The wait before a retry, while there is one; else None.
        position: How far the provider's own numbering of events has come, or None.
        resumable: Whether the provider keeps the answer to be read on from there.
        shown_in: The cell whose output already shows it; it is not shown twice there.
    """

    def __init__(self, api: str = "") -> None:
        super().__init__(api)
        self.waiting: Waiting | None = None
        self.position: int | str | None = None
        self.resumable = False
        self.shown_in: object = None

    @classmethod
    def from_sse(cls, data: bytes, api: str) -> Reply:
        """Return the reply of a response body as it came over the wire.

        Args:
            data: The bytes of one ``text/event-stream`` body.
            api: One of ``nbstream.providers.APIS``, such as ``"openai.chat"``.

        Raises:
            UnknownNameError: there is no such API.
            UsageError: ``data`` is not bytes.
        """
        from nbstream.reader import read_sse  # it needs the providers, and they us

        return read_sse(data, cls(api))

    @classmethod
    def from_stream(
        cls, stream: object, *, timeout: float | Timeout | None = None
    ) -> Reply:
        """Read a stream to its end, with no display, and return the reply.

        Takes all that ``nbstream.show`` takes, and its ``timeout``. A failure is not
        raised: it is in ``outcome`` and ``error``.

        Raises:
            UsageError: that is no stream.
        """
        from nbstream.showing import read  # the player needs us

        return read(stream, cls(), timeout)

    @property
    def rounds(self) -> tuple[Reply, ...]:
        """The answers of the turn: those whose tool calls were run, then this one.

        ``text`` and all else are of the last one; ``usage`` is of all of them.
        """
        return (*self._earlier, self)

    @property
    def resume_hint(self) -> str | None:
        """The SDK's call that goes on where this broke off; None where none can.

        OpenAI Responses can if the response was made with ``background=True``, and
        Gemini Interactions if its events came with ids.
        """
        from nbstream.resume import hint  # it needs the providers, and they us

        return hint(self)

    def items(self) -> Items:
        """Go through the list in the answer: each element as soon as it is whole.

        The list is the answer itself or, in an object, the first property that is
        one. Each element is checked where its type is known (``ask(..., schema=X)``).
        While the answer grows in the background, ``for`` waits for the next element,
        and so does ``async for``; Stop and interrupt work meanwhile.

        Raises:
            SchemaFailure: an element, or at the end the answer, does not fit.
            ProviderFailure: the service failed, as of ``live.result()``.
            UsageError: there is no list.
        """
        from nbstream.structured_items import Items  # not the core's business

        return Items(self, self.live)

    def partial(self) -> Any:
        """Return the JSON of an answer that is still arriving, FOR SHOW ONLY.

        What is open is closed, so a number or a list may be only a part of itself,
        and nothing is checked: act on ``parsed``, or on ``items()``. None: there is
        nothing yet, or it is no JSON.
        """
        from nbstream.structured_items import partial  # not the core's business

        return partial(self)

    def to_message(self, note: str = "") -> Any:
        """Return the answer as the same API takes it back in the next request.

        ``note`` is said behind its text, such as that it was stopped.

        A dict for OpenAI Chat, Anthropic and Gemini; a list of items for OpenAI
        Responses and Gemini Interactions. Calls that are invalid or unfinished are
        left out: the API would refuse them.

        Raises:
            UsageError: nothing came, so that the API is not known.
        """
        from nbstream.errors import UsageError
        from nbstream.providers import provider  # they need us

        if not self.api:
            msg = "this reply has no API: nothing arrived, so there is no message"
            raise UsageError(msg)
        told = noted(self, note) if note else self
        return provider(self.api).to_message(told)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        text = self.text if len(self.text) <= 60 else f"{self.text[:57]}..."
        return f"Reply({text!r}, outcome={self.outcome!r}, api={self.api!r})"

    def _ipython_display_(self) -> None:
        from nbstream.screens.again import display_reply  # not the core's business

        display_reply(self)

    def _repr_markdown_(self) -> str:
        from nbstream.screens.bundle import markdown_of  # not the core's business

        return markdown_of(self)
