"""The Stop button of the live view, clicked by a mouse, on every kernel."""

import random
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.live import picture

pytestmark = [pytest.mark.browser, pytest.mark.alone]

SETUP = """\
import sys, time
import nbstream
from openai import OpenAI
client = OpenAI(base_url="{url}/v1", api_key="none", max_retries=0)
def ask(plan):
    return client.responses.create(
        model=plan, input="a long answer, please", stream=True)
def words(n, wait_s):
    for i in range(n):
        yield f"word{{i}} "
        time.sleep(wait_s)"""
CALLS = {
    "blocking": 'reply = nbstream.show(ask("{plan}"), view="live")',
    "awaited": 'reply = await nbstream.start(ask("{plan}"), view="live")',
    "background": 'live = nbstream.start(ask("{plan}"), view="live")',
}
#: When the click comes -> what the server does until then.
MOMENTS = {
    "before the first token": "first",
    "mid-stream": "flow",
    "silence": "silence",
}
NEXT = {
    "blocking": 'print("next:", reply.outcome)',
    "awaited": 'print("next:", reply.outcome)',
    "background": 'print("next:", live.result().outcome)',
}
#: As in a kernel that is not made as we know it.
DEAF = "import nbstream.screens.stop_button as b; b.watch = lambda *_: lambda: None"
BUTTON = "button.nbstream-stop"
NOTE_CLICKS = """() => {
  window.clicks = [];
  document.addEventListener('click', () => window.clicks.push(Date.now()), true);
}"""
#: As in front ends that know no subshells: JupyterLab before 4.4, VS Code.
NO_SUBSHELLS = """() => {
  const { sessionContext } = window.jupyterapp.shell.currentWidget;
  sessionContext.session.kernel.commsOverSubshells = 'disabled';
}"""
KNOWS_SUBSHELLS = """() => 'commsOverSubshells' in
  window.jupyterapp.shell.currentWidget.sessionContext.session.kernel"""
#: Generous, because a busy machine is no failure; the table holds what was measured.
LIMIT_MS = 1500
#: What is promised of nearly all clicks; here of one in two.
USUAL_MS = 50
#: (front end, kernel, kind of cell, moment) -> from click to disconnect.
measured = {}


@pytest.fixture(scope="module")
def wire():
    """A server that notes when a client goes away."""
    from harness.wire import Wire

    # Not here: playwright has a loop in this thread.
    with ThreadPoolExecutor(1) as aside:
        server = aside.submit(Wire).result()
    yield server
    server.close()


@pytest.fixture(scope="module", autouse=True)
def table():
    """Write what was measured, for a person to read."""
    from conftest import ROOT

    yield
    if not measured:
        return
    lines = ["From the click to the server seeing the disconnect, in milliseconds", ""]
    lines += [f"{took:7.1f}  {'  '.join(case)}" for case, took in measured.items()]
    for way in dict.fromkeys(case[0] for case in measured):
        all_ms = sorted(took for case, took in measured.items() if case[0] == way)
        p95 = all_ms[max(0, round(0.95 * len(all_ms)) - 1)]
        middle = statistics.median(all_ms)
        lines.append(f"{way}: n={len(all_ms)}, median {middle:.1f}, p95 {p95:.1f}")
    target = ROOT / "screenshots" / "stop-matrix.txt"
    target.parent.mkdir(exist_ok=True)
    target.write_text("\n".join(lines) + "\n")


@pytest.fixture
def opened(open_notebook, wire):
    """Open a notebook whose first cell makes a client of that server."""

    def start(cells, **options):
        page = open_notebook([SETUP.format(url=wire.url), *cells], **options)
        page.js(NOTE_CLICKS)
        page.run_cell(0)
        return page

    return start


def click(page, wire, index, moment):
    """Wait for the moment and press Stop; return how long the connection lived on."""
    exchange = None
    plan = MOMENTS[moment]
    before = len(wire.exchanges)
    page.run_cell(index, wait=False)
    page.run_cell(index + 1, wait=False)
    button = page.output(index).locator(BUTTON)
    button.wait_for()
    wanted = {"first": 0, "flow": 100, "silence": 5}[plan]
    exchange = wire.wait_for(
        lambda each: wire.exchanges.index(each) >= before and each.sent >= wanted
    )
    time.sleep(0.3)  # for the silence to be one, and the kernel to be deep in it
    button.click()
    wire.wait_for(lambda each: each is exchange and each.gone_at_s is not None)
    clicked_s = page.js("() => window.clicks.at(-1)") / 1000
    page.wait_idle()
    gone_s = exchange.gone_at_s + time.time() - time.monotonic()
    return 1000 * (gone_s - clicked_s)


