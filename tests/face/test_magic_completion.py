"""What Tab offers after ``%%stream``, asked of IPython's completer itself."""

import pytest
from IPython.core import completer
from IPython.core.completer import provisionalcompleter

from nbstream.magic.completion import known_models
from nbstream.requests import providers

pytestmark = pytest.mark.skipif(
    not hasattr(completer, "context_matcher"),
    reason="an IPython before 8.6 asks nobody else what to offer",
)


@pytest.fixture
def shell(shell):
    """The shell with a few variables, and a model that was used."""
    shell.push({"audience": "all", "answer": 1, "_hidden": 2})
    shell.find_magic("stream", "cell").__self__.settings.note("openai:used-before")
    return shell


def offered(shell, text):
    """Return what stands in the cell after each completion that is offered."""
    with provisionalcompleter():
        found = list(shell.Completer.completions(text, len(text)))
    return [text[: each.start] + each.text for each in found]


def after(text, words):
    return [text + word for word in words]


#: What is typed up to the cursor, and what it may become.
TYPED = {
    "%%stream --for": ["%%stream --format"],
    "%%stream --m": ["%%stream --max-tokens"],
    "%stream --m": ["%stream --model", "%stream --max-tokens"],
    "%%stream openai:m --format ": after(
        "%%stream openai:m --format ", ["text", "markdown", "code", "json"]
    ),
    "%%stream openai:m --format=j": ["%%stream openai:m --format=json"],
    "%%stream openai:m --view st": ["%%stream openai:m --view static"],
    "%%stream openai:m --effort lo": ["%%stream openai:m --effort low"],
    "%%stream goo": ["%%stream google:"],
    "%%stream openai:used": ["%%stream openai:used-before"],
    "%stream --model anth": ["%stream --model anthropic:"],
    "%%stream openai:m --to a": after(
        "%%stream openai:m --to ", ["answer", "audience"]
    ),
    "%%stream openai:m --to ": after("%%stream openai:m --to ", ["answer", "audience"]),
    "%%stream openai:m\nFor {{au": ["%%stream openai:m\nFor {{audience"],
    "%%stream openai:m\nFor {{ ": after(
        "%%stream openai:m\nFor {{ ", ["answer", "audience"]
    ),
    "%%stream openai:m\nthe os.pa": [],
    "%%stream openai:m\n": [],
    "%%stream openai:m\nAs {{audience}} and pri": [],
    "# ask\n%%stream openai:m\npri": [],
    "# ask\n%%stream openai:m --view st": ["# ask\n%%stream openai:m --view static"],
    "# ask\n%%stream openai:m\nFor {{au": ["# ask\n%%stream openai:m\nFor {{audience"],
    "%%stream openai:m --max-tokens pri": [],
    '%%stream openai:m --system "Be {{au': [
        '%%stream openai:m --system "Be {{audience'
    ],
}


@pytest.mark.parametrize(("typed", "becomes"), TYPED.items(), ids=repr)
def test_tab(typed, becomes, shell):
    """Options, their values, models and variables, and nothing of Python's."""
    assert offered(shell, typed) == becomes


def test_a_model_comes_first(shell):
    """Used ones, then the providers; behind it only options."""
    whole = offered(shell, "%%stream ")
    behind = offered(shell, "%%stream openai:m ")

    assert whole[:3] == after(
        "%%stream ", ["openai:used-before", "openai:", "openai-chat:"]
    )
    assert [f"%%stream {each}:" in whole for each in providers()] == [True] * 10
    assert all(each.startswith("%%stream openai:m --") for each in behind)


@pytest.mark.parametrize("provider", ["openai", "openai-chat", "anthropic"])
def test_models_that_the_sdk_knows(provider, shell):
    """They are those of the types that the SDK names in public."""
    known = known_models(provider)
    typed = f"%%stream {provider}:"
    used = [f"{typed}used-before"] if provider == "openai" else []

    assert len(known) > 5
    assert all(" " not in name and name == name.lower() for name in known)
    assert offered(shell, typed) == [*used, *after(typed, known)]


@pytest.mark.parametrize("provider", ["google", "ollama", "nobody"])
def test_where_none_is_known(provider):
    """Nothing is made up."""
    assert known_models(provider) == ()


def test_elsewhere_ipython_completes(shell, tmp_path, monkeypatch):
    """Paths of files, the text of a question, other cells."""
    (tmp_path / "picture.png").touch()
    monkeypatch.chdir(tmp_path)

    assert offered(shell, "%%stream openai:m --image pic") == [
        "%%stream openai:m --image picture.png"
    ]
    assert offered(shell, "audi") == ["audience"]


def test_loading_twice_offers_once(shell):
    """The newest one counts."""
    shell.run_line_magic("reload_ext", "nbstream")

    assert offered(shell, "%%stream --for") == ["%%stream --format"]
    assert offered(shell, "%%stream openai:used") == []
