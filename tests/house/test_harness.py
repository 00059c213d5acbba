"""The harness itself: what a test sees of a kernel is what a front end would see."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from harness.jupyter import notebook_of

ROOT = Path(__file__).resolve().parents[2]
OPTIONS = ("-p", "conftest", "--continue-on-collection-errors")
SKIPPING = {
    "test_one": "def test_it():\n    pytest.skip('tired')\n",
    "test_marked": "@pytest.mark.skipif(True, reason='x')\ndef test_it(): ...\n",
    "test_file": "pytest.skip('tired', allow_module_level=True)\n",
}


@pytest.mark.parametrize(
    ("ci", "expected"),
    {"": "3 skipped", "true": "1 failed, 2 errors"}.items(),
    ids=["at home", "in CI"],
)
def test_in_ci_a_skip_is_a_failure(ci, expected, tmp_path):
    """Where CI is set nothing can be left out unnoticed."""
    (tmp_path / "pytest.ini").touch()
    for name, source in SKIPPING.items():
        (tmp_path / f"{name}.py").write_text(f"import pytest\n{source}")
    path = os.pathsep.join([str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *OPTIONS, tmp_path],
        cwd=ROOT,
        env={**os.environ, "CI": ci, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert expected in done.stdout.splitlines()[-1]


#: A test that fails in its first run, and where it runs a second time.
ONCE = """
import os, pathlib, pytest
@pytest.mark.parametrize("n", range({count}))
def test_it(n):
    tried = pathlib.Path(f"tried-{{n}}")
    if not tried.exists():
        tried.write_text("")
        assert False
    tried.write_text(os.environ.get("PYTEST_XDIST_WORKER", "alone"))
def test_well(): ...
"""
#: Tests -> (exit code, what is said, what ran a second time and where).
AGAIN = {
    "none fails": ("def test_it(): ...", 0, "", []),
    "some fail once": (ONCE.format(count=5), 0, "They pass alone.", ["alone"] * 5),
    "too many fail": (ONCE.format(count=6), 1, "", [""] * 6),
    "one fails again": ("def test_it(): assert False", 1, "FAILED AGAIN.", []),
    "one cannot be read": ("import nothing_of_that_name", 1, "", []),
}


@pytest.mark.parametrize(
    ("source", "code", "said", "ran"), AGAIN.values(), ids=AGAIN.keys()
)
def test_a_few_that_fail_run_once_more_alone(source, code, said, ran, tmp_path):
    """One by one, loudly said, and what fails again has failed."""
    (tmp_path / "pytest.ini").touch()
    (tmp_path / "test_some.py").write_text(source)
    script = str(ROOT / ".ci" / "again.py")
    arguments = ["-p", "xdist", "-n", "2", "--dist", "worksteal", "test_some.py"]
    outside = {k: v for k, v in os.environ.items() if "XDIST" not in k}
    done = subprocess.run(
        [sys.executable, script, "-m", "pytest", *arguments],
        cwd=tmp_path,
        env={**outside, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    tried = sorted(tmp_path.glob("tried-*"))

    assert done.returncode == code, done.stdout
    assert ("ONCE MORE" in done.stdout) == bool(said)
    assert said in done.stdout
    assert [path.read_text() for path in tried] == ran


def test_each_kernel_runs_the_version_it_is_named_after(kernel):
    """The folder first on the path wins, in the same environment."""
    run = kernel.execute("import ipykernel\nprint(ipykernel.__version__)")
    assert (run.status, run.text) == ("ok", f"{kernel.version}\n")


def test_an_update_changes_the_display_where_it_is(kernel):
    """Outputs are as JupyterLab shows them: updated in place, also by later cells."""
    first = kernel.execute("h = display('one', display_id='d'); print('a'); print('b')")
    kernel.execute("h.update('two')")

    assert first.displays["d"]["data"] == {"text/plain": "'two'"}
    assert [output["output_type"] for output in first.outputs] == [
        "display_data",
        "stream",
    ]
    assert first.text == "a\nb\n"


def test_an_interrupt_ends_a_cell_and_aborts_the_queued_ones(kernel):
    """An interrupt raises KeyboardInterrupt; cells queued behind it do not run."""
    busy = kernel.queue("import time\nprint('on')\ntime.sleep(60)")
    behind = kernel.queue("print('never')")
    kernel.wait_until(lambda: busy.text == "on\n")

    kernel.interrupt()
    kernel.wait(busy)
    kernel.wait_until(lambda: behind.reply)

    assert (busy.status, busy.outputs[-1]["ename"]) == ("error", "KeyboardInterrupt")
    assert (behind.status, behind.text) == ("aborted", "")


def test_a_cell_can_tell_a_headless_run(kernel):
    """The request carries `allow_stdin`, which tells tools from people."""
    code = "print(get_ipython().kernel.get_parent()['content']['allow_stdin'])"
    assert kernel.execute(code).text == "True\n"
    assert kernel.execute(code, allow_stdin=False).text == "False\n"


def test_comm_messages_go_both_ways(kernel):
    """A comm that the kernel opens answers what the front end sends to it."""
    kernel.execute(
        "from comm import create_comm\n"
        "c = create_comm(target_name='t', data={'a': 1})\n"
        "c.on_msg(lambda m: c.send({'got': m['content']['data']}))"
    )
    opened = kernel.comm_messages[0]["content"]

    kernel.wait(kernel.send_comm(opened["comm_id"], {"b": 2}))

    assert opened["data"] == {"a": 1}
    assert kernel.comm_messages[-1]["content"]["data"] == {"got": {"b": 2}}


def test_traffic_is_counted(kernel):
    """Every iopub message counts, with all its bytes."""
    before = kernel.iopub.messages, kernel.iopub.bytes
    run = kernel.execute("display({'text/plain': 'x' * 10_000}, raw=True)")

    assert kernel.iopub.messages - before[0] == len(run.messages)
    assert run.types() == ["status", "execute_input", "display_data", "status"]
    assert 10_000 < kernel.iopub.bytes - before[1] < 15_000


@pytest.mark.browser
def test_a_cell_prints_and_is_saved(open_notebook, front):
    """A notebook opens, runs and saves in both front ends."""
    page = open_notebook(["print('hel' + 'lo')"], front=front)
    page.run_all()
    page.screenshot(f"harness-{front}-light")
    added = page.insert_and_run("6 * 7")
    page.set_theme("dark")
    page.screenshot(f"harness-{front}-dark")

    cells = page.save()["cells"]

    assert (page.output_text(0), page.output_text(added)) == ("hello\n", "42")
    assert cells[0]["outputs"][0]["text"] == ["hello\n"]
    assert [cell["execution_count"] for cell in cells] == [1, 2]
    assert page.errors == []


@pytest.mark.browser
@pytest.mark.kernel
def test_the_stop_button_interrupts(open_notebook, front):
    """The toolbar's button interrupts a sleeping cell, on an older kernel too."""
    cells = [
        "import time, ipykernel\nprint(ipykernel.__version__)\ntime.sleep(600)",
        "print('never')",
    ]
    page = open_notebook(cells, front=front, kernel="6.31.0")
    page.run_all(wait=False)
    page.wait_text(0, "6.31.0")

    page.interrupt()
    page.wait_idle()

    assert "KeyboardInterrupt" in page.output_text(0)
    assert (page.prompt(0), page.prompt(1)) == ("1", "")


