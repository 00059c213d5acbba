"""What an index of packages gets, and what it does in an environment of its own.

The wheel and the sdist are built from a copy of what is committed; each extra is
installed alone, by uv.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from email.parser import BytesParser
from pathlib import Path

import pytest
from places.test_web_proxies import python_with

pytestmark = pytest.mark.place

ROOT = Path(__file__).resolve().parents[2]
PROBE = ROOT / "tests" / "places" / "probe.py"
#: Made by tools, not by us; what git does not see is in no sdist either.
LEFT_OUT = shutil.ignore_patterns(
    ".git",
    ".venv",
    ".kernels",
    ".site",
    "site",
    ".wheel",
    "dist",
    "build",
    "__pycache__",
)
SOURCE = "https://example.com/owner/nbstream"


def built(folder: Path, target: Path) -> dict[str, Path]:
    """Build the sdist and the wheel of a folder; return them by their kind."""
    command = [sys.executable, "-m", "hatchling", "build", "-d", target]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, env=clean())
    wheel, sdist = next(target.glob("*.whl")), next(target.glob("*.tar.gz"))
    return {"wheel": wheel, "sdist": sdist}


def clean() -> dict[str, str]:
    """Return the environment without what would lead to another nbstream, or a key."""
    drop = re.compile(r"PYTHONPATH|NBSTREAM_\w+|\w+_(API_KEY|BASE_URL)")
    return {
        name: value for name, value in os.environ.items() if not drop.fullmatch(name)
    }


def metadata(wheel: Path) -> Message:
    """Read what a wheel says of itself."""
    with zipfile.ZipFile(wheel) as opened:
        name = next(each for each in opened.namelist() if each.endswith("/METADATA"))
        return BytesParser().parsebytes(opened.read(name))


def text_of(said: Message) -> str:
    """Return the README in it."""
    return said.get_payload(decode=True).decode("utf-8")


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    """A copy of the repository, in which nothing of ours is lying about."""
    folder = tmp_path_factory.mktemp("copy") / "nbstream"
    shutil.copytree(ROOT, folder, ignore=LEFT_OUT)
    return folder


@pytest.fixture(scope="module")
def made(copy, tmp_path_factory) -> dict[str, Path]:
    """The wheel and the sdist."""
    return built(copy, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def unpacked(made, tmp_path_factory) -> Path:
    """The sdist's folder."""
    folder = tmp_path_factory.mktemp("sdist")
    with tarfile.open(made["sdist"]) as opened:
        opened.extractall(folder, filter="data")
    return next(folder.iterdir())


@pytest.fixture(scope="module")
def tools(tmp_path_factory) -> Path:
    """The folder of an environment's programs: uv and twine."""
    home = tmp_path_factory.mktemp("tools")
    return python_with(home, "uv==0.13.9", "twine==7.0.0", "readme-renderer[md]").parent


def test_an_index_takes_them(made, tools):
    """`twine check --strict` has nothing to say."""
    command = [tools / "twine", "check", "--strict", *made.values()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout.count("PASSED")) == (0, 2), done.stdout


def test_the_sdist_makes_the_same_wheel(made, unpacked, tmp_path):
    """Byte for byte."""
    again = built(unpacked, tmp_path)

    assert again["wheel"].read_bytes() == made["wheel"].read_bytes()