#: The older JupyterLab with the newer kernels is tried with what takes longer.
MATRIX = [
    pytest.param(
        kernel,
        front,
        id=f"{kernel}-{front}",
        marks=[pytest.mark.place] * (front == "lab 4.3" and kernel != "6.31.0"),
    )
    for kernel in ("6.31.0", "7.3.0", "7.4.0")
    for front in ("lab", "notebook", "lab 4.3")
]


@pytest.mark.parametrize(("kernel", "front"), MATRIX)
def test_stop_stops_whatever_the_kernel_is_doing(opened, wire, kernel, front, request):
    """Click: the server is rid of us, the text is kept, and the next cell runs."""
    is_old = front == "lab 4.3"
    server = request.getfixturevalue("old_lab") if is_old else None
    cases = [(kind, moment) for kind in CALLS for moment in MOMENTS]
    cells = []
    for kind, moment in cases:
        cells += [CALLS[kind].format(plan=MOMENTS[moment]), NEXT[kind]]
    page = opened(cells, front=front.split()[0], kernel=kernel, server=server)
    knows = page.js(KNOWS_SUBSHELLS)
    took = []
    for at, (kind, moment) in enumerate(cases):
        took.append(click(page, wire, 2 * at + 1, moment))
        measured["kernel hears", front, kernel, kind, moment] = took[-1]
    saved = page.save()["cells"]

    for at, (_, moment) in enumerate(cases):
        (shown,) = saved[2 * at + 1]["outputs"]
        text = "".join(shown["data"]["text/plain"])
        assert shown["metadata"]["nbstream"]["outcome"] == "stopped"
        assert text.startswith("# How a") == (moment != "before the first token")
        assert page.output_text(2 * at + 2) == "next: stopped\n"
    assert knows is not is_old
    assert (statistics.median(took) < USUAL_MS, max(took) < LIMIT_MS) == (True, True)
    assert page.errors == []


@pytest.fixture(scope="module")
def secure(start_jupyter):
    """A server with a token, XSRF checks and a prefix."""
    return start_jupyter(token="not-a-secret", base_url="/user/me/")


@pytest.fixture(scope="module")
def old_lab(start_jupyter):
    """A server of JupyterLab 4.3, the last one without subshells."""
    from harness.matrix import ensure_lab

    folder = ensure_lab("4.3.8")
    options = [f"--LabApp.app_dir={folder}/share/jupyter/lab"]
    return start_jupyter(env={"PYTHONPATH": str(folder)}, options=options)


@pytest.mark.parametrize("kernel", ["6.31.0", "7.3.0", "7.4.0"])
def test_stop_needs_no_subshells(opened, wire, secure, front, kernel):
    """Behind a token and a prefix, and with a front end that has no subshells."""
    cells = [CALLS["blocking"].format(plan="silence"), NEXT["blocking"]]
    page = opened(cells, front=front, kernel=kernel, server=secure)
    page.js(NO_SUBSHELLS)
    took_ms = click(page, wire, 1, "silence")
    measured["kernel hears", f"{front}, secure", kernel, "blocking", "silence"] = (
        took_ms
    )

    assert page.output_text(2) == "next: stopped\n"
    assert took_ms < LIMIT_MS


def test_a_kernel_that_cannot_hear_is_interrupted(opened, wire, secure, front):
    """Where no hand reaches in: as if ■ were pressed, and the view says so."""
    cells = [CALLS["blocking"].format(plan="silence"), "print('never')", DEAF]
    page = opened(cells, front=front, kernel="7.3.0", server=secure)
    page.js(NO_SUBSHELLS)
    page.run_cell(3)
    page.run_cell(1, wait=False)
    button = page.output(1).locator(BUTTON)
    button.wait_for()
    told = page.output(1).locator(f"{BUTTON}[title*='interrupts the kernel']")
    told.wait_for(timeout=5000)
    page.interrupt()
    page.wait_idle()
    took_ms = click(page, wire, 1, "silence")
    measured["interrupted", f"{front}, secure", "7.3.0", "blocking", "silence"] = (
        took_ms
    )
    shown, error = page.save()["cells"][1]["outputs"]

    assert "".join(shown["data"]["text/plain"]).startswith("# How a")
    assert shown["metadata"]["nbstream"]["outcome"] == "stopped"
    assert error["ename"] == "Stopped"
    assert page.output_text(2) == ""
    assert took_ms < LIMIT_MS


