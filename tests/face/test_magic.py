"""The ``%%stream`` magic in a real IPython shell, against the offline server."""

import json
import warnings

import pytest
from harness.wire import said
from IPython.utils.capture import capture_output

import nbstream
from nbstream import UsageError, offline
from nbstream.magic.magic import words as words_of
from nbstream.magic.question import fill, first_code

MODEL = "openai-chat:m"


@pytest.fixture(scope="module")
def server():
    """The embedded server, with every SDK's variables pointing at it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("NBSTREAM_LIVE", raising=False)
        with capture_output():
            running = offline.use(speed=0)
        yield running
        offline.stop()


@pytest.fixture
def shell(server, shell):
    """The shell, whose models are the server's."""
    return shell


def run(shell, cell):
    """Run a cell; return what it printed and its error."""
    with capture_output() as captured:
        result = shell.run_cell(cell, store_history=True)
    return captured.stdout, result.error_in_exec


def prompt_of(server):
    return server.log[-1].request["messages"][-1]["content"]


# --- filling in ---------------------------------------------------------------------

VARIABLES = {"name": "Ada", "n": 3, "größe": "5 m", "braces": "{{name}}"}
FILLED = {
    "a name": ("Hello {{name}}!", "Hello Ada!"),
    "spaces inside": ("{{ name }}", "Ada"),
    "any value": ("{{n}} of {{n}}", "3 of 3"),
    "a name in another script": ("{{größe}}", "5 m"),
    "a value is not filled again": ("{{braces}}", "{{name}}"),
    "single braces": ("{name} {} {0}", "{name} {} {0}"),
    "dollars": ("$name ${name} $5 and $6", "$name ${name} $5 and $6"),
    "LaTeX": (r"\frac{{a}_1}{b} $x^{2}$", r"\frac{{a}_1}{b} $x^{2}$"),
    "code that is no variable's": ("{{ x.y }}", "{{ x.y }}"),
    "no name at all": ("{{}} {{ 1 + 1 }} {{a.b}}", "{{}} {{ 1 + 1 }} {{a.b}}"),
    "percent and backslash": (r"100 % \n %s", r"100 % \n %s"),
}


@pytest.mark.parametrize(("text", "filled"), FILLED.values(), ids=FILLED)
def test_only_names_in_double_braces_are_filled(text, filled):
    """Everything else in a prompt is left alone."""
    assert fill(text, VARIABLES) == filled


def test_all_missing_names_are_listed():
    """One message for all of them, each once."""
    with pytest.raises(UsageError) as caught:
        fill("{{b}} {{name}} {{a}} {{b}}", VARIABLES)

    assert str(caught.value) == (
        "no variable for {{b}}, {{a}}: define it, or write single braces"
    )


# --- asking -------------------------------------------------------------------------


def test_the_answer_is_shown_and_kept(shell):
    """It is printed as it comes; ``last`` and ``--to`` have the reply."""
    out, error = run(shell, f"%%stream {MODEL} --to answer\nHello there")

    assert (out, error) == (f"{said('Hello there').rstrip()}\n\n", None)
    assert shell.user_ns["answer"] is nbstream.last()
    assert nbstream.last().text == said("Hello there")


def test_the_cell_is_taken_as_it_is(shell, server):
    """IPython expands nothing; only our names are filled, from the notebook."""
    shell.user_ns["audience"] = "pupils"
    _, error = run(
        shell, f"%%stream {MODEL}\n{{{{audience}}}}: {{x}} $x \\frac{{a}}{{b}} !ls ?\n"
    )

    assert error is None
    assert prompt_of(server) == "pupils: {x} $x \\frac{a}{b} !ls ?"


