"""What the tests of the live view share: what their cells run, and what is seen."""

__all__ = [
    "MIMES",
    "SETUP",
    "SHOW",
    "final",
    "live",
    "note",
    "outputs",
    "picture",
    "quiet",
    "text_of",
]

SETUP = '''\
import time, nbstream
from nbstream.offline import use
use()
from openai import OpenAI
def ask(prompt):
    return OpenAI().responses.create(model="gpt-5", input=prompt, stream=True)
def flow(text, step=4, delay_s=0.004, hold_s=1.0):
    """Give a text in pieces; then wait, so that all of it has been painted."""
    for at in range(0, len(text), step):
        time.sleep(delay_s)
        yield text[at : at + step]
    time.sleep(hold_s)
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
SHOW = "reply = nbstream.show(flow(TOUR))"
MIMES = {"text/html", "text/markdown", "text/plain"}


def note(said, message):
    """Keep the errors of the console that are not the server's."""
    if message.type == "error" and "Failed to load resource" not in message.text:
        said.append(message.text)


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
    page.page.wait_for_timeout(100)
    return page.screenshot(name)


def quiet(page):
    """Say whether nothing went wrong in the page."""
    return page.errors == [] and page.said == []
