"""What lesson 07 does not show before it is asked."""

from collections.abc import Iterable, Iterator

import nbstream
from nbstream.course import Case, Exercise, Prediction, Question, case
from nbstream.markdown import to_html
from nbstream.markdown.rendering import Rendering
from nbstream.screens import view_of

# -- predictions -----------------------------------------------------------------------

second_half = Prediction(
    "What does the second half of the deltas send, next to the first half?",
    {
        "as much": lambda times: times < 1.5,
        "about twice as much": lambda times: 1.5 <= times < 2.5,
        "about three times as much": lambda times: 2.5 <= times < 10,
        "more than ten times as much": lambda times: times >= 10,
    },
    why="Each delta sends all that came before, so the late ones cost the most.",
)

changes = Prediction(
    "How many of the blocks that were there can change at one delta, at the most?",
    {"none": 0, "one": 1, "two to nine": range(2, 10), "all of them": range(10, 99)},
    why="A delta is added at the end, so only the last block is another one.",
)

marks = Prediction(
    "In what share of the moments does the reader see raw marks?",
    {
        "never": 0,
        "less than 1 in 10": lambda share: 0 < share < 0.1,
        "1 in 10 to 1 in 3": lambda share: 0.1 <= share < 1 / 3,
        "more than 1 in 3": lambda share: share >= 1 / 3,
    },
    why="Each pair of stars is open for a while, and a table until its second line.",
)

# -- see it first ----------------------------------------------------------------------

_BOX = (
    "display: flex; flex-direction: column-reverse; max-height: 13em; overflow: auto; "
    "border: 2px solid #b35900; padding: 0 10px; margin: 4px 0"
)


def side_by_side(deltas: Iterable[str]) -> list[str]:
    """Show an answer in both ways with what each sends; return its deltas.

    Above, a box that is made anew at each delta; below it nbstream's view. The box
    goes when the answer is there, so that the file is the same for all.
    """
    counter = Counter()
    if view_of(None) not in ("live", "updates"):
        for delta in deltas:
            counter.add(delta)
        _display(counter.table())
        nbstream.show(counter.deltas)
        return counter.deltas

    handle = _display(counter.table(), display_id=True)

    def passing() -> Iterator[str]:
        for delta in deltas:
            counter.add(delta)
            handle.update(counter.table(_box(counter.text)), raw=True)
            yield delta

    nbstream.show(passing())
    handle.update(counter.table(), raw=True)
    return counter.deltas


def _box(text: str) -> str:
    return f'<div style="{_BOX}"><div>{to_html(text)}</div></div>'


class Counter:
    """Counts the characters that both ways send, delta by delta."""

    def __init__(self) -> None:
        self.deltas: list[str] = []
        self.text = ""
        self.naive = self.ours = 0
        self._rendering = Rendering()

    def add(self, delta: str) -> None:
        """Count what one more delta makes each way send."""
        self.deltas.append(delta)
        self.text += delta
        self.naive += len(self.text)
        self._rendering.feed(delta)
        if frame := self._rendering.frame():
            self.ours += sum(map(len, [*frame.html, frame.code or "", frame.line]))

    def _rows(self) -> list[tuple[str, int]]:
        return [
            ("the answer", len(self.text)),
            ("sent naively: all of the text, each time", self.naive),
            ("sent in blocks: the HTML that is new", self.ours),
        ]

    def words(self) -> str:
        """Return the counts for where there is no HTML."""
        return "\n".join(
            f"{name}: {count:,} characters" for name, count in self._rows()
        )

    def table(self, more: str = "") -> dict[str, str]:
        """Return the counts as a table, with more below it; and as words."""
        cell = '<td style="text-align: {}; padding: 1px 12px">{}</td>'
        rows = [
            cell.format("left", name) + cell.format("right", f"{count:,}")
            for name, count in self._rows()
        ]
        html = f"<table><tr>{'</tr><tr>'.join(rows)}</tr></table>{more}"
        return {"text/html": html, "text/plain": self.words()}


def _display(data: dict[str, str], **how: bool):
    from IPython.display import display

    return display(data, raw=True, **how)


def watch(texts: Iterable[str] | None) -> None:
    """Show to a person what the reader's function makes, if it makes anything yet."""
    if texts is not None and view_of(None) in ("live", "updates"):
        nbstream.show(texts)


# -- exercises -------------------------------------------------------------------------


def whole_blocks(text):
    blocks, lines, in_fence = [], [], False
    for line in text.split("\n")[:-1]:  # the last line is not whole yet
        if line.startswith("```"):
            in_fence = not in_fence
        if line or in_fence:
            lines.append(line)
        elif lines:
            blocks.append("\n".join(lines))
            lines = []
    return blocks


_CODE = "```python\na = 1\n\nb = 2\n```"