def test_the_sdist_runs_its_own_tests(unpacked):
    """Some of the quick ones, and those of the repository: what they need is there."""
    tests = ["core/test_sse.py", "core/test_reply.py", "face/test_face.py"]
    tests = [f"tests/{each}" for each in [*tests, "house/test_repo.py"]]
    quiet = ["-q", "-p", "no:cacheprovider", "-m", "not (place or kernel or browser)"]
    env = {**clean(), "PYTHONPATH": str(unpacked / "src")}
    command = [sys.executable, "-m", "pytest", *tests, *quiet]
    done = subprocess.run(
        command, cwd=unpacked, env=env, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout[-3000:]


def rendered(text: str, tools: Path) -> str:
    """Return what PyPI makes of a README."""
    code = "import sys; from readme_renderer import markdown as m"
    code += "; print(m.render(sys.stdin.read()))"
    python = [tools / "python", "-c", code]
    return subprocess.run(
        python, input=text, capture_output=True, text=True, check=True
    ).stdout


def test_the_readme_leads_nowhere_that_is_not_there(made, tools):
    """Without an address of the repository: no link to a file, a picture of letters."""
    page = rendered(text_of(metadata(made["wheel"])), tools)
    links = re.findall(r'(?:href|src)="([^"]*)"', page)

    assert [each for each in links if not each.startswith(("https://", "#"))] == []
    assert "<img" not in page
    assert "[■ Stop]" in page


def test_with_an_address_the_picture_shows(copy, tools, tmp_path):
    """The one of `Source` in `[project.urls]`: picture and links are below it."""
    folder = tmp_path / "copy"
    shutil.copytree(copy, folder)
    project = folder / "pyproject.toml"
    text = project.read_text("utf-8")
    urls = f'[project.urls]\nSource = "{SOURCE}"\n\n[project.optional-dependencies]'
    project.write_text(text.replace("[project.optional-dependencies]", urls), "utf-8")
    found = built(folder, tmp_path / "dist")
    said = metadata(found["wheel"])
    page = rendered(text_of(said), tools)
    check = [tools / "twine", "check", "--strict", *found.values()]

    subprocess.run(check, check=True, capture_output=True)
    assert said.get_all("Project-URL") == [f"Source, {SOURCE}"]
    assert f'src="{SOURCE}/raw/v0.1.0/images/first-stream.gif"' in page
    assert f'href="{SOURCE}/blob/v0.1.0/docs/serve.md"' in page
    links = re.findall(r'(?:href|src)="([^"]*)"', page)
    assert [each for each in links if not each.startswith(("https://", "#"))] == []


# -- installed alone -----------------------------------------------------------------

NO_OFFLINE = (
    "the offline server needs a package that is not installed: "
    "%pip install h11, or any of the SDKs, which bring it"
)
NO_PLOT = "plot needs matplotlib: %pip install 'nbstream[plot]'"
NO_RECORD = "there is nothing to record: no SDK is installed (no httpx2 or httpx)"
NO_SDK = "{} needs a package that is not installed: %pip install {}"
NO_TOOLS = 'tools need {}: %pip install "nbstream[tools]"'
NO_SCHEMA = 'answers by a schema need {}: %pip install "nbstream[tools]"'
NO_WEB = 'nbstream.web needs {}: %pip install "nbstream[web]"'
#: What works with no extra: not one of the three SDKs, nor what they bring, is there.
ALWAYS = ["show", "start", "events", "markdown", "sse", "anatomy", "race", "panel"]
ALWAYS += ["read", "magic"]
MISSING = {
    "offline": NO_OFFLINE,
    "openai": NO_SDK.format("openai", "openai"),
    "anthropic": NO_SDK.format("anthropic", "anthropic"),
    "google": NO_SDK.format("google", "google-genai"),
    "chat": NO_SDK.format("openai", "openai"),
    "plot": NO_PLOT,
    "record": NO_RECORD,
    "tool": NO_TOOLS.format("docstring_parser"),
    "schema": NO_SCHEMA.format("pydantic"),
    "json schema": NO_SCHEMA.format("jsonschema"),
    "app": NO_WEB.format("starlette"),
    "response": NO_WEB.format("starlette"),
    "open": NO_WEB.format("uvicorn"),
}
#: What an extra adds to that. Each SDK brings what the offline server and a recording
#: need; pydantic comes with all of them, docstring-parser with Anthropic's.
WORKS = {
    "": (),
    "openai": ("offline", "openai", "chat", "record", "schema"),
    "anthropic": ("offline", "anthropic", "record", "schema", "tool"),
    "google": ("offline", "google", "record", "schema"),
    "plot": ("plot",),
    "web": ("app", "response", "open", "offline"),
    "tools": ("tool", "schema", "json schema"),
}


def installed(extra: str, wheel: Path, tools: Path, home: Path) -> Path:
    """Make an environment with the wheel and one extra; return its interpreter."""
    uv, python = tools / "uv", home / "bin" / "python"
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, home], check=True)
    what = f"{wheel}[{extra}]" if extra else wheel
    subprocess.run(
        [uv, "pip", "install", "-q", "--python", python, what], check=True, env=clean()
    )
    return python


@pytest.mark.parametrize("extra", WORKS, ids=lambda extra: extra or "none")
def test_each_extra_alone(extra, made, tools, tmp_path):
    """What it is for works; what else is missing is said in one line, with the cure."""
    python = installed(extra, made["wheel"], tools, tmp_path / "venv")
    (tmp_path / "empty").mkdir()
    done = subprocess.run(
        [python, PROBE],
        cwd=tmp_path / "empty",
        env=clean(),
        capture_output=True,
        text=True,
        check=True,
    )
    expected = MISSING | dict.fromkeys([*ALWAYS, *WORKS[extra]], "works")

    assert json.loads(done.stdout) == expected
    assert done.stderr == ""
