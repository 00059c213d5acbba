"""``%%stream --chat`` and ``--tools``: conversations and functions from a cell."""

import pytest
from IPython.utils.capture import capture_output

import nbstream
from nbstream import Chat, UsageError

MEMORY = "What did I ask? [scenario: memory]"
TOOLS = """
def weather(city: str) -> str:
    "Tell the weather of a city."
    return f"18 degrees in {city}"
"""


@pytest.fixture
def shell(nbstream_offline, shell):
    """The shell with one function."""
    shell.run_cell(TOOLS)
    return shell


def run(shell, cell):
    """Run a cell; return what it printed and its error."""
    with capture_output() as captured:
        result = shell.run_cell(cell, store_history=True)
    return captured.stdout, result.error_in_exec


def test_tools_are_functions_of_the_notebook(shell):
    """Their results are in the answer, and every round in the reply."""
    cell = "%%stream openai:m --tools weather --to answer\ncompare two cities"
    out, error = run(shell, cell)

    assert error is None
    assert "18 degrees in Tokyo" in out
    assert len(shell.user_ns["answer"].rounds) == 2


def test_a_conversation_goes_on_from_cell_to_cell(shell):
    """Its name is a variable; model, system and tools are said once."""
    begun = "%%stream anthropic:m --chat talk --system 'Be brief.' --tools weather\nHi"
    run(shell, begun)
    out, error = run(shell, f"%%stream --chat talk\n{MEMORY}")
    talk = shell.user_ns["talk"]

    assert error is None
    assert '"Hi"' in out
    assert (type(talk), talk.model, talk.system) == (Chat, "anthropic:m", "Be brief.")
    assert [*talk.tools] == ["weather"]


def test_what_a_cell_says_holds_from_then_on(shell):
    """In the same conversation, which keeps its messages."""
    run(shell, "%%stream openai:m --chat talk\nHi")
    talk = shell.user_ns["talk"]
    more = "--max-tokens 50 --effort low --option seed=3 --base-url http://x/v1"
    run(shell, f"%%stream openai:n --chat talk {more} --dry-run\nHo")
    before = (talk.model, talk.max_tokens, dict(talk.options))
    run(shell, "%%stream openai:n --chat talk --max-tokens 50 --option seed=3\nHo")

    assert before == ("openai:m", None, {})
    assert shell.user_ns["talk"] is talk
    assert (talk.model, talk.max_tokens, talk.options) == ("openai:n", 50, {"seed": 3})


def test_another_provider_goes_on(shell):
    """The variable is then the new conversation."""
    run(shell, "%%stream openai:m --chat talk\nHi")
    out, error = run(shell, f"%%stream google:m --chat talk\n{MEMORY}")

    assert error is None
    assert '"Hi"' in out
    assert shell.user_ns["talk"].model == "google:m"


def test_a_dry_run_shows_all_that_would_be_sent(shell, nbstream_offline):
    """Also what was said before; nothing is sent, and nothing changes."""
    run(shell, "%%stream openai:m --chat talk\nHi there")
    count, length = len(nbstream_offline.log), len(shell.user_ns["talk"].messages)
    out, _ = run(shell, "%%stream --chat talk --dry-run\nAnd now?")
    run(shell, "%%stream openai:m --chat other --dry-run\nHi")

    assert out.index("Hi there") < out.index("And now?")
    assert len(nbstream_offline.log) == count
    assert len(shell.user_ns["talk"].messages) == length
    assert "other" not in shell.user_ns


def test_begin_anew(shell):
    """What was said goes, the rest stays."""
    run(shell, "%%stream openai:m --chat talk --system 'Be brief.'\nHi")
    run(shell, "%stream --reset talk")
    out, _ = run(shell, f"%%stream --chat talk\n{MEMORY}")

    assert '"Hi"' not in out
    assert shell.user_ns["talk"].system == "Be brief."


def test_the_default_model_begins_a_conversation(shell):
    """And the session's system text goes along; later cells need neither."""
    run(shell, "adjective = 'brief'")
    run(shell, "%stream --model openai:m --system 'Be {{adjective}}.'")
    run(shell, "%%stream --chat talk\nHi")
    run(shell, "%stream --model google:m --system ''")
    run(shell, "%%stream --chat talk\nHo")

    assert shell.user_ns["talk"].model == "openai:m"
    assert shell.user_ns["talk"].system == "Be brief."


def test_a_stopped_cell_leaves_a_conversation_that_goes_on(shell):
    """As Chat does."""
    run(shell, "%%stream openai:m --chat talk\nHi")
    nbstream.offline.fault("cut", after=5)
    _, error = run(shell, "%%stream --chat talk --to half\nHo")
    nbstream.offline.clear_faults()
    out, _ = run(shell, f"%%stream --chat talk\n{MEMORY}")

    assert isinstance(error, nbstream.ProviderFailure)
    assert shell.user_ns["half"] is error.reply
    assert '"Hi"; "Ho"' in out


def test_a_format_and_a_conversation(shell):
    """The answer is read as in any other cell."""
    cell = "%%stream openai:m --chat talk --format text --to answer\nHi"
    run(shell, cell)

    assert shell.user_ns["answer"]._form == "text"
    assert shell.user_ns["talk"].reply is shell.user_ns["answer"]


WRONG = {
    "%%stream --chat talk\nHi": "no model: write %%stream provider:model, or set",
    "%%stream openai:m --chat TOOLS\nHi": "'TOOLS' is no conversation but str",
    "%%stream openai:m --chat 1x\nHi": "--chat needs a name for a variable, got '1x'",
    "%%stream openai:m --tools weather,nono\nHi": "--tools: no function nono; define",
    "%%stream openai:m --tools TOOLS\nHi": "a dict that the service knows; got 'x'",
    "%stream --reset talk": "there is no conversation 'talk'; %%stream --chat talk",
}


@pytest.mark.parametrize("cell", WRONG)
def test_what_cannot_be_asked(shell, cell):
    """One line that says what to do; nothing is sent."""
    shell.user_ns["TOOLS"] = "x"
    _, error = run(shell, cell)

    assert type(error) is UsageError
    assert WRONG[cell] in str(error)
