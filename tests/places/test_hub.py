"""JupyterHub: two users stream at the same time, and a Stop is of one of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import nbformat
import pytest
from harness.browser import VIEWPORT
from harness.hosts import KERNEL, environment, isolated, on_path
from harness.jupyter import notebook_of
from harness.node import folder
from places.test_web_proxies import free_port, running
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.place

USERS = ("ada", "grace")
CONFIG = """
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = "pass"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = {homes!r}
c.Spawner.args = ["--allow-root"]
c.Spawner.default_url = "/notebooks/cells.ipynb"
c.Spawner.environment = {{"PYTHONPATH": {source!r}}}
c.Spawner.http_timeout = 90
c.JupyterHub.bind_url = "http://127.0.0.1:{port}/hub-here/"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub}/hub-here/"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api}"
c.ConfigurableHTTPProxy.command = [{node!r}, {proxy!r}]
c.JupyterHub.cleanup_servers = True
"""
CELL = """\
import pathlib, time, nbstream
def words():
    yield "The **first** words. "
    while not pathlib.Path("go").exists():
        time.sleep(0.01)
        yield ""
    yield "The last."
nbstream.show(words());"""


@contextmanager
def hub(home: Path) -> Iterator[str]:
    """Run a Hub under an address of its own; each user has a folder with a notebook."""
    python = environment("hub", *KERNEL, "jupyterhub==6.1.1", "notebook==7.6.5")
    for user in USERS:
        (home / user).mkdir()
        nbformat.write(notebook_of([CELL]), home / user / "cells.ipynb")
    port = free_port()
    programs = folder() / "node_modules" / ".bin"
    config = CONFIG.format(
        homes=f"{home}/{{username}}",
        source=on_path()["PYTHONPATH"],
        port=port,
        hub=free_port(),
        api=free_port(),
        node=str(programs / "node"),
        proxy=str(programs / "configurable-http-proxy"),
    )
    (home / "config.py").write_text(config)
    env = isolated(python, home)
    command = [python, "-m", "jupyterhub", "-f", home / "config.py"]
    with (
        (home / "log").open("w") as log,
        running(command, port, cwd=home, env=env, stdout=log, stderr=log),
    ):
        url = f"http://127.0.0.1:{port}/hub-here/"
        end_s = time.monotonic() + 60
        while not answers(f"{url}hub/health"):  # the proxy listens before it knows
            assert time.monotonic() < end_s
            time.sleep(0.1)
        yield url


def answers(url: str) -> bool:
    try:
        with urlopen(url) as got:
            return got.status == 200
    except HTTPError:
        return False


def logged_in(browser: Browser, url: str, user: str) -> Page:
    """Log in as a user, whose server starts and shows the notebook; run its cell."""
    page = browser.new_context(viewport=VIEWPORT).new_page()
    page.goto(f"{url}hub/login")
    page.locator("#username_input").fill(user)
    page.locator("#password_input").fill("pass")
    page.locator("#login_submit").click()
    page.wait_for_url(f"**/user/{user}/notebooks/**", timeout=120_000)
    page.locator(".jp-Cell .cm-content").first.click(timeout=60_000)
    expect(page.locator('[data-status="idle"]').first).to_be_attached(timeout=60_000)
    page.keyboard.press("Control+Enter")
    return page


def test_two_users_at_once(browser, tmp_path):
    """Each sees the own answer; one stops, and the other one's goes on to its end."""
    with hub(tmp_path) as url:
        pages = [logged_in(browser, url, user) for user in USERS]
        ada, grace = pages
        for page in pages:
            first = page.locator(".jp-OutputArea-output strong")
            expect(first).to_have_text("first", timeout=60_000)
        ada.get_by_title("Stop (Esc)").click()
        stopped = "Stopped. This is what had arrived."
        expect(ada.get_by_text(stopped)).to_be_visible()
        expect(grace.get_by_title("Stop (Esc)")).to_be_visible()
        (tmp_path / "grace" / "go").write_text("")
        expect(
            grace.locator(".jp-OutputArea-output", has_text="The last.")
        ).to_be_visible()
        expect(grace.get_by_text(stopped)).to_have_count(0)
        for page in pages:
            page.context.close()
