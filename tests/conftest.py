"""Fixtures that several test files share: servers, shells, kernels, a browser."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from shutil import copytree
from typing import TYPE_CHECKING

import pytest
from harness.kernels import Kernel
from harness.matrix import NEWEST, OTHER_VERSIONS, VERSIONS, spec_name, write_specs
from harness.sdks import Clients
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:  # imported where used: most test runs open no browser
    from harness.browser import NotebookPage, Shelf
    from harness.jupyter import Jupyter
    from harness.wire import Wire
    from IPython.core.interactiveshell import InteractiveShell
    from playwright.sync_api import Browser

    from nbstream.offline import Server

# Each run tries the same examples: a change is judged, not the luck of the day. To
# look further: HYPOTHESIS_PROFILE=explore make test. How long one takes says how busy
# the machine is.
UNTIMED = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("steady", derandomize=True, database=None, **UNTIMED)
settings.register_profile("explore", max_examples=2000, **UNTIMED)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

# What a shell runs in the background, and all that this starts, ignores SIGINT. Tests
# press Ctrl-C: it counts again here, and in the kernels and servers that are started.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parents[1]
#: One worker runs these files whole: their tests share what is slow to make.
WHOLE = ("test_faults_notebook", "test_hostile_browser", "test_lite")
#: Whose tests of kernels run on all versions there are, in `make places`: of the way
#: that a button, an interrupt and an await take, which differs from one to another.
ON_ALL_KERNELS = (
    *("test_stop_button", "test_live_kernels", "test_users_loop_kernels"),
    "test_panel_kernels",
)
#: Which tests run in Notebook 7 in `make test`, too. It shows an answer by JupyterLab's
#: own code: the others run in it in `make places`.
IN_NOTEBOOK = (
    *("test_browser", "test_harness", "test_stop_browser"),
    "test_panel_browser",
)
#: Whether a test's body ran to its end, for the fixtures that go after it.
PASSED = pytest.StashKey[bool]()
IN_CI = bool(os.environ.get("CI"))


def pytest_report_header() -> str:
    """Say which copy of the package is tested: the source or the built wheel."""
    import nbstream

    return f"nbstream: {Path(nbstream.__file__).parent}"


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the quick tests first, then kernels, the browser last; whole files first.

    The order also matters to asyncio: playwright keeps a loop running in the main
    thread from its first use on, and then `asyncio.run` refuses to work there.
    """
    slow = ("browser", "kernel")
    items[:] = filter(_is_wanted, items)
    for item in items:
        is_notebook = _given(item, "front") == "notebook"
        if is_notebook and item.path.stem not in IN_NOTEBOOK:
            item.add_marker(pytest.mark.place)
    items.sort(
        key=lambda item: [
            *(name in item.keywords for name in slow),
            item.path.stem not in WHOLE,
        ]
    )


def _is_wanted(item: pytest.Item) -> bool:
    is_other = _given(item, "kernel") in OTHER_VERSIONS
    return not is_other or item.path.stem in ON_ALL_KERNELS


