"""A Jupyter server of its own: JupyterLab and Notebook 7 from one process."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.parse import quote

import nbformat
import pytest
from nbformat.sign import NotebookNotary

__all__ = ["FRONTS", "LOOKS", "THEMES", "Jupyter", "notebook_of"]

#: No questions, no look-ups, no saving behind a test's back.
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "docmanager-extension/plugin": {"autosave": False},
    "completer-extension/manager": {"autoCompletion": False},
}
THEMES = {
    "light": "JupyterLab Light",
    "dark": "JupyterLab Dark",
    "contrast": "JupyterLab Dark High Contrast",
}
#: A front end and a theme. Pictures are taken in three of the six whenever anything is
#: tested, and in the others with all that takes longer (`make places`).
LOOKS = [
    ("lab", "light"),
    ("notebook", "dark"),
    ("lab", "contrast"),
    *(
        pytest.param(*each, marks=pytest.mark.place)
        for each in (("lab", "dark"), ("notebook", "light"), ("notebook", "contrast"))
    ),
]
#: JupyterLab each time, and Notebook 7, which shows the same, in what takes longer.
FRONTS = ["lab", pytest.param("notebook", marks=pytest.mark.place)]
OPTIONS = (
    "--no-browser",
    "--ServerApp.ip=127.0.0.1",
    "--ServerApp.allow_root=True",
    "--ServerApp.terminals_enabled=False",
    "--ServerApp.open_browser=False",
    "--LabApp.expose_app_in_browser=True",
    "--LabApp.extension_manager=readonly",
    "--LabApp.news_url=None",
    "--JupyterNotebookApp.expose_app_in_browser=True",
    "--LanguageServerManager.autodetect=False",
)


def kernelspec(name: str = "python3") -> dict[str, str]:
    """Give the metadata that makes a notebook open with a kernel, unasked."""
    return {"name": name, "display_name": name, "language": "python"}


def notebook_of(cells: Sequence[str]) -> nbformat.NotebookNode:
    """Make a notebook of code cells."""
    return nbformat.v4.new_notebook(
        metadata={"kernelspec": kernelspec()},
        cells=[
            nbformat.v4.new_code_cell(source, id=f"cell-{index}")
            for index, source in enumerate(cells)
        ],
    )


class Jupyter:
    """One server process; notebooks are put below `root`.

    A ``program`` other than JupyterLab starts it, and knows where its ``root`` is.
    """

    def __init__(
        self,
        home: Path,
        *,
        env: Mapping[str, str],
        token: str = "",
        base_url: str = "/",
        options: Sequence[str] = (),
        program: Sequence[str] = (),
        root: Path | None = None,
        timeout_s: float = 120,
    ) -> None:
        self.root = root or home / "root"
        self.root.mkdir(parents=True, exist_ok=True)
        self.token = token
        self.env = dict(env)
        self._chosen: dict[str, Mapping[str, Any]] = {}
        self.settings = Path(self.env["JUPYTERLAB_SETTINGS_DIR"])
        for plugin, values in SETTINGS.items():
            self.set(plugin, values)
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}{base_url.rstrip('/')}/"
        self._log = (home / "server.log").open("w+")
        own = [f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
        own += [] if program else [f"--ServerApp.root_dir={self.root}"]
        own += [f"--ServerApp.base_url={base_url}"]
        own += [f"--IdentityProvider.token={token}", *options]
        program = program or ["-m", "jupyterlab"]
        self._process = subprocess.Popen(
            [sys.executable, *program, *OPTIONS, *own],
            env=self.env,
            cwd=home,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )
        self._cookies = CookieJar()
        cookies = urllib.request.HTTPCookieProcessor(self._cookies)
        no_proxy = urllib.request.ProxyHandler({})
        self._opener = urllib.request.build_opener(cookies, no_proxy)
        try:
            self._wait_ready(timeout_s)
        except BaseException:
            self.stop()
            raise

    def set(
        self, plugin: str, values: Mapping[str, Any], owner: str = "@jupyterlab"
    ) -> None:
        """Write one JupyterLab plugin's user settings; pages read them on loading."""
        path = self.settings / owner / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
        self._chosen[plugin] = values

    def chosen(self) -> str:
        """Give all user settings, as pages that are loaded now see them."""
        kept = {plugin: values for plugin, values in self._chosen.items() if values}
        return json.dumps(kept, sort_keys=True)

    def set_theme(self, theme: str) -> None:
        """Choose what pages opened from now on look like: see THEMES."""
        self.set("apputils-extension/themes", {"theme": THEMES[theme]})

    def put(
        self, path: str, source: Sequence[str] | Path, kernel: str | None = None
    ) -> Path:
        """Write a notebook below the root, from code cells or as a copy of a file.

        With ``kernel``, the name of a kernelspec, the copy asks for that kernel.
        """
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if kernel is None and isinstance(source, Path):
            shutil.copyfile(source, target)
            return target
        if isinstance(source, Path):
            notebook = nbformat.read(source, as_version=4)
        else:
            notebook = notebook_of(source)
        if kernel is not None:
            notebook.metadata["kernelspec"] = kernelspec(kernel)
        nbformat.write(notebook, target)
        return target

    def trust(self, path: str, trusted: bool = True) -> None:
        """Sign a notebook, as the Trust Notebook command does, or forget it.

        The signature is of the content: without forgetting, a copy of a file that was
        once run and saved here would open trusted.
        """
        notary = NotebookNotary(data_dir=self.env["JUPYTER_DATA_DIR"])
        notebook = nbformat.read(self.root / path, as_version=4)
        (notary.sign if trusted else notary.unsign)(notebook)
        notary.store.close()

    def page_url(self, front: str, path: str) -> str:
        """Give the address that shows a notebook: front is "lab" or "notebook"."""
        kind = {"lab": "lab/tree/", "notebook": "notebooks/"}[front]
        query = "?reset" if front == "lab" else "?"
        return f"{self.url}{kind}{quote(path)}{query}&token={self.token}"

    def api(self, method: str, path: str, body: object = None) -> Any:
        """Call the server's REST API (`api("GET", "sessions")`); return its JSON."""
        headers = {"Authorization": f"token {self.token}"} if self.token else {}
        for cookie in self._cookies:
            if cookie.name == "_xsrf" and cookie.value:
                headers["X-XSRFToken"] = cookie.value
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.url}api/{path}", data=data, headers=headers, method=method
        )
        with self._opener.open(request, timeout=60) as response:
            raw = response.read()
        return json.loads(raw) if raw else None

    def end_sessions(self) -> None:
        """Shut down every kernel of this server."""
        for session in self.api("GET", "sessions"):
            self.api("DELETE", f"sessions/{session['id']}")

    def log(self) -> str:
        """Give what the server process wrote."""
        return Path(self._log.name).read_text()

    def stop(self) -> None:
        """End the server and, with it, its kernels."""
        self._process.terminate()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._log.close()

    def _wait_ready(self, timeout_s: float) -> None:
        end_s = time.monotonic() + timeout_s
        while time.monotonic() < end_s and self._process.poll() is None:
            try:
                self.api("GET", "status")
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.1)
                continue
            page = self.page_url("lab", "") if self.token else f"{self.url}tree"
            self._opener.open(page, timeout=60).close()  # sets the XSRF cookie
            return
        raise RuntimeError(f"no Jupyter server at {self.url}\n{self.log()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
