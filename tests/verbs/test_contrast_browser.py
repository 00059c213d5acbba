"""What is shown can be read: contrast as WCAG 2.2 measures it, in every theme."""

import pytest
from harness.jupyter import THEMES
from harness.live import live, quiet, release
from verbs.test_web_page_browser import SHOTS, script, visit  # noqa: F401

import nbstream
from nbstream import web

pytestmark = pytest.mark.browser

#: Measures each text, and the edge of each control, against what is behind it; gives
#: those below 4.5 (3 for large letters and for edges), and how many there were.
#: What cannot be pressed is no matter (1.4.3), but for a question that is to be read.
MEASURE = """(selector) => {
  const canvas = document.createElement('canvas');
  const pen = canvas.getContext('2d', { willReadFrequently: true });
  const rgba = (color) => {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = color;
    pen.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = ([r, g, b, a], under) =>
    [r, g, b].map((each, at) => each * a + under[at] * (1 - a));
  const around = (element) => {
    const found = [];
    for (let each = element; each; each = each.parentElement) found.push(each);
    return found.map((each) => getComputedStyle(each));
  };
  const groundOf = (element) => around(element).map(
    ({ backgroundColor }) => rgba(backgroundColor)).reduceRight(
    (under, color) => over(color, under), [255, 255, 255]);
  const light = (rgb) => {
    const [r, g, b] = rgb.map((each) => each / 255).map(
      (each) => each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
  };
  const ratio = (color, element, ground) => {
    const opacity = around(element).reduce((all, { opacity }) => all * opacity, 1);
    const [r, g, b, a] = rgba(color);
    const [one, other] = [light(over([r, g, b, a * opacity], ground)), light(ground)];
    return Math.max(one, other) / Math.min(one, other);
  };
  const isUp = (each) => each.checkVisibility({ visibilityProperty: true })
    && around(each).every(({ opacity }) => opacity > 0.05)
    && !each.closest('mjx-assistive-mml, .nbstream-said, .hidden, :disabled');
  const nameOf = (each) => [each.localName, ...each.classList].join('.');
  let count = 0;
  const low = new Map();
  const note = (value, least, element, words) => {
    count++;
    const said = `${nameOf(element)}: ${words}`;
    if (value < least) low.set(said, Math.round(value * 100) / 100);
  };
  for (const root of document.querySelectorAll(selector)) {
    const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const { parentElement: element, data } = texts.currentNode;
      if (!data.trim() || !isUp(element)) continue;
      const { fontSize, fontWeight, color } = getComputedStyle(element);
      const isLarge = parseFloat(fontSize) >= (fontWeight >= 700 ? 18.66 : 24);
      const value = ratio(color, element, groundOf(element));
      note(value, isLarge ? 3 : 4.5, element, data.trim().slice(0, 20));
    }
    const controls = 'button, textarea, input, select';
    for (const element of root.querySelectorAll(controls)) {
      const { borderTopWidth, borderTopColor } = getComputedStyle(element);
      const isEdged = parseFloat(borderTopWidth) && rgba(borderTopColor)[3];
      if (!isEdged || !isUp(element) || element.ariaDisabled === 'true') continue;
      const value = ratio(borderTopColor, element, groundOf(element.parentElement));
      note(value, 3, element, 'its edge');
    }
  }
  return [count, Object.fromEntries(low)];
}"""
RICH = r'''
RICH = """# Heading
Some *prose*, **bold**, ~~struck~~, `code`, a [link](https://example.org), <kbd>K</kbd>,
<mark>m</mark>, <ins>in</ins>, <small>small</small>, $x^2$ and a note[^1].

> [!WARNING]
> careful

- [x] done

| a | b |
|---|---|
| 1 | 2 |
| 3 | 4 |

<details><summary>More</summary>

inside

</details>

```python
@decorator
class A(Base):
    def f(self, x: int = 3) -> str:
        return f"{x!r} {None}" + str(1.5) + x.y if x else len(x)  # comment
```

```diff
@@ -1 +1 @@
-old
+new
```

```html
<a href="x">&amp;</a><!-- comment -->
```

```text
a line that is so long that it does not fit into any window and so has to be scrolled, \
or on paper to be broken, as nobody can scroll there or press a button that is printed
```

[^1]: The note.

The end."""
'''
#: What of it would be cut off on paper, or cannot be pressed there.
PRINTED = """(selector) => {
  const isCut = (each) => getComputedStyle(each).overflow !== 'visible'
    && (each.scrollWidth > each.clientWidth + 1
      || each.scrollHeight > each.clientHeight + 1);
  const all = [...document.querySelectorAll(selector)].flatMap(
    (root) => [...root.querySelectorAll('*')]);
  return all.filter((each) => each.checkVisibility()
    && !each.closest('.nbstream-said, .hidden, .nbstream-formulas, mjx-container')
    && (isCut(each) || each.matches('button, textarea'))).map((each) => each.outerHTML);
}"""
CELLS = (
    RICH
    + '''
def weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"{city}: clear"
careful = nbstream.tool(weather, confirm=True)
def broken():
    yield "Some text."
    raise ConnectionError("gone")
THOUGHT = "<think>A thought.</think>" + RICH''',
    "live = nbstream.start(flow(RICH, 'The end.', step=99))",
    """\
one = nbstream.start(broken())
two = nbstream.start(flow("Some text. Never.", "Never", step=99))
time.sleep(0.5)
two.stop()""",
    "nbstream.Chat('anthropic:m', tools=[careful]).panel()",
    "reply = nbstream.show(lambda: ask('Hello'), keep_wire=True); reply.anatomy()",
    """\
three = lambda: flow("<think>A thought.</think>" + RICH, "The end.", step=99)
reply = nbstream.race({"one": broken, "two": lambda: flow("x"), "three": three})""",
)
#: The host's own colours, which are below it there.
OF_THE_HOST = {"dark": {"span.c: # comment": 4.15, "span.c: <!-- comment -->": 4.15}}