#: Options -> what of the request they set.
OPTIONS = {
    "--max-tokens 5": {"max_completion_tokens": 5},
    "--system Short": {"system": "Short"},
    '--system "Be {{mood}}, $x"': {"system": "Be kind, $x"},
    "--system 'It is \"so\"'": {"system": 'It is "so"'},
    "--system=Short --max-tokens=5": {"system": "Short", "max_completion_tokens": 5},
    "--system='two words'": {"system": "two words"},
    r'--system "say \"hi\" twice"': {"system": 'say "hi" twice'},
    '--system "it\'s"': {"system": "it's"},
    "--system two' 'words": {"system": "two words"},
    '--max-tokens 5 --system "# Be" # a note "': {
        "system": "# Be",
        "max_completion_tokens": 5,
    },
}


@pytest.mark.parametrize(("options", "wanted"), OPTIONS.items(), ids=OPTIONS)
def test_options_reach_the_server(options, wanted, shell, server):
    """Quotes are taken off, names are filled, limits are honoured."""
    shell.user_ns["mood"] = "kind"
    _, error = run(shell, f"%%stream {MODEL} {options}\nHi")
    request = server.log[-1].request
    system = [m["content"] for m in request["messages"] if m["role"] == "system"]
    got = {k: v for k, v in request.items() if k == "max_completion_tokens"}
    limit = wanted.get("max_completion_tokens")

    assert error is None
    assert got | ({"system": system[0]} if system else {}) == wanted
    assert nbstream.last().finish_reason == ("length" if limit else "stop")


VIEWED = {"none": "", "terminal": f"{said('Hi').rstrip()}\n\n"}


@pytest.mark.parametrize(("view", "shown"), VIEWED.items(), ids=VIEWED)
def test_view(view, shown, shell):
    """``--view`` is what ``view=`` is."""
    assert run(shell, f"%%stream {MODEL} --view {view}\nHi") == (shown, None)


def test_view_static(shell):
    """One display with all three forms."""
    with capture_output() as captured:
        shell.run_cell(f"%%stream {MODEL} --view static\nHi")
    (output,) = captured.outputs

    assert output.data["text/plain"] == said("Hi")
    assert set(output.data) == {"text/html", "text/markdown", "text/plain"}


#: A line on Windows -> its words.
ON_WINDOWS = {
    r"--image C:\new\x.png": ["--image", r"C:\new\x.png"],
    r'--image "C:\a b\x.png"': ["--image", r"C:\a b\x.png"],
    r'--system "say \"hi\""': ["--system", 'say "hi"'],
    r"--record \\server\x": ["--record", r"\\server\x"],
}


@pytest.mark.parametrize(("line", "wanted"), ON_WINDOWS.items(), ids=ON_WINDOWS)
def test_paths_of_windows(line, wanted):
    """A backslash outside quotes is one."""
    assert words_of(line, windows=True) == wanted


@pytest.mark.parametrize("text", ["{{name.first}}", "{{ n + 1 }}", "{{n[0]}}"])
def test_what_is_not_filled_in_is_said(text):
    """Where it begins with a variable, it was meant to be."""
    with pytest.warns(UserWarning, match="is sent as it is"):
        assert fill(text, VARIABLES) == text


@pytest.mark.parametrize("above", ["# ask", "\n\n# ask\n  # twice\n"])
def test_a_comment_above(above, shell, server):
    """It is left out, as blank lines are."""
    _, error = run(shell, f"{above}\n%%stream {MODEL}\nHi # there")

    assert error is None
    assert prompt_of(server) == "Hi # there"


MORE = {
    "--effort low": {"reasoning_effort": "low"},
    "--option seed=3 --option user=me": {"seed": 3, "user": "me"},
    "--option 'stop=[\"a b\"]'": {"stop": ["a b"]},
    "--option unheard_of=true": {"unheard_of": True},
    '--option stop=\'["a b", "c"]\' --effort low': {"stop": ["a b", "c"]},
    '--option response_format={"type": "json_object"}': {
        "response_format": {"type": "json_object"}
    },
    '--option stop=["a", "b"] --option=seed=3': {"stop": ["a", "b"], "seed": 3},
}


@pytest.mark.parametrize(("options", "wanted"), MORE.items(), ids=MORE)
def test_more_options_reach_the_server(options, wanted, shell, server):
    """A value is JSON where it can be, else text; unknown ones are passed on."""
    _, error = run(shell, f"%%stream {MODEL} {options}\nHi")
    request = server.log[-1].request

    assert error is None
    assert {name: request.get(name) for name in wanted} == wanted


