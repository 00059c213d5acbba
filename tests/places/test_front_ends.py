"""Front ends that lack something, emulated: what is missing takes nothing else away."""

from __future__ import annotations

import json

import pytest
from harness.matrix import ensure_folder

from nbstream.reply import Reply
from nbstream.screens.widget import FALLBACK, NO_WIDGETS, LiveModel, WidgetScreen
from nbstream.types import TextDelta

pytestmark = pytest.mark.place

WRITTEN = """\
import nbstream, pathlib, time
def written():
    for number in range(8):
        yield f"word{number} "
        time.sleep(0.2)
    while not pathlib.Path("go").exists():
        time.sleep(0.02)
    yield "**end**"
"""

# -- no comms: what a kernel says to a front end that answers nothing ------------------


@pytest.mark.parametrize("view", ["auto", "live"])
def test_without_comms_the_display_is_updated(kernel, view):
    """A second later, with the line that says why; what stays is as ever."""
    kernel.execute(WRITTEN)
    run = kernel.queue(f"r = nbstream.show(written(), view={view!r})")
    shown = lambda: [each["data"] for each in run.outputs if "data" in each]  # noqa: E731
    kernel.wait_until(shown, what="the display")
    first = shown()
    kernel.wait_until(lambda: "word7" in shown()[0].get("text/html", ""))
    late = shown()
    (kernel.folder / "go").touch()
    kernel.wait(run)

    assert first[0]["text/plain"] == FALLBACK
    assert NO_WIDGETS in late[0]["text/html"]
    assert [sorted(each) for each in shown()] == [
        ["text/html", "text/markdown", "text/plain"]
    ]
    assert shown()[0]["text/plain"].endswith("word7 **end**")


def test_a_stream_that_is_silent_says_it_too(kernel):
    """Nothing has come, and yet no placeholder stays."""
    kernel.execute(WRITTEN + "def silent():\n    time.sleep(60)\n    yield 'late'")
    run = kernel.queue("r = nbstream.show(silent())")
    kernel.wait_until(
        lambda: any(NO_WIDGETS in json.dumps(each) for each in run.outputs)
    )
    kernel.interrupt()
    kernel.wait(run)


# -- Colab: its manager of custom widgets has to be switched on ------------------------

COLAB = """\
import sys, types
colab, output = map(types.ModuleType, ('google.colab', 'google.colab.output'))
called = []
output.enable_custom_widget_manager = lambda: called.append(1)
colab.output = output
sys.modules |= {'google.colab': colab, 'google.colab.output': output}
import nbstream
reply = nbstream.show(['a'])
print(len(called))"""


def test_in_colab_custom_widgets_are_switched_on(kernel):
    """anywidget does it, once, with the first live view."""
    assert kernel.execute(COLAB).text == "1\n"


# -- ipywidgets 7, as in Colab and older servers ---------------------------------------


@pytest.mark.browser
def test_with_ipywidgets_7_it_is_live(open_notebook):
    """Whatever of the two the kernel has."""
    old = ensure_folder("ipywidgets-7", "ipywidgets==7.7.1", "ipython_genutils")
    first = f"import sys; sys.path.insert(0, {str(old)!r})\n{WRITTEN}"
    last = "import ipywidgets; ipywidgets.__version__"
    page = open_notebook([first, "r = nbstream.show(written())", last], kernel="7.4.0")
    page.run_all(wait=False)
    page.wait_text(1, "word7")
    page.output(1).get_by_role("button", name="Stop").click()
    page.wait_idle()

    assert "7.7.1" in page.output_text(2)
    assert "Stopped" in page.output_text(1)
    assert page.errors == []


# -- no `update_display_data` ----------------------------------------------------------

DEAF = """() => {
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  const real = kernel._handleDisplayId.bind(kernel);
  kernel._handleDisplayId = async (id, message) =>
    message.header.msg_type === 'update_display_data' || real(id, message);
}"""