whole_blocks = Exercise(
    case("One.\n\nTwo.\n\nThr", gives=["One.", "Two."], shows="the last is open"),
    case("One.\n\nTwo.\n\n", gives=["One.", "Two."], shows="an empty line ends it"),
    case("One,\nand more", gives=[], shows="one line break ends nothing"),
    case("", gives=[], shows="no text yet"),
    case("One.\n\n\n\nTwo.\n\n", gives=["One.", "Two."], shows="more empty lines"),
    case(
        f"See:\n\n{_CODE}\n\nThe end",
        gives=["See:", _CODE],
        shows="a fence that holds an empty line",
    ),
    case(
        "See:\n\n```python\na = 1\n\nb = 2\n\nc",
        gives=["See:"],
        shows="a fence that is not closed",
    ),
    case(
        "Write ``` first.\n\nThen code",
        gives=["Write ``` first."],
        shows="three backticks inside a line",
    ),
    solution=whole_blocks,
)


def by_sentence(deltas):
    waiting = ""
    for delta in deltas:
        for character in delta:
            waiting += character
            words = waiting.rstrip()
            ended = words.endswith((".", "!", "?")) and character.isspace()
            if ended and not words.endswith(("Dr.", "e.g.", "i.e.")):
                yield waiting
                waiting = ""
    if waiting:
        yield waiting


class Deltas:
    """A stream that knows how many of its deltas were taken."""

    def __init__(self, *texts: str) -> None:
        self.taken = 0
        self._texts = texts

    def __iter__(self) -> Iterator[str]:
        for text in self._texts:
            self.taken += 1
            yield text


def _sentences(*deltas: str, gives: list[str], shows: str) -> Case:
    """Say what comes of a stream; its deltas come once."""
    return Case(
        run=lambda tried: [each.strip() for each in tried(Deltas(*deltas))],
        expected=gives,
        shows=shows,
    )


def _when(*deltas: str, gives: list[int], shows: str) -> Case:
    """Say how many deltas are taken when each sentence comes."""

    def run(tried):
        stream = Deltas(*deltas)
        return [stream.taken for _ in tried(stream)]

    return Case(run=run, expected=gives, shows=shows)


def _joined(*deltas: str, shows: str) -> Case:
    return Case(
        run=lambda tried: "".join(tried(Deltas(*deltas))),
        expected="".join(deltas),
        shows=shows,
    )


by_sentence = Exercise(
    _sentences(
        "It ra",
        "ins. I",
        "t is cold. ",
        gives=["It rains.", "It is cold."],
        shows="two",
    ),
    _sentences("Why? Oh! So. ", gives=["Why?", "Oh!", "So."], shows="three in a delta"),
    _sentences(
        "Pi is 3", ".", "14. ", gives=["Pi is 3.14."], shows="a decimal point is no end"
    ),
    _sentences(
        "Ask Dr",
        ". Lee, e.g",
        ". today. ",
        gives=["Ask Dr. Lee, e.g. today."],
        shows="Dr. and e.g. end nothing",
    ),
    _sentences(
        "All done. Thank", "s", gives=["All done.", "Thanks"], shows="the last, no stop"
    ),
    _sentences("All done. ", gives=["All done."], shows="nothing is left over"),
    _joined("One. ", "Two.\n\n", "- Three", shows="joined again it is the text"),
    _when("One. ", "Two", ". ", "Three", gives=[1, 3, 4], shows="each at once"),
    solution=by_sentence,
)

# -- quiz ------------------------------------------------------------------------------

QUIZ = (
    Question(
        "An answer becomes twice as long. What does the naive way send?",
        right=("four times as much", "Twice the deltas, each with twice the text."),
        wrong={
            "twice as much": "That is what sending only what is new costs.",
            "as much as before": "More text is never sent with fewer characters.",
        },
    ),
    Question(
        "Why has a closed block to be sent only once?",
        right=(
            "nothing that comes later can change it",
            "Deltas are added at the end, behind the block that is closed.",
        ),
        wrong={
            "the browser would drop a second copy": "It would paint it again.",
            "a block is too short to matter": "Its length is not what decides.",
        },
    ),
    Question(
        "Why is it wrong to split a text at each empty line?",
        right=(
            "a code fence may hold empty lines",
            "Its parts alone are no code block any more.",
        ),
        wrong={
            "models write no empty lines": "They do, between most of their blocks.",
            "an empty line may be cut in two": "Then it is whole with the next delta.",
        },
    ),
    Question(
        "What does nbconvert --to html do with a script in an output, if nothing "
        "else is said?",
        right=(
            "it puts it into the page, where it runs",
            "Its option sanitize_html is off until somebody switches it on.",
        ),
        wrong={
            "it takes it out": "Only with the option sanitize_html.",
            "it shows it as text": "HTML of an output goes into the page as it is.",
        },
    ),
    Question(
        "What does nbstream leave of an answer in the notebook's file?",
        right=(
            "one static output",
            "HTML, Markdown and text of one answer, and no widget.",
        ),
        wrong={
            "a widget that shows it again": "Without its kernel it shows nothing.",
            "one output for each delta": "An update replaces what was there before.",
        },
    ),
)
