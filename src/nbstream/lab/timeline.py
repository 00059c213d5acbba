"""Draw when things happened: one or several replies on one axis of time.

reply.plot()
nbstream.plot({"streaming": one, "other model": two})
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import BytesIO
from os import PathLike
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from nbstream._failures import one_line
from nbstream.errors import UsageError
from nbstream.reply import Reply
from nbstream.reply.answer import Answer
from nbstream.reply.timing import Delta, DeltaKind, Timing

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_EXPECTED = (
    "expected a reply, several in a list, or a dict of names and replies; their "
    "times come from show, start, ask or nbstream.record.load(...)[0].reply()"
)


def plot(
    replies: Answer | Iterable[Answer] | Mapping[str, Answer], *, stall_s: float = 1.0
) -> Timeline:
    """Draw the timeline of one or several replies; the last line of a cell shows it.

    Above, a bar for each: waiting, reasoning, text, tool arguments, gaps, and how it
    ended; below it the wait that the same reply would have been without streaming.
    Then the characters that had arrived, against time. Zero is the request, or when
    nbstream was handed the stream where the request had been sent before.

    Args:
        replies: A reply, several, or a dict that names them.
        stall_s: A pause this long is drawn as a gap, in seconds.

    Raises:
        UsageError: no reply, one without times, or matplotlib is not installed.
    """
    named = _named(replies)
    if not named:
        raise UsageError(f"there is nothing to draw in {replies!r}: {_EXPECTED}")
    for name, reply in named.items():
        if not isinstance(reply, Answer):
            raise UsageError(f"{reply!r} is no reply: {_EXPECTED}")
        if reply.timing is None or reply.timing.end_s is None:
            msg = f"{name!r} has no times, or has not ended: {_EXPECTED}"
            raise UsageError(msg)
    return Timeline(named, stall_s)


def _named(replies: object) -> dict[str, Answer]:
    if isinstance(replies, Mapping):
        return {str(name): reply for name, reply in replies.items()}
    if isinstance(replies, Answer):
        replies = [replies]
    if not isinstance(replies, Iterable):
        raise UsageError(f"{replies!r} is no reply: {_EXPECTED}")
    found = list(replies)
    if len(found) == 1:
        return {_model(found[0]): found[0]}
    return {f"{n} {_model(each)}": each for n, each in enumerate(found, 1)}


def _model(reply: object) -> str:
    return (reply.model if isinstance(reply, Reply) else "") or "reply"


# -- what the time of one reply was spent on ----------------------------------------

SpanKind: TypeAlias = DeltaKind | Literal["waiting", "gap"]


class Span(NamedTuple):
    """A stretch of time and what it was spent on, in seconds since the request."""

    kind: SpanKind
    start_s: float
    end_s: float


def spans(timing: Timing, stall_s: float = 1.0) -> list[Span]:
    """Return what the time was spent on, from the request to the end.

    A delta takes the time since the one before it, unless that is a gap: a pause of
    ``stall_s`` or more.
    """
    found: list[Span] = []
    for kind, start_s, end_s in _steps(timing, stall_s):
        if found and found[-1].kind == kind:
            start_s = found.pop().start_s
        found.append(Span(kind, start_s, end_s))
    return found


def _steps(timing: Timing, stall_s: float) -> Iterator[Span]:
    zero_s = timing.request_sent_s or 0.0
    marks: list[tuple[SpanKind, float]] = [(d.kind, d.time_s) for d in timing.deltas]
    if timing.end_s is not None:
        marks.append((marks[-1][0] if marks else "waiting", timing.end_s))
    at_s = marks[0][1] - zero_s if marks else 0.0
    if marks:
        yield Span("waiting", 0.0, at_s)
    for kind, time_s in marks if timing.deltas else ():
        now_s = time_s - zero_s
        gap = now_s - at_s >= stall_s
        if gap:
            yield Span("gap", at_s, now_s)
        yield Span(kind, now_s if gap else at_s, now_s)
        at_s = now_s


def totals(deltas: Sequence[Delta], zero_s: float) -> tuple[list[float], list[int]]:
    """Return the times of the deltas and how many characters there were after each."""
    times, sums, total = [], [], 0
    for delta in deltas:
        total += delta.length
        times.append(delta.time_s - zero_s)
        sums.append(total)
    return times, sums


# -- the picture, drawn by matplotlib -------------------------------------------------

#: Read on white and on black alike; the colours are told apart by the colour-blind
#: (after Okabe and Ito, https://jfly.uni-koeln.de/color/), and the hatches without any.
INK = "#767676"
LOOKS: dict[SpanKind, tuple[str, str, str]] = {
    "waiting": ("#9a9a9a", "...", "waiting"),
    "reasoning": ("#b8649a", "\\\\\\", "reasoning"),
    "text": ("#2f86c1", "", "text"),
    "tool": ("#d08a12", "///", "tool arguments"),
    "refusal": ("#d0571a", "xxx", "refusal"),
    "gap": ("none", "", "gap"),
}
LINES = ("#2f86c1", "#d08a12", "#1f9e77", "#b8649a", "#d0571a")
DASHES = ("-", "--", "-.", ":")
MARKS = {"complete": "|", "stopped": "s", "failed": "X", "truncated": "X"}
WIDTH_PX, DPI = 600, 100


class Timeline:
    """The picture: the last line of a cell shows it, ``save`` writes it to a file.

    Attributes:
        figure: matplotlib's own, to be changed as you like.
    """

    def __init__(self, replies: Mapping[str, Answer], stall_s: float) -> None:
        try:
            from matplotlib.figure import Figure
        except ImportError:
            msg = "plot needs matplotlib: %pip install 'nbstream[plot]'"
            raise UsageError(msg) from None
        self._replies = dict(replies)
        height = 2.7 + 0.5 * len(replies)
        self.figure: Figure = Figure(
            figsize=(WIDTH_PX / DPI, height), dpi=DPI, layout="constrained"
        )
        self.figure.patch.set_alpha(0)
        above, below = self.figure.subplots(
            2, 1, sharex=True, height_ratios=(0.5 + 0.5 * len(replies), 1.7)
        )
        for axes in (above, below):
            _plain(axes)
        _draw_bars(self.figure, above, self._replies, stall_s)
        _draw_growth(below, self._replies)
        # The layout is found once, so that each drawing of it is the same.
        self.figure.draw_without_rendering()
        self.figure.set_layout_engine("none")

    def save(self, path: str | PathLike[str], *, dpi: int = 2 * DPI) -> None:
        """Write it to a file; the ending says which kind (png, svg, pdf)."""
        self.figure.savefig(path, dpi=dpi)

    def _png(self) -> bytes:
        found = BytesIO()
        self.figure.savefig(
            found, format="png", dpi=2 * DPI, metadata={"Software": None}
        )
        return found.getvalue()

    def _repr_mimebundle_(
        self, **_: object
    ) -> tuple[dict[str, object], dict[str, object]]:
        looks = {"width": WIDTH_PX, "alt": str(self)}
        return {"image/png": self._png(), "text/plain": str(self)}, {"image/png": looks}

    def __str__(self) -> str:
        return "\n".join(_label(name, each) for name, each in self._replies.items())

    __repr__ = __str__


def _timing(reply: Answer) -> Timing:
    assert reply.timing is not None  # `plot` has looked
    return reply.timing


def _end_s(timing: Timing) -> float:
    return (timing.end_s or 0.0) - (timing.request_sent_s or 0.0)


def _label(name: str, reply: Answer) -> str:
    timing = _timing(reply)
    first_s = timing.time_to_first_token_s
    first = "nothing came" if first_s is None else f"first token after {first_s:.2f} s"
    length = sum(delta.length for delta in timing.deltas)
    return (
        f"{one_line(name)}: {first}, {length:,} characters, {reply.outcome} after "
        f"{_end_s(timing):.2f} s; without streaming, so long a wait for all of it"
    )


def _plain(axes: Axes) -> None:
    axes.patch.set_alpha(0)
    axes.tick_params(colors=INK, labelsize=9)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(INK)


def _draw_bars(
    figure: Figure, axes: Axes, replies: Mapping[str, Answer], stall_s: float
) -> None:
    from matplotlib.patches import Patch
    from matplotlib.transforms import blended_transform_factory

    bars: dict[SpanKind, Artist] = {}
    for row, reply in enumerate(replies.values()):
        timing = _timing(reply)
        for kind, start_s, end_s in spans(timing, stall_s):
            gap, (fill, hatch, _) = kind == "gap", LOOKS[kind]
            bars[kind] = axes.barh(
                row,
                end_s - start_s,
                left=start_s,
                height=0.46,
                facecolor=fill,
                hatch=hatch,
                edgecolor=INK if gap else "white",
                linestyle=":" if gap else "-",
                linewidth=0.8 if gap else 0,
            )[0]
        _draw_end(axes, row, reply, _end_s(timing))
    names = [_short(name) for name in replies]
    axes.set_yticks(range(len(replies)), names, parse_math=False)
    axes.set_ylim(len(replies) - 0.35, -0.45)
    axes.tick_params(axis="x", labelbottom=False, length=0)
    axes.tick_params(axis="y", length=0)
    keys = {label: bars[kind] for kind, (*_, label) in LOOKS.items() if kind in bars}
    keys["the wait without streaming"] = Patch(facecolor=INK, alpha=0.5)
    axes.legend(
        list(keys.values()),
        list(keys),
        loc="lower left",
        # From the left edge of the picture: beside long names there is no room.
        bbox_to_anchor=(0.01, 1),
        bbox_transform=blended_transform_factory(figure.transFigure, axes.transAxes),
        ncols=4,
        fontsize=8.5,
        frameon=False,
        labelcolor=INK,
        handlelength=1.4,
        columnspacing=1.2,
        borderaxespad=0.2,
    )


def _draw_end(axes: Axes, row: int, reply: Answer, end_s: float) -> None:
    """Mark how it ended, and draw the wait without streaming beside the bar."""
    axes.barh(row + 0.36, end_s, left=0, height=0.1, color=INK, alpha=0.5)
    fault = reply.outcome in ("failed", "truncated")
    axes.plot(
        [end_s],
        [row],
        marker=MARKS[reply.outcome],
        markersize=16 if reply.outcome == "complete" else 8,
        color="#d0571a" if fault else INK,
        clip_on=False,
    )
    if reply.outcome != "complete":
        axes.annotate(
            reply.outcome,
            (end_s, row),
            (8, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
            color="#d0571a" if fault else INK,
        )


def _draw_growth(axes: Axes, replies: Mapping[str, Answer]) -> None:
    for number, reply in enumerate(replies.values()):
        timing = _timing(reply)
        end_s = _end_s(timing)
        times, sums = totals(timing.deltas, timing.request_sent_s or 0.0)
        total = sums[-1] if sums else 0
        color = LINES[number % len(LINES)]
        axes.step(
            [0.0, *times, end_s],
            [0, *sums, total],
            where="post",
            color=color,
            linestyle=DASHES[number % len(DASHES)],
            label=f"{number}",
        )
        axes.plot([0, end_s, end_s], [0, 0, total], color=INK, lw=0.9, alpha=0.7)
    axes.set_ylabel("characters", color=INK, fontsize=9)
    axes.set_xlabel("seconds since the request", color=INK, fontsize=9)
    axes.set_ylim(bottom=0)
    axes.set_xlim(left=0)
    axes.margins(x=0.12)
    if len(replies) > 1:
        legend = axes.legend(
            frameon=False, fontsize=8.5, labelcolor=INK, loc="upper left"
        )
        # Set afterwards, as they are: a name may begin with "_", or hold "$".
        for text, name in zip(legend.get_texts(), replies, strict=True):
            text.set(text=_short(name), parse_math=False)


def _short(name: str) -> str:
    name = one_line(name)
    return name if len(name) <= 22 else f"{name[:21]}…"