@pytest.mark.browser
def test_a_page_is_handed_on_as_it_was_or_not_at_all(shelf, jupyter, tmp_path):
    """The next test has the same page, but not of one that failed or left a trace."""
    pages = []

    def use(do, *, passed=True):
        name = f"{tmp_path.name}-{len(pages)}.ipynb"
        jupyter.put(name, ["left = 1", "left"])
        opened = shelf.open(
            jupyter, "lab", fresh=False, path=name, screenshots=tmp_path
        )
        opened.run_all()
        pages.append(opened.page)
        do(opened)
        shelf.put_back(opened, passed=passed)
        jupyter.end_sessions()
        return opened

    use(lambda page: page.interrupt())
    second = use(lambda page: page.insert_and_run("print('dirty')"))
    use(lambda page: page.js("() => { window.left = 1; }"))
    fourth = use(lambda page: None, passed=False)

    assert pages[0] is pages[1] is pages[2]
    assert pages[3] is not pages[2]
    assert fourth.page.is_closed()
    assert second.errors == second.said == fourth.errors == fourth.said == []


@pytest.mark.browser
def test_a_server_with_token_and_base_url(open_notebook, start_jupyter):
    """A server may ask for a token and live below a path, as a hub's do."""
    server = start_jupyter(token="secret", base_url="/user/me/")
    page = open_notebook(["print(1)"], server=server)
    page.run_all()

    assert page.output_text(0) == "1\n"
    assert len(server.api("GET", "sessions")) == 1


@pytest.mark.browser
@pytest.mark.parametrize(
    ("trust", "expected"), [(True, "ran"), (False, "")], ids=["trusted", "untrusted"]
)
def test_a_saved_file_is_opened_trusted_or_not(
    open_notebook, front, tmp_path, trust, expected
):
    """A copy of a file opens untrusted unless it is signed first."""
    script = "<script>document.body.dataset.saved = 'ran'</script>"
    notebook = notebook_of(["1"])
    notebook.cells[0].outputs = [output_of("text/html", f"<b>shown</b>{script}")]
    nbformat.write(notebook, tmp_path / "saved.ipynb")

    page = open_notebook(tmp_path / "saved.ipynb", front=front, trust=trust)
    page.wait_text(0, "shown")

    assert page.js("() => document.body.dataset.saved || ''") == expected


def output_of(mime: str, text: str) -> nbformat.NotebookNode:
    """Make a saved display."""
    return nbformat.v4.new_output("display_data", data={mime: text})


@pytest.mark.browser
def test_a_page_that_does_not_come_up_says_what_it_shows(
    open_notebook, jupyter, tmp_path, monkeypatch
):
    """It is loaded again, and then the test fails with what is in its way."""
    monkeypatch.setattr("harness.browser.LOAD_S", 15)
    monkeypatch.setattr("harness.browser.LOAD_TIMES", 2)
    notebook = notebook_of(["1"])
    notebook.metadata["kernelspec"]["name"] = "no-such-kernel"
    source = tmp_path / "notebook.ipynb"
    nbformat.write(notebook, source)

    with pytest.raises(pytest.fail.Exception) as failed:
        open_notebook(source)

    assert "Select Kernel" in str(failed.value)
    assert str(failed.value).count('"connection"') == 2
