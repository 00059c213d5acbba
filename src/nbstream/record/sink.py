"""Take down one exchange as it happens, in every recording that runs."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence

from nbstream.record import writer
from nbstream.record.body import Cleaner, Unpacked
from nbstream.record.exchange import Ended, Read
from nbstream.record.file import File
from nbstream.record.redaction import kept_headers, request_secrets

__all__ = ["Sink"]

Headers = Sequence[tuple[str, str]]


class Sink:
    """One exchange: told what happens to it, it writes that with no secret in it."""

    def __init__(
        self,
        files: Iterable[File],
        *,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes | None,
    ) -> None:
        self._began_s = time.monotonic()
        self._ended = False
        self._unpacked = Unpacked("")
        body, self._notes = _body(content)
        self._secrets = request_secrets(url, headers, body)
        self._cleaner = Cleaner(self._secrets)
        kept = self._kept(headers.items())
        url = self._secrets.url(url)
        clean = self._secrets.json(body)
        self._files = [(file, *file.begin(self._began_s)) for file in files]
        for file, number, at_s in self._files:
            file.append(writer.request(number, at_s, method, url, kept, clean))

    def respond(self, status: int, headers: Headers) -> None:
        """Note the head of the response."""
        at_s, fields = self._elapsed_s(), dict(headers)
        packed = fields.get("content-encoding", "")
        self._unpacked = Unpacked(packed)
        notes, self._notes = self._notes, []
        if fields.get("server", "").startswith("nbstream-offline (scripted"):
            notes.append("scripted: no provider sent this")
        if packed:
            notes.append(f"it came compressed ({packed}) and is to be read unpacked")
        kept = self._kept(headers)
        for file, number, _ in self._files:
            file.append(writer.response(number, at_s, status, kept, notes))

    def read(self, data: bytes) -> None:
        """Note what one read gave."""
        at_s = self._elapsed_s()
        if data := self._unpacked.feed(data) if self._unpacked.known else b"":
            self._write(self._cleaner.feed(Read(at_s, data)))

    def end(self, how: Ended, error: BaseException | None = None) -> None:
        """Note the end; only the first one counts."""
        if self._ended:
            return
        self._ended = True
        at_s = self._elapsed_s()
        self._write(self._cleaner.finish())
        notes = self._notes
        if not self._unpacked.known:
            coding = self._unpacked.encoding
            notes.append(f"the body, or its end, is left out: no readable {coding}")
        if self._cleaner.removed:
            times = self._cleaner.removed
            notes.append(f"changed: {times} key(s) replaced by as many characters")
        if error is not None:
            notes.append(self._secrets.text(f"{type(error).__name__}: {error}"))
        for file, number, _ in self._files:
            file.append(writer.end(number, at_s, how, notes))

    def broke(self, error: BaseException) -> None:
        """Note that an exception ended it: the network's, or who stopped reading."""
        if isinstance(error, Exception):
            self.end("cut", error)
        else:  # GeneratorExit, CancelledError, Interrupted, KeyboardInterrupt
            self.end("closed")

    def _write(self, reads: Iterable[Read]) -> None:
        for read in reads:
            for file, number, _ in self._files:
                file.append(writer.read(number, read))

    def _kept(self, headers: Iterable[tuple[str, str]]) -> Headers:
        kept = kept_headers(headers)
        return [(name, self._secrets.text(value)) for name, value in kept]

    def _elapsed_s(self) -> float:
        return time.monotonic() - self._began_s


def _body(content: bytes | None) -> tuple[object, list[str]]:
    """Parse a request's body, and say so where it is no JSON."""
    if content == b"":
        return None, []
    try:
        if content is not None:
            return json.loads(content), []
    except (ValueError, RecursionError):
        pass
    return None, ["the body of the request is left out: it is not JSON"]