def _given(item: pytest.Item, name: str) -> object:
    """Return the value of a test's parameter; None if it has none of that name."""
    spec = getattr(item, "callspec", None)
    return spec and spec.params.get(name)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """With ``--dist loadscope``, hand out one test at a time, or a file of `WHOLE`."""
    from xdist.scheduler import LoadScopeScheduling

    class OneByOne(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            path = Path(nodeid.split("::")[0])
            return path.stem if path.stem in WHOLE else nodeid

    return OneByOne(config, log) if config.getoption("dist") == "loadscope" else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Iterator[None]:
    """In CI a skipped test is a failed one: nothing may go unproved unnoticed."""
    report = yield
    if call.when == "call":
        item.stash[PASSED] = report.passed
    return _skips_fail(report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    """The same for a whole file that skips itself."""
    report = yield
    return _skips_fail(report)


def _skips_fail(report: object) -> object:
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {report.longrepr}"
    return report


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """The offline server, as fast as it can."""
    from nbstream.offline import Server

    with Server(speed=0) as running:
        yield running


@pytest.fixture(scope="module")
def clients(server: Server) -> Iterator[Clients]:
    """The clients of each SDK for the offline server."""
    yield from _clients(server.url)


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    """A server whose answers hang and break as the model's name says."""
    from harness.wire import Wire

    running = Wire()
    yield running
    running.close()


@pytest.fixture(scope="module")
def broken(wire: Wire) -> Iterator[Clients]:
    """The clients of each SDK for that server."""
    yield from _clients(wire.url)


def _clients(url: str) -> Iterator[Clients]:
    for name in ("openai", "anthropic", "google.genai"):
        pytest.importorskip(name)
    made = Clients(url)
    yield made
    made.close_all()


@pytest.fixture
def ipython(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[InteractiveShell]:
    """A fresh shell, with nothing of the user's own and without colours."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    plain = Config(
        HistoryManager={"enabled": False}, InteractiveShell={"colors": "nocolor"}
    )
    yield InteractiveShell.instance(config=plain)
    InteractiveShell.clear_instance()


@pytest.fixture
def outputs(
    ipython: InteractiveShell, monkeypatch: pytest.MonkeyPatch
) -> list[dict[str, object]]:
    """What a front end would get: a list of display messages, in order."""
    from IPython.core.displaypub import CapturingDisplayPublisher

    monkeypatch.setattr(ipython, "display_pub", CapturingDisplayPublisher())
    return ipython.display_pub.outputs


@pytest.fixture
def shell(
    ipython: InteractiveShell, monkeypatch: pytest.MonkeyPatch
) -> InteractiveShell:
    """A fresh shell with the magic loaded; it shows nothing itself."""
    monkeypatch.delenv("NBSTREAM_VIEW", raising=False)
    ipython.run_line_magic("load_ext", "nbstream")
    return ipython


@pytest.fixture(scope="session")
def kernelspecs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a kernelspec `ipykernel-<version>` for each of the matrix."""
    return write_specs(tmp_path_factory.mktemp("kernelspecs"))


@pytest.fixture(scope="session")
def jupyter_env(
    tmp_path_factory: pytest.TempPathFactory, kernelspecs: Path
) -> Mapping[str, str]:
    """The environment of this process with Jupyter's folders in a temporary place."""
    return isolated(tmp_path_factory.mktemp("jupyter"), kernelspecs)


def isolated(home: Path, kernelspecs: Path) -> dict[str, str]:
    """Keep the user's own Jupyter and IPython settings out, and ours out of theirs."""
    folders = {
        "IPYTHONDIR": "ipython",
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    }
    own = {name: str(home / folder) for name, folder in folders.items()}
    entries = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    path = os.pathsep.join(map(os.path.abspath, entries))  # kernels run elsewhere
    found = {"JUPYTER_PATH": str(kernelspecs.parent), "PYTHONPATH": path}
    return {**os.environ, **own, **found}


StartKernel = Callable[..., Kernel]


@pytest.fixture
def start_kernel(
    kernelspecs: Path, jupyter_env: Mapping[str, str], tmp_path: Path
) -> Iterator[StartKernel]:
    """Start kernels of any version with any further environment; all end here."""
    started: list[Kernel] = []

    def start(version: str = NEWEST, env: Mapping[str, str] | None = None) -> Kernel:
        folder = tmp_path / f"kernel-{len(started)}"
        folder.mkdir()
        whole = {**jupyter_env, **(env or {})}
        if not (kernelspecs / spec_name(version)).exists():
            write_specs(kernelspecs.parent, [version])
        started.append(Kernel(version, kernelspecs, env=whole, cwd=folder))
        return started[-1]

    yield start
    for each in started:
        each.close()


ALL_KERNELS = [
    *(pytest.param(each, marks=pytest.mark.kernel) for each in VERSIONS),
    *(
        pytest.param(each, marks=[pytest.mark.kernel, pytest.mark.place])
        for each in OTHER_VERSIONS
    ),
]


@pytest.fixture(params=ALL_KERNELS)
def kernel(request: pytest.FixtureRequest, start_kernel: StartKernel) -> Kernel:
    """A fresh kernel; a test that asks for it runs on every version of the matrix."""
    return start_kernel(request.param)


StartJupyter = Callable[..., "Jupyter"]


@pytest.fixture(scope="session")
def start_jupyter(
    tmp_path_factory: pytest.TempPathFactory, kernelspecs: Path
) -> Iterator[StartJupyter]:
    """Start Jupyter servers: `start_jupyter(token=..., base_url=..., env=...)`."""
    from harness.jupyter import Jupyter

    started: list[Jupyter] = []

    def start(*, env: Mapping[str, str] | None = None, **options: object) -> Jupyter:
        home = tmp_path_factory.mktemp("server")
        whole = {**isolated(home, kernelspecs), **(env or {})}
        started.append(Jupyter(home, env=whole, **options))
        return started[-1]

    yield start
    for each in started:
        each.stop()


@pytest.fixture(scope="session")
def jupyter(start_jupyter: StartJupyter) -> Jupyter:
    """The server that most tests share: no token, base URL `/`."""
    return start_jupyter()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless Chromium; without one the test is skipped, and says how to get it."""
    from harness.browser import MISSING, chromium_path, launch
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = chromium_path(playwright)
        if path is None:
            pytest.skip(MISSING)
        running = launch(playwright, path)
        yield running
        running.close()


@pytest.fixture(params=["lab", "notebook"])
def front(request: pytest.FixtureRequest) -> str:
    """Each front end's name in turn: JupyterLab, then Notebook 7."""
    return request.param


@pytest.fixture(scope="session")
def shelf(browser: Browser) -> Iterator[Shelf]:
    """Pages that the tests of this process hand on to each other."""
    from harness.browser import Shelf

    kept = Shelf(browser)
    yield kept
    kept.clear()


OpenNotebook = Callable[..., "NotebookPage"]


@pytest.fixture
def open_notebook(
    shelf: Shelf, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[OpenNotebook]:
    """Open code cells, or a copy of a file, in a front end; kernels end with the test.

    `open_notebook(["print(1)"], front="notebook", kernel="6.31.0", theme="dark")`

    The page may have been another test's before: `fresh=True` asks for a new one. A
    file, and a notebook of another server, have a page of their own. With ``beside``,
    all that is in that folder lies beside the notebook.
    """
    opened: list[NotebookPage] = []
    servers: set[Jupyter] = set()

    def start(
        source: Sequence[str] | Path,
        *,
        front: str = "lab",
        kernel: str | None = None,
        theme: str = "light",
        server: Jupyter | None = None,
        trust: bool = False,
        fresh: bool = False,
        beside: Path | None = None,
        **options: object,
    ) -> NotebookPage:
        fresh = bool(fresh or server or trust or isinstance(source, Path))
        server = server or request.getfixturevalue("jupyter")
        name = source.name if isinstance(source, Path) else "notebook.ipynb"
        path = f"{tmp_path.name}-{len(opened)}/{name}"
        if beside:
            copytree(beside, (server.root / path).parent)
        server.put(path, source, kernel and spec_name(kernel))
        server.trust(path, trust)
        server.set_theme(theme)
        servers.add(server)
        options |= {"path": path, "screenshots": ROOT / "screenshots"}
        opened.append(shelf.open(server, front, fresh=fresh, **options))
        return opened[-1]

    yield start
    for page in opened:
        shelf.put_back(page, passed=request.node.stash.get(PASSED, False))
    for server in servers:
        server.end_sessions()


@pytest.fixture
def open_cells(open_notebook: OpenNotebook) -> OpenNotebook:
    """Open a notebook whose first cell, the set-up of `harness.live`, has run."""
    from harness.live import SETUP

    def start(*cells: str, **options: object) -> NotebookPage:
        page = open_notebook([SETUP, *cells], **options)
        page.run_cell(0)
        page.said.clear()
        return page

    return start
