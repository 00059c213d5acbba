"""The site as it is built: every link has a target, and no page needs the network."""

from __future__ import annotations

import functools
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import pytest
from harness.ci import script

pytestmark = pytest.mark.place

ROOT = Path(__file__).resolve().parents[2]
SIZES = {"wide": (1280, 900), "narrow": (400, 800)}
#: Pages of which a picture is kept, to be looked at.
LESSONS = [f"lessons/{path.stem}" for path in script("course").lessons()]
SEEN = ("index", "start", "reference/reply", LESSONS[0], "wire")
#: JupyterLite is a site of its own, built and tested apart.
APART = "lite/"


class Page(HTMLParser):
    """What a page leads to, and what leads into it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = {"", "top"}
        self.handlers: list[str] = []
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep addresses, ids, and scripts in attributes."""
        for name, value in attrs:
            if name.startswith("on"):
                self.handlers.append(f"<{tag} {name}={value}>")
            if value and name in {"href", "src", "action", "poster", "data"}:
                self.links.append(value)
            if value and name in {"id", "name"}:
                self.anchors.add(value)


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The site, built anew, without JupyterLite."""
    folder = tmp_path_factory.mktemp("built") / "site"
    command = [sys.executable, ROOT / ".ci" / "site.py", "--no-lite", folder]
    subprocess.run(command, check=True)
    return folder


@pytest.fixture(scope="module")
def pages(site) -> dict[str, Page]:
    """Every page by its path."""
    found = sorted(site.rglob("*.html"))
    return {path.relative_to(site).as_posix(): Page(path) for path in found}


class Quiet(SimpleHTTPRequestHandler):
    """Serves files, and says nothing."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def address(site) -> Iterator[str]:
    """Where the site is served, as GitHub Pages would: below a folder."""
    serve = functools.partial(Quiet, directory=site.parent)
    server = ThreadingHTTPServer(("127.0.0.1", 0), serve)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/{site.name}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_site_is_whole(pages):
    """Each part is there, and each lesson."""
    lessons = {f"{lesson}.html" for lesson in LESSONS}
    tasks = {f"how-to/{path.stem}.html" for path in ROOT.glob("docs/how-to/*.md")}
    parts = {"index.html", "start.html", "wire.html", "architecture.html", "serve.html"}

    assert lessons | tasks | parts <= pages.keys()


def test_every_link_inside_has_a_target(site, pages):
    """Pages, files and anchors; what is outside is looked at for its form only."""
    dead = []
    for path, page in pages.items():
        for link in page.links:
            address, anchor = urldefrag(link)
            if urlsplit(address).scheme or address.startswith("//"):
                if not re.fullmatch(
                    r"(https?://[\w.-]+(:\d+)?(/\S*)?|mailto:\S+)", link
                ):
                    dead.append((path, link))
                continue
            target = (site / path).parent / unquote(urlsplit(address).path)
            if not address:
                target = site / path
            inside = target.resolve().relative_to(site).as_posix()
            if inside.startswith(APART):
                continue
            if not target.is_file() or (
                inside in pages and unquote(anchor) not in pages[inside].anchors
            ):
                dead.append((path, link))
    assert dead == []


def test_no_output_brings_a_script(pages):
    """Not even that of the lesson on what must not run."""
    lessons = {path: page for path, page in pages.items() if "lessons/" in path}

    assert {path: page.handlers for path, page in lessons.items()} == {
        path: [] for path in lessons
    }


@pytest.mark.browser
def test_no_page_needs_the_network(address, browser, pages):
    """Light and dark, wide and narrow: nothing is asked of others or sticks out."""
    outside, wrong = set(), []
    context = browser.new_context()
    tab = context.new_page()

    def asked(route) -> None:
        url = route.request.url
        if url.startswith((f"{address}/", "data:")):
            route.continue_()
        else:
            outside.add(url)
            route.abort()

    tab.route("**/*", asked)
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.on("console", lambda said: said.type == "error" and wrong.append(said.text))
    tab.on("response", lambda got: got.ok or wrong.append(f"{got.status} {got.url}"))
    for path in pages:
        for size, (width, height) in SIZES.items():
            tab.set_viewport_size({"width": width, "height": height})
            for theme in ("light", "dark"):
                tab.emulate_media(color_scheme=theme)
                if size == "wide" and theme == "light":
                    tab.goto(f"{address}/{path}", wait_until="load")
                keep(tab, path, f"{size}-{theme}")
            if tab.evaluate("document.documentElement.scrollWidth") > width:
                wrong.append(f"{path} is wider than {width} pixels")
    context.close()

    assert (outside, wrong) == (set(), [])


def keep(tab, path: str, how: str) -> None:
    """Take a picture of some pages."""
    name = path.removesuffix(".html")
    if name in SEEN:
        folder = ROOT / "screenshots"
        folder.mkdir(exist_ok=True)
        tab.screenshot(path=folder / f"site-{name.replace('/', '-')}-{how}.png")


@pytest.mark.browser
@pytest.mark.parametrize("served", [True, False], ids=["served", "as files"])
def test_search_works_from_what_was_built(served, address, site, browser):
    """It finds a name of the reference and a word of a lesson, from the disk too."""
    root = address if served else site.as_uri()
    context = browser.new_context()
    tab = context.new_page()
    found = []
    for word in ("Timeout", "reconnection"):
        tab.goto(f"{root}/search.html?q={word}")
        tab.wait_for_selector("#search-results li a")
        found.append(tab.locator("#search-results li a").first.get_attribute("href"))
    context.close()

    assert len(set(found)) == 2