@pytest.mark.browser
def test_where_displays_cannot_change_the_view_brings_the_end(open_notebook):
    """The live view asks for what should have taken its place."""
    page = open_notebook([WRITTEN, "r = nbstream.show(written())"], fresh=True)
    page.run_cell(0)
    page.js(DEAF)
    page.run_cell(1, wait=False)
    page.wait_text(1, "word7")
    (page.folder / "go").touch()
    page.wait_text(1, "end")
    page.page.wait_for_function(
        "() => !document.querySelector('.jp-CodeCell [class^=nbstream-]')"
    )
    saved = page.save()["cells"][1]["outputs"]

    assert [sorted(each["data"]) for each in saved] == [
        ["text/html", "text/markdown", "text/plain"]
    ]
    assert page.errors == []


# -- an output in a sandboxed frame of another origin (VS Code, Colab) -----------------

FRAME = """<!doctype html><div id=at></div><script type=module>
const listeners = new Map();
const sent = (message) => parent.postMessage(message, "*");
const of = (name) => listeners.get(name) ?? listeners.set(name, new Set()).get(name);
const state = {block: 0, snapshot: SNAPSHOT};
const model = {
  get: (name) => state[name],
  on: (name, listener) => of(name).add(listener),
  off: (name, listener) => of(name).delete(listener),
  send: (content) => sent(content),
};
addEventListener("error", ({message}) => sent({error: message}));
addEventListener("unhandledrejection", ({reason}) => sent({error: String(reason)}));
addEventListener("message", ({data}) => {
  if (data.block) state.block = data.block;
  for (const each of of(data.block ? "change:block" : "msg:custom")) each(data);
});
const {default: view} = await import(URL.createObjectURL(
  new Blob([SCRIPT], {type: "text/javascript"})));
const made = await view();
await made.initialize({model});
await made.render({model, el: document.getElementById("at")});
sent({kind: "rendered"});
</script>"""
PAGE = "<!doctype html><iframe sandbox=allow-scripts width=600 height=300></iframe>"
TELL = """data =>
  document.querySelector('iframe').contentWindow.postMessage(data, '*')"""


@pytest.mark.browser
def test_in_a_sandboxed_frame_it_is_live(browser):
    """It needs nothing of the page around it: no cookies, no storage, no manager."""
    screen, reply = WidgetScreen(), Reply("text")
    told = []
    screen.send = told.append
    context = browser.new_context()
    page = context.new_page()
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.set_content(PAGE)
    script = json.dumps(LiveModel._esm).replace("</", "<\\/")
    page.evaluate(
        """html => {
          window.got = [];
          addEventListener("message", ({data}) => got.push(data));
          document.querySelector("iframe").srcdoc = html;
        }""",
        FRAME.replace("SCRIPT", script).replace("SNAPSHOT", json.dumps(screen.whole())),
    )
    page.wait_for_function("() => got.some(({kind}) => kind === 'rendered')")
    reply._apply(TextDelta(text="live **words**"))
    screen.update(reply)
    for message in told:
        page.evaluate(TELL, message)
    frame = page.frame_locator("iframe")
    frame.get_by_text("words").wait_for()
    page.evaluate(TELL, {"block": 1})
    frame.get_by_role("button", name="Stop").click()
    frame.get_by_text("press ■").first.wait_for()
    kinds = page.evaluate("() => got.map(({kind, error}) => kind ?? error)")
    context.close()

    assert kinds == ["here", "rendered", "hello", "stop"]
    assert said == []


# -- a cell that is not trusted, as in the other window of a shared notebook -----------

DISTRUST = """() => {
  const { widgets } = window.jupyterapp.shell.currentWidget.content;
  widgets[1].model.outputs.trusted = false;
}"""


@pytest.mark.browser
def test_where_the_output_is_not_trusted_a_view_takes_the_words_place(open_notebook):
    """JupyterLab shows the text there; the view is live, and its Stop stops."""
    page = open_notebook([WRITTEN, "r = nbstream.show(written())"], fresh=True)
    page.run_cell(0)
    page.run_cell(1, wait=False)
    page.wait_text(1, "word1")
    page.js(DISTRUST)
    words = page.output(1).get_by_text(FALLBACK)
    words.wait_for(state="hidden")
    page.wait_text(1, "word7")
    page.output(1).get_by_role("button", name="Stop").click()
    page.wait_text(1, "Stopped")
    page.wait_idle()

    assert words.count() == 0
    assert page.errors == []
