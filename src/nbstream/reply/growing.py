"""A text that grows by small pieces, and costs little more than its characters."""

__all__ = ["Growing"]

#: So many pieces are kept apart; a piece of its own costs about 60 bytes.
LOOSE = 256


class Growing:
    """A text to which one thread adds, while others may read it.

    Strategy: loose pieces are joined into a run from time to time, and a run with
    those before it that are not much longer. So there are few runs, of growing
    length, and each character is copied a logarithm of times. Runs are a tuple and a
    list of pieces is left alone once they are in a run: what a reader has taken hold
    of stays as it is.
    """

    __slots__ = ("_joined", "_state")

    def __init__(self) -> None:
        self._state: tuple[tuple[str, ...], list[str]] = ((), [])
        self._joined: tuple[tuple[str, ...], int, str] = ((), 0, "")

    def push(self, text: str) -> None:
        """Add the next piece."""
        runs, pieces = self._state
        pieces.append(text)
        if len(pieces) >= LOOSE:
            self._state = (_with_run(runs, "".join(pieces)), [])

    def __str__(self) -> str:
        runs, pieces = self._state
        count = len(pieces)
        known, seen, text = self._joined
        if known is not runs or seen != count:
            text = "".join([*runs, *pieces[:count]])
            self._joined = (runs, count, text)
        return text


def _with_run(runs: tuple[str, ...], last: str) -> tuple[str, ...]:
    at = len(runs)
    size = len(last)
    while at and len(runs[at - 1]) <= 2 * size:
        at -= 1
        size += len(runs[at])
    return (*runs[:at], "".join([*runs[at:], last]))
