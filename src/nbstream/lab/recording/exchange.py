"""One recorded exchange: what was asked, and what came when."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from nbstream.errors import UsageError
from nbstream.streams.transports import Ending

if TYPE_CHECKING:
    from nbstream.reply import Reply


class Read(NamedTuple):
    """What one read from the network gave, and when: seconds since the request."""

    time_s: float
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request and its response.

    Attributes:
        number: Its number in the file, from 1.
        line: The line of the file on which it begins.
        api: The wire API, such as ``"openai.chat"``; "" for any other call.
        url: Where it went, with no key in it.
        started_s: When it was sent, in seconds since the recording began.
        request: The JSON that was sent, or None.
        status: The HTTP status; None when no response came.
        response_s: When the headers came, in seconds since the request.
        reads: What came, cut where the network cut it, with no compression.
        ended: How the response ended.
        notes: What the recorder has to say: keys removed, an error.
    """

    number: int
    line: int
    api: str
    method: str
    url: str
    started_s: float
    request_headers: Mapping[str, str]
    request: object
    status: int | None
    response_headers: Mapping[str, str]
    response_s: float
    reads: tuple[Read, ...]
    ended: Ending
    notes: tuple[str, ...]

    @property
    def target(self) -> str:
        """The path of the URL, and its query."""
        return f"/{self.url.partition('://')[2].partition('/')[2]}"

    @property
    def body(self) -> bytes:
        """The whole body of the response."""
        return b"".join(read.data for read in self.reads)

    @property
    def is_stream(self) -> bool:
        """Whether the response is a stream of server-sent events."""
        kind = self.response_headers.get("content-type", "")
        return kind.lower().startswith("text/event-stream")

    def cut(self, size: int) -> Exchange:
        """Return the same exchange as if each read had given so many bytes.

        It shows that a read is no event: whoever parses it must get the same.
        """
        if size < 1:
            raise UsageError(f"a read gives at least 1 byte, not {size}")
        times = [read.time_s for read in self.reads for _ in read.data]
        body = self.body
        reads = tuple(
            Read(times[min(at + size, len(body)) - 1], body[at : at + size])
            for at in range(0, len(body), size)
        )
        return replace(self, reads=reads)

    def json(self) -> object:
        """Parse the body of a response that is no stream.

        Raises:
            ValueError: it is not JSON.
        """
        return json.loads(self.body)

    def reply(self) -> Reply:
        """Read a streamed response: the reply is what ``nbstream.show`` returned.

        Its ``timing`` is the recording's, from the request on.

        Raises:
            UsageError: it is no stream of an API that nbstream reads.
        """
        from nbstream._reader import read_timed  # only who asks for it pays for it

        if not (self.is_stream and self.api):
            what = self.response_headers.get("content-type", "no content type")
            msg = (
                f"exchange {self.number} has no stream to read ({self.method} "
                f"{self.url}, status {self.status}, {what}); look at .body or .json()"
            )
            raise UsageError(msg)
        return read_timed(self.reads, self.api, self.response_s)

    def __repr__(self) -> str:
        return (
            f"<Exchange {self.number}: {self.api or 'other'} {self.method} {self.url}, "
            f"{self.status}, {len(self.body)} bytes in {len(self.reads)} reads, "
            f"{self.ended}>"
        )
