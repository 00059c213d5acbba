"""What the tests of the live view share: what their cells run, and what is seen."""

__all__ = [
    "END",
    "MIMES",
    "NESTED",
    "PAUSE",
    "PROSE",
    "SETUP",
    "SHOW",
    "final",
    "live",
    "outputs",
    "picture",
    "quiet",
    "release",
    "settle",
    "show",
    "text_of",
]

#: What a stream that has to wait for its test is made of: cells that use it run it.
PAUSE = '''\
import pathlib, time
def released(name):
    """Say whether the test has said `release(page, name)`, which writes a file."""
    names = pathlib.Path("released.txt")
    return names.exists() and name in names.read_text().splitlines()
def pause(name, limit_s=120):
    """Wait for that."""
    end_s = time.monotonic() + limit_s
    while not released(name):
        if time.monotonic() > end_s:
            raise TimeoutError(f"the test did not release {name!r}")
        time.sleep(0.01)
def said(piece):
    if isinstance(piece, str):
        return piece
    choices = getattr(piece, "choices", [])
    said = "".join(each.delta.content or "" for each in choices)
    return said or getattr(piece, "delta", "")
def held(pieces, *pauses):
    """Give the pieces; wait where the text up to the end of a pause has been given."""
    left, given = list(pauses), ""
    for piece in pieces:
        yield piece
        given += said(piece)
        while left and left[0] in given:
            pause(left.pop(0))
    assert not left, left
'''
SETUP = (
    PAUSE
    + '''\
import nbstream
from nbstream.offline import use
use()
def ask(prompt):
    from openai import OpenAI
    return OpenAI().responses.create(model="gpt-5", input=prompt, stream=True)
def flow(text, *pauses, step=4, delay_s=0.004, hold_s=0):
    """Give a text in pieces, with these pauses."""
    def pieces():
        for at in range(0, len(text), step):
            time.sleep(delay_s)
            yield text[at : at + step]
        time.sleep(hold_s)
    return held(pieces(), *pauses) if pauses else pieces()
def words(count):
    return "".join(f"word{n} " + "\\n\\n" * (n % 20 == 19) for n in range(count))
TOUR = r"""# A tour

Some *prose* with a formula, $x^2 + \\frac{a}{b}$, and `code`.

- one
- two
  1. nested

| a | b |
|---|--:|
| 1 | 2 |

$$\\int_0^1 x\\,dx$$

```python
for n in range(3):
    print(n)  # a comment
```

> said

The end, with $y_1$."""'''
)
SHOW = "reply = nbstream.show(flow(TOUR))"
#: Places of the tour to pause at: near its begin, in its middle, at its end.
PROSE, NESTED, END = "Some *prose*", "1. nested", "$y_1$."
MIMES = {"text/html", "text/markdown", "text/plain"}


def show(*pauses, call="reply = nbstream.show"):
    """Write the cell that shows the tour, and waits at these places for the test."""
    return f"{call}(flow({', '.join(['TOUR', *map(repr, pauses)])}))"


def release(place, *names):
    """Let a stream of this page or kernel go on that waits at a pause, or will."""
    with (place.folder / "released.txt").open("a") as file:
        file.write("".join(f"{name}\n" for name in names))


def settle(page):
    """Wait until what has been asked of the page is drawn: two frames."""
    frame = "await new Promise(requestAnimationFrame);"
    page.page.evaluate(f"async () => {{ {frame} {frame} }}")


def live(page, index):
    """Find the live view in one cell's output."""
    return page.output(index).locator(".nbstream")


def text_of(page, index):
    """Read the answer in one cell's output, live or final."""
    found = page.output(index).locator(".nbstream-text, .jp-RenderedHTML").first
    return found.text_content()


def final(page, index):
    """Wait until one cell's output is static; return its text."""
    page.output(index).locator(".jp-RenderedHTML.jp-OutputArea-output").wait_for()
    return text_of(page, index)


def outputs(page, index):
    """Save; return the kinds of data in each output of one cell."""
    return [set(each["data"]) for each in page.save()["cells"][index]["outputs"]]


def picture(page, index, name):
    """Bring one cell to the top and take a picture, for a person to look at."""
    page.cell(index).evaluate("(cell) => cell.scrollIntoView()")
    settle(page)
    return page.screenshot(name)


def quiet(page):
    """Say whether nothing went wrong in the page."""
    return page.errors == [] and page.said == []
