"""Formulas in JupyterLab: typeset while the answer is written, and never in the way."""
# ruff: noqa: E501 - a table is read a case a line

import pytest
from harness.live import final, live, picture, quiet, release, settle

pytestmark = pytest.mark.browser

GROWING = r"""
text = ("Let $x^2$ be given, and then one goes on, in the same paragraph, for long. " * 2
        + "MARK and so on. " * 4)
live = nbstream.start(flow(text, "MARK", step=3))"""


def test_a_formula_is_typeset_in_an_open_paragraph(open_cells):
    """As soon as it is closed; what comes behind it does not make it raw again."""
    page = open_cells(GROWING)
    page.run_cell(1)
    live(page, 1).get_by_text("Let").wait_for()
    page.js(
        """() => {
          const text = document.querySelector('.nbstream-text');
          window.raw = 0;
          window.seen = false;
          window.watch = new MutationObserver(() => {
            const first = text.querySelector('p > span');
            const done = Boolean(first?.querySelector('mjx-container'));
            window.seen ||= done;
            if (window.seen && !done) window.raw++;
          });
          window.watch.observe(text, {childList: true, subtree: true, characterData: true});
        }"""
    )
    live(page, 1).locator("mjx-container").nth(1).wait_for()
    text = live(page, 1).locator(".nbstream-text").text_content()
    live(page, 1).get_by_text("MARK").wait_for()
    page.js("() => watch.disconnect()")
    release(page, "MARK")
    final(page, 1)

    assert "and so on." not in text
    assert page.js("() => [window.seen, window.raw]") == [True, 0]
    assert quiet(page)


WIDE = r"""
wide = "$$ " + " + ".join("abc_{%d}" % n for n in range(90)) + " $$"
text = f"Before it.\n\n{wide}\n\nBehind it, END.\n"
"""
SIZES = """() => {
  const span = document.querySelector('span[style]:has(mjx-container)');
  const around = span.parentElement;
  const style = getComputedStyle(span);
  return [style.overflowX, span.scrollWidth > span.clientWidth + 100,
    around.scrollWidth <= around.clientWidth + 1, span.scrollHeight <= span.clientHeight + 1];
}"""


def test_a_wide_formula_scrolls_in_its_own_column(open_cells):
    """Live and in the end; nothing else is widened, nothing is cut off below."""
    page = open_cells(WIDE + "live = nbstream.start(flow(text, 'END', step=9))")
    page.run_cell(1)
    live(page, 1).locator("mjx-container").wait_for()
    settle(page)
    growing = page.js(SIZES)
    picture(page, 1, "formula-wide-live")
    release(page, "END")
    final(page, 1)
    page.output(1).locator("mjx-container").wait_for()
    settle(page)
    picture(page, 1, "formula-wide-final")

    assert growing == ["auto", True, True, True]
    assert page.js(SIZES) == growing
    assert quiet(page)


def test_in_a_race_it_stays_out_of_the_neighbours_text(open_cells):
    """It scrolls in its cell of the final output."""
    race = "nbstream.race({'a': lambda: flow(text), 'b': lambda: flow('b ' * 200)});"
    page = open_cells(WIDE + race)
    page.run_cell(1)
    final(page, 1)
    page.output(1).locator("mjx-container").wait_for()
    settle(page)
    picture(page, 1, "formula-wide-race")

    assert page.js(SIZES) == ["auto", True, True, True]
    assert quiet(page)


MANY = r"""
text = "".join(f"So $x_{{{n}}}^2 + \\frac{{a}}{{{n}}}$ is.\n\n" for n in range(900)) + "END."
live = nbstream.start(flow(text, "END", step=400))"""


@pytest.mark.alone
def test_hundreds_of_formulas_leave_the_page_its_time(open_cells):
    """They are typeset in slices; what is past the bound is source."""
    page = open_cells(MANY)
    page.js(
        """() => {
          window.tasks = [];
          new PerformanceObserver((list) => tasks.push(...list.getEntries().map((e) => e.duration)))
            .observe({entryTypes: ['longtask']});
        }"""
    )
    page.run_cell(1)
    live(page, 1).locator("mjx-container").nth(150).wait_for()
    live(page, 1).locator("code").nth(10).wait_for()
    page.page.wait_for_timeout(1000)
    tasks = page.js("() => tasks")
    release(page, "END")
    said = final(page, 1)

    assert max(tasks, default=0) < 600
    assert "END." in said
    assert quiet(page)