def test_an_image_and_a_file(shell, server, tmp_path):
    """They go with the question."""
    (tmp_path / "a.png").write_bytes(b"image")
    (tmp_path / "b.pdf").write_bytes(b"file")
    line = f"--image {tmp_path}/a.png --file '{tmp_path}/b.pdf'"
    _, error = run(shell, f"%%stream {MODEL} {line}\nHi")

    assert error is None
    assert [part["type"] for part in prompt_of(server)] == ["text", "image_url", "file"]


def test_another_server(shell, server):
    """``--base-url`` is where the request goes."""
    url = server.base_url("openai.chat")
    _, error = run(shell, f"%%stream ollama:m --base-url {url}\nHi")

    assert error is None
    assert (nbstream.last().model, nbstream.last().outcome) == ("m", "complete")


KEY = "sk-test-0123456789abcdefghijklmnop"


def test_a_dry_run_shows_the_request_and_sends_nothing(shell, server):
    """The very arguments of the SDK's call; what looks like a key is taken out."""
    count = len(server.log)
    line = "--dry-run --max-tokens 5 --option extra_headers='{\"x-api-key\":1}'"
    with pytest.warns(UserWarning, match="a key stands in this cell"):
        out, error = run(shell, f"%%stream {MODEL} {line}\nMine is {KEY}")

    assert (error, len(server.log)) == (None, count)
    assert json.loads(out) == {
        "model": "m",
        "messages": [{"role": "user", "content": "Mine is [key removed]"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_completion_tokens": 5,
        "extra_headers": {"x-api-key": "[key removed]"},
    }


@pytest.mark.parametrize("option", ["api_key=x", "nothing", "=3"])
def test_an_option_that_cannot_be(option, shell, server):
    """A key is no option: it would be saved with the cell."""
    count = len(server.log)
    _, error = run(shell, f"%%stream {MODEL} --option {option}\nHi")

    assert isinstance(error, UsageError)
    assert str(error).startswith("--option ")
    assert len(server.log) == count


def test_a_key_in_the_cell_of_ask_is_warned_of(shell):
    """One from a variable of another cell is not."""
    run(shell, f"import nbstream; key = '{KEY}'")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, quiet = run(
            shell, f"nbstream.ask('Hi', '{MODEL}', api_key=key, view='none')"
        )
    with pytest.warns(UserWarning, match="a key stands in this cell"):
        _, error = run(
            shell, f"nbstream.ask('Hi', '{MODEL}', api_key='{KEY}', view='none')"
        )

    assert (quiet, error) == (None, None)


def test_the_line_magic_says_who_can_be_asked(shell, monkeypatch):
    """Each provider with what it lacks, and the last reply; never a key."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENROUTER_API_KEY", raising=False)
    run(shell, f"%%stream {MODEL}\nHi")
    out, error = run(shell, "%stream")
    lines = dict(line.split(": ", 1) for line in out.strip().splitlines())

    assert (error, KEY in out) == (None, False)
    assert (lines["openai"], lines["ollama"]) == ("ready", "ready")
    assert lines["openrouter"].startswith("openrouter needs a key in OPENROUTER_API_")
    assert lines["last reply"] == repr(nbstream.last())


def test_the_line_magic_does_not_ask(shell):
    """It says how to."""
    _, error = run(shell, "%stream openai:m")

    assert str(error) == (
        "unrecognized arguments: openai:m; known: --model provider:model, "
        "--system TEXT, --max-tokens N, --reset NAME, --help; "
        "to ask: %%stream provider:model"
    )


def test_the_line_magic_sets_what_all_cells_ask(shell, server):
    """A cell's own options come first; an empty text takes a default away."""
    line = f"%stream --model {MODEL} --system 'Be {{{{mood}}}}.' --max-tokens 7"
    out, error = run(shell, line)
    shell.user_ns["mood"] = "kind"
    run(shell, "%%stream\nHi")
    bare = server.log[-1].request
    run(shell, "%%stream openai-chat:other --system Short --max-tokens 9\nHi")
    own = server.log[-1].request
    run(shell, '%stream --system ""')
    run(shell, "%%stream\nHi")
    without = server.log[-1].request
    after, _ = run(shell, "%stream")

    assert error is None
    assert out.splitlines()[0] == (
        f"default model: {MODEL} --system 'Be {{{{mood}}}}.' --max-tokens 7"
    )
    assert asked(bare) == ("m", "Be kind.", 7)
    assert asked(own) == ("other", "Short", 9)
    assert asked(without) == ("m", None, 7)
    assert f"models used: {MODEL}, openai-chat:other" in after.splitlines()


def asked(request):
    """Return whom a request asked, how, and how much."""
    system = [m["content"] for m in request["messages"] if m["role"] == "system"]
    return request["model"], next(iter(system), None), request["max_completion_tokens"]


def test_without_a_model(shell):
    """It says how to name one, for a cell or for all."""
    _, error = run(shell, "%%stream\nHi")
    _, unknown = run(shell, "%stream --model nobody:m")

    assert str(error) == (
        "no model: write %%stream provider:model, or set one for all cells: "
        "%stream --model provider:model"
    )
    assert str(unknown).startswith("no provider at the start of 'nobody:m'")


@pytest.mark.parametrize("line", ["%%stream --help", "%%stream m -h\nHi", "%stream -h"])
def test_help_sends_nothing(line, shell, server):
    """Also in a cell without a question, which IPython alone would refuse."""
    count = len(server.log)
    out, error = run(shell, line)

    assert (error, len(server.log)) == (None, count)
    assert out.startswith("%%stream [--" if line.startswith("%%") else "%stream [--")
    assert "Example" in out
    assert "--max-tokens N" in out


def test_an_empty_cell_says_what_to_write(shell):
    """In our words, and not that a magic has no body."""
    _, error = run(shell, f"%%stream {MODEL}")

    assert str(error) == "the cell is empty: write the question under %%stream"


def test_enter_does_not_end_a_cell_that_has_no_question_yet(shell):
    """In a terminal the next line is waited for."""
    check = shell.input_transformer_manager.check_complete

    assert check(f"%%stream {MODEL}")[0] == "incomplete"
    assert check(f"%%stream {MODEL}\nHi\n\n")[0] == "complete"


# --- formats ------------------------------------------------------------------------


def displayed(shell, cell):
    with capture_output() as captured:
        result = shell.run_cell(cell, store_history=True)
    return [output.data for output in captured.outputs], result.error_in_exec


def test_text_is_shown_as_it_came(shell):
    """Nothing of it is read as Markdown."""
    (data,), error = displayed(
        shell, f"%%stream {MODEL} --view static --format text\nHi"
    )

    assert error is None
    assert set(data) == {"text/html", "text/plain"}
    assert data["text/plain"] == said("Hi")
    assert "**scripted answer**" in data["text/html"]


def test_json_is_laid_out_and_parsed(shell, tmp_path, monkeypatch):
    """``--to`` has the reply, whose ``parsed`` is the value."""
    scenario = """origin = "scripted"
title = "t"
description = "d"
order = 1
[[when]]
any = ["list"]
[[part]]
kind = "text"
text = '''
```json
{"a": [1, 2]}
```'''
"""
    (tmp_path / "fenced.toml").write_text(scenario)
    monkeypatch.setenv("NBSTREAM_SCENARIOS", str(tmp_path))
    line = f"%%stream {MODEL} --view static --format json --to got"
    (data,), error = displayed(shell, f"{line}\nlist")

    assert error is None
    assert data["text/plain"] == '{\n  "a": [\n    1,\n    2\n  ]\n}'
    assert shell.user_ns["got"].parsed == {"a": [1, 2]}


def test_what_is_no_json_is_an_error_and_kept(shell):
    """The line says so, in the output and as the error."""
    out, error = run(shell, f"%%stream {MODEL} --format json --to got\nHi")

    assert isinstance(error, nbstream.SchemaFailure)
    assert "[The answer is no JSON: Expecting value: line 1 column 1 (char 0).]" in out
    assert shell.user_ns["got"].text == said("Hi")
    assert shell.user_ns["got"].parsed is None


#: An answer -> the code of its first block.
CODES = {
    "none": ("Just words, `x = 1`.", None),
    "one": ("So:\n\n```python\nx = 1\n\ny = 2\n```\nDone.", "x = 1\n\ny = 2"),
    "the first of two": ("```\na\n```\n```\nb\n```", "a"),
    "a fence in a fence": ("````md\n```\nx\n```\n````", "```\nx\n```"),
    "tildes": ("~~~py\nx\n~~~~\n", "x"),
    "cut off": ("```python\nx = 1\ny =", None),
    "in a list": ("- do\n\n  ```py\n  x = 1\n  ```", "x = 1"),
    "indented": ("words\n\n    x = 1\n", None),
    "empty": ("```\n```", ""),
}


@pytest.mark.parametrize(("text", "code"), CODES.values(), ids=CODES)
def test_the_first_block_of_code(text, code):
    """Whole, and between fences; else there is none."""
    assert first_code(text) == code


def test_code_waits_in_the_next_cell(shell, monkeypatch):
    """It is put there and not run; without any, the output says so."""
    put = []
    monkeypatch.setattr(shell, "set_next_input", lambda *a, **k: put.append((a, k)))
    out, error = run(shell, f"%%stream {MODEL} --format code\nmarkdown tour")
    none, _ = run(shell, f"%%stream {MODEL} --format code\nHi")
    ((code,), how) = put[0]

    assert (error, how, len(put)) == (None, {"replace": False}, 1)
    assert code == first_code(said("markdown tour"))
    assert "No block of code" not in out
    assert none.endswith(
        "No block of code in the answer: the next cell stays as it is.\n"
    )


def test_an_unknown_format(shell, server):
    """The message lists those that are."""
    count = len(server.log)
    _, error = run(shell, f"%%stream {MODEL} --format xml\nHi")

    assert str(error) == "no format 'xml'; known: code, json, markdown, text"
    assert len(server.log) == count


def test_a_cell_run_twice_asks_twice(shell, server):
    """Nothing is kept between the runs but what was asked for."""
    cell = f"%%stream {MODEL} --view static --format json --to got\n[scenario: json] x"
    first, _ = displayed(shell, cell)
    second, _ = displayed(shell, cell)

    assert first == second
    assert server.log[-1].request == server.log[-2].request


# --- what goes wrong ----------------------------------------------------------------

KNOWN = (
    "known: provider:model (openai, openai-chat, anthropic, google, ollama, "
    "vllm, llamacpp, lmstudio, litellm, openrouter) and "
    "--system TEXT, --max-tokens N, --effort LEVEL, --option KEY=VALUE, "
    "--base-url URL, --image PATH, --file PATH, --tools NAME,NAME, --chat NAME, "
    "--dry-run, --to NAME, "
    "--format FORMAT, --view VIEW, --record FILE, --help"
)
PROVIDERS = (
    "known: anthropic, google, litellm, llamacpp, lmstudio, ollama, openai, "
    "openai-chat, openrouter, vllm"
)
#: The line after ``%%stream`` -> the message.
WRONG = {
    f"{MODEL} --bogus": f"unrecognized arguments: --bogus; {KNOWN}",
    f"{MODEL} extra words": f"unrecognized arguments: extra words; {KNOWN}",
    f"{MODEL} --system 'It": f"No closing quotation; {KNOWN}",
    f"{MODEL} --max-tokens": f"argument --max-tokens: expected one argument; {KNOWN}",
    f"{MODEL} --max-tokens ten": (
        f"argument --max-tokens: invalid int value: 'ten'; {KNOWN}"
    ),
    f"{MODEL} --max-tokens 0": "--max-tokens needs a number of tokens from 1, got 0",
    f"{MODEL} --to a-b": "--to needs a name for a variable, got 'a-b'",
    f"{MODEL} --to class": "--to needs a name for a variable, got 'class'",
    f"{MODEL} --view big": "no view 'big'; known: auto, live, none, static, terminal, "
    "updates",
    "llama3:8b": f"no provider at the start of 'llama3:8b'; {PROVIDERS}; did you mean "
    "'ollama:llama3:8b'?",
    "openai:": "'openai:' names no model; expected openai:<model>",
}


@pytest.mark.parametrize(("line", "message"), WRONG.items(), ids=WRONG)
def test_what_cannot_be_asked(line, message, shell, server):
    """The message says what is known, in one line, and nothing is sent."""
    count = len(server.log)
    out, error = run(shell, f"%%stream {line}\nHi")

    assert isinstance(error, UsageError)
    assert str(error) == message
    assert out.strip().splitlines() == [f"{type(error).__name__}: {message}"]
    assert len(server.log) == count


@pytest.mark.parametrize("cell", ["\n", "  \n\t\n"], ids=repr)
def test_an_empty_cell(cell, shell):
    """It says where the question goes."""
    with pytest.raises(UsageError, match="the cell is empty: write the question"):
        shell.run_cell_magic("stream", MODEL, cell)


def test_a_failing_cell_raises_and_keeps_the_reply(shell):
    """Unlike with ``%%capture`` the cells behind it do not run."""
    out, error = run(shell, f"%%stream {MODEL} --to answer\n[scenario: nope]")
    lines = out.strip().splitlines()

    assert isinstance(error, nbstream.ProviderFailure)
    assert shell.user_ns["answer"] is error.reply
    assert error.reply.outcome == "failed"
    assert lines[0].startswith("[Failed. BadRequestError: The offline server has no")
    assert lines[-1].startswith("RequestFailure: BadRequestError: The offline")
    assert len(lines) == 2


def interrupted(stream, reply, **_):
    reply._end(stopped=True)
    raise nbstream.Stopped("stopped", reply)


def test_an_interrupted_cell_keeps_the_reply(shell, monkeypatch):
    """The interrupt goes on, so that queued cells do not run."""
    monkeypatch.setattr("nbstream.chat.chat.shown", interrupted)
    out, error = run(shell, f"%%stream {MODEL} --to answer\nHi")

    assert (type(error), error.reply) == (nbstream.Stopped, shell.user_ns["answer"])
    assert out.strip() == "KeyboardInterrupt: stopped"


def test_help_can_be_read(shell):
    """``%%stream?`` shows what it does and every option."""
    _, error = run(shell, "%%stream?")
    told = shell.inspector.info(shell.find_magic("stream", "cell"))["docstring"]

    assert error is None
    for words in (
        "Ask a model the text of this cell",
        "{{name}} is replaced by the notebook's variable",
        "%%stream anthropic:<model> --max-tokens 500 --to answer",
        "Instructions for the model.",
        "Limit of the answer, in tokens.",
        "Put the Reply into this variable.",
        "live, updates, static, terminal or none.",
    ):
        assert words in told


# --- the end of a cell --------------------------------------------------------------

SHOW = "import nbstream\n"
REPR = "Reply('Hello', outcome='complete', api='text')"


def test_show_may_be_the_last_line(shell):
    """In a terminal a value has its line, here as anywhere."""
    out, error = run(shell, f"{SHOW}nbstream.show(['Hel', 'lo'])")

    assert (out, error) == (f"Hello\nOut[1]: {REPR}\n", None)


def test_a_reply_in_another_cell(shell):
    """There it is shown, as a value is."""
    run(shell, f"{SHOW}reply = nbstream.show(['Hello'])")
    out, _ = run(shell, "reply")

    assert out == f"Out[2]: {REPR}\n"


def test_a_live_on_the_last_line(shell):
    """The stream has its own output; the value is one line."""
    out, error = run(
        shell, f"{SHOW}live = nbstream.start(['Hello'], view='none')\nlive"
    )

    assert out in [f"Out[1]: Live('{o}')\n" for o in ("running", "complete")]
    assert error is None