def test_all_can_be_read_in_every_theme(open_cells):
    """Answers, code, calls, questions, notes, race, panel, anatomy; live and saved."""
    page = open_cells(*CELLS)
    page.page.set_viewport_size({"width": 1280, "height": 2400})
    for at in range(1, len(CELLS)):
        page.run_cell(at)
    page.output(4).get_by_label("Your question").fill(
        "[scenario: two_tool_calls] Paris"
    )
    page.page.keyboard.press("Enter")
    page.run_cell(len(CELLS), wait=False)
    page.output(4).get_by_role("button", name="Allow").wait_for()
    live(page, 2).get_by_text("The end.").wait_for()
    page.output(6).get_by_text("The end.").wait_for()
    found = {}
    for stage in ("live", "saved"):
        for theme in THEMES:
            page.set_theme(theme)
            page.page.wait_for_timeout(300)  # what fades in has done so
            count, low = page.js(MEASURE, ".jp-OutputArea-output")
            found[f"{stage}, {theme}"] = low
            page.screenshot(f"contrast-{stage}-{theme}")
            assert count > 150
        page.page.emulate_media(media="print")
        printed = page.js(PRINTED, ".nbstream, .nbstream-panel")
        page.page.emulate_media(media="screen")
        assert printed == []
        if stage == "live":
            release(page, "The end.")
            page.output(4).get_by_role("button", name="Stop").click()
            page.wait_idle()

    themes = [(at, each) for at in ("live", "saved") for each in THEMES]
    assert found == {f"{at}, {each}": OF_THE_HOST.get(each, {}) for at, each in themes}
    assert quiet(page)


LOOKS = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "forced": {"forced_colors": "active"},
}


def test_all_of_the_page_can_be_read(visit, offline, script):  # noqa: F811
    """Of a chat: light, dark, and in the colours that the system forces on it."""

    @nbstream.tool(confirm=True)
    def weather(city: str) -> str:
        """Tell the weather of a city."""
        return f"{city}: clear"

    answer = visit(web.app(script))
    answer.ask("Hello")
    script.say(RICH.partition('"""')[2].rpartition('"""')[0])
    answer.says("The end.")
    card = visit(web.app(nbstream.Chat("anthropic:m", tools=[weather])))
    card.ask("[scenario: two_tool_calls] Paris")
    card.button("Allow").wait_for()
    low = {}
    for look, media in LOOKS.items():
        for page in (answer, card):
            page.page.emulate_media(**media)
            count, found = page.js(MEASURE, "body")
            low[look] = low.get(look, {}) | found
            page.shot(f"contrast-{look}-{['answer', 'card'][page is card]}")
            assert count > 10

    answer.page.emulate_media(media="print")
    answer.page.screenshot(path=SHOTS / "web-page-printed.png", full_page=True)

    assert low == {look: {} for look in LOOKS}
    assert answer.js(PRINTED, "body") == []
    assert answer.js("() => document.body.scrollHeight - innerHeight") > 0