#: As where the page may not interrupt the kernel: behind a gateway, in VS Code.
NO_INTERRUPT = """() => {
  const { sessionContext } = window.jupyterapp.shell.currentWidget;
  sessionContext.session.kernel.interrupt = undefined;
  document.getElementById('jupyter-config-data').remove();
}"""
AGAIN = """() => {
  delete window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.interrupt;
}"""


def test_where_no_way_can_work_the_view_says_which_does(opened, wire, front):
    """Neither can the kernel hear nor may it be interrupted: ■ is the way."""
    cells = [CALLS["blocking"].format(plan="silence"), "print('never')", DEAF]
    page = opened(cells, front=front, kernel="7.3.0")
    page.js(NO_SUBSHELLS)
    page.js(NO_INTERRUPT)
    page.run_cell(3)
    page.run_cell(1, wait=False)
    wire.wait_for(lambda each: not each.over and each.sent >= 5)
    button = page.output(1).locator(BUTTON)
    page.output(1).locator(f"{BUTTON}[title*='press ■']").wait_for()
    button.click()
    said = "The kernel cannot hear this; press ■ (Interrupt)."
    page.output(1).get_by_text(said).wait_for()
    picture(page, 1, f"live-{front}-light-no-way")
    page.js(AGAIN)  # ■ itself needs it
    page.interrupt()
    page.wait_idle()
    shown, _ = page.save()["cells"][1]["outputs"]

    assert shown["metadata"]["nbstream"]["outcome"] == "stopped"
    assert "".join(shown["data"]["text/plain"]).startswith("# How a")
    assert page.errors == []


SHORT_S = 0.5
SHORT = "reply = nbstream.show(words(10, 0.05), view='live')"
SLEEP = """\
try:
    time.sleep(0.15)
    print("slept", reply.outcome)
except KeyboardInterrupt:
    print("hit")"""
#: Run two cells; click so many milliseconds after the button has come; wait for both.
CLICK_AT = """async (delay) => {
  const { commands, shell } = window.jupyterapp;
  const notebook = shell.currentWidget.content;
  const runs = [1, 2].map((index) => {
    notebook.deselectAll();
    notebook.activeCellIndex = index;
    return commands.execute('notebook:run-cell').catch(() => {});
  });
  const find = () => notebook.widgets[1].node.querySelector('button.nbstream-stop');
  const deadline = Date.now() + 10000;
  while (!find()) {
    if (Date.now() > deadline) throw new Error('no button');
    await new Promise(requestAnimationFrame);
  }
  const button = find();
  setTimeout(() => button.click(), delay);
  await Promise.all(runs);
  await new Promise((done) => setTimeout(done, 30));
}"""


def click_late(page, about_ms, count=30):
    """Click about so late, at random; return what the next cell said each time."""
    chance = random.Random(3)
    said = []
    for _ in range(count):
        page.js(CLICK_AT, about_ms + chance.uniform(-120, 80))
        page.wait_idle()
        said.append(page.output_text(2).strip())
    return said


def test_a_late_click_never_hits_the_next_cell(opened):
    """A click about when the stream ends, thirty times: the next cell runs in peace."""
    page = opened([SHORT, SLEEP], front="lab", kernel="6.31.0")
    said = click_late(page, 1000 * SHORT_S)

    assert set(said) == {"slept stopped", "slept complete"}


def test_a_late_interrupt_never_hits_the_next_cell(opened, secure):
    """Where the view must interrupt, it comes about when the stream ends, or not."""
    page = opened([SHORT, SLEEP, DEAF], front="notebook", kernel="7.3.0", server=secure)
    page.js(NO_SUBSHELLS)
    page.run_cell(3)
    said = click_late(page, 1000 * (SHORT_S - 0.3))

    assert set(said) <= {"", "slept complete"}
