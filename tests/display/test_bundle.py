"""What is saved: whole values for every way a reply can end."""

# ruff: noqa: E501 - HTML is compared whole, and reads best uncut

import pytest
from nbformat import from_dict

from nbstream.reply import Reply
from nbstream.screens.bundle import PLACE, bundle, waiting
from nbstream.screens.output import in_markdown
from nbstream.types import End, Failure, Finish, TextDelta, ToolCallDelta, Usage


def text(said, **more):
    return TextDelta(text=said, **more)


def call(arguments, name="weather"):
    return ToolCallDelta(index=0, id="c1", name=name, arguments=arguments)


def finish(reason, choice=0):
    return (
        Finish(reason=reason, raw_reason=reason, choice=choice),
        End(choice=choice),
    )


def reply_of(*events, api="text", **how):
    reply = Reply(api)
    reply._extend(events)
    reply._end(**how)
    return reply


STOP = finish("stop")
STOPPED = {"stopped": True}
#: What it shows -> (events, how it ended, text/html, text/markdown, text/plain).
CASES = {
    "a complete answer is its text and nothing else": (
        (text("Hello *you*\n"), *STOP),
        {},
        '<p dir="auto">Hello <em>you</em></p>\n',
        "Hello *you*\n",
        "Hello *you*\n",
    ),
    "nothing came": (
        (),
        STOPPED,
        "<p><em>Stopped. Nothing came.</em></p>",
        "*Stopped. Nothing came.*",
        "[Stopped. Nothing came.]",
    ),
    "stopped": (
        (text("Hel"),),
        STOPPED,
        '<p dir="auto">Hel</p>\n\n<p><em>Stopped. This is what had arrived.</em></p>',
        "Hel\n\n*Stopped. This is what had arrived.*",
        "Hel\n\n[Stopped. This is what had arrived.]",
    ),
    "stopped in what is bold: as it was seen": (
        (text("See **the"),),
        STOPPED,
        '<p dir="auto">See <strong>the</strong></p>\n\n<p><em>Stopped. This is what had arrived.</em></p>',
        "See **the\n\n*Stopped. This is what had arrived.*",
        "See **the\n\n[Stopped. This is what had arrived.]",
    ),
    "at the limit in a link: as it was seen": (
        (text("[the docs](https://exa"), *finish("length")),
        {},
        '<p dir="auto">the docs</p>\n\n<p><em>Cut: the token limit was reached.</em></p>',
        "[the docs](https://exa\n\n*Cut: the token limit was reached.*",
        "[the docs](https://exa\n\n[Cut: the token limit was reached.]",
    ),
    "stopped inside a code block": (
        (text("```python\nx=1"),),
        STOPPED,
        '<pre><code class="highlight">x<span class="o">=</span><span class="m">1</span></code></pre>\n\n<p><em>Stopped. This is what had arrived.</em></p>',
        "```python\nx=1\n```\n\n*Stopped. This is what had arrived.*",
        "```python\nx=1\n\n[Stopped. This is what had arrived.]",
    ),
    "stopped inside a code block of a list": (
        (text("- a\n  ~~~\n  b"),),
        STOPPED,
        '<ul dir="auto">\n<li>a\n<pre dir="ltr"><code>b</code></pre>\n</li>\n</ul>\n\n<p><em>Stopped. This is what had arrived.</em></p>',
        "- a\n  ~~~\n  b\n\n*Stopped. This is what had arrived.*",
        "- a\n  ~~~\n  b\n\n[Stopped. This is what had arrived.]",
    ),
    "stopped after a whole code block": (
        (text("```\nx\n```"),),
        STOPPED,
        "<pre><code>x\n</code></pre>\n\n<p><em>Stopped. This is what had arrived.</em></p>",
        "```\nx\n```\n\n*Stopped. This is what had arrived.*",
        "```\nx\n```\n\n[Stopped. This is what had arrived.]",
    ),
    "truncated": (
        (text("Hel"),),
        {},
        '<p dir="auto">Hel</p>\n\n<p><em>Truncated: the stream ended before the answer was complete.</em></p>',
        "Hel\n\n*Truncated: the stream ended before the answer was complete.*",
        "Hel\n\n[Truncated: the stream ended before the answer was complete.]",
    ),
    "failed by an exception": (
        (text("Hel"),),
        {"exception": OSError("cut <b>\n# off")},
        '<p dir="auto">Hel</p>\n\n<p><em>Failed. OSError: cut &lt;b&gt; # off</em></p>',
        "Hel\n\n*Failed. OSError: cut &lt;b> # off*",
        "Hel\n\n[Failed. OSError: cut <b> # off]",
    ),
    "failed by an exception that says nothing": (
        (),
        {"exception": OSError()},
        "<p><em>Failed. OSError</em></p>",
        "*Failed. OSError*",
        "[Failed. OSError]",
    ),
    "failed in band": (
        (text("Hel"), Failure(type="overloaded_error", message="Busy")),
        {},
        '<p dir="auto">Hel</p>\n\n<p><em>Failed. overloaded_error: Busy</em></p>',
        "Hel\n\n*Failed. overloaded_error: Busy*",
        "Hel\n\n[Failed. overloaded_error: Busy]",
    ),
    "a key in a message is not shown": (
        (),
        {"exception": OSError("key sk-abcdefghijklmnop")},
        "<p><em>Failed. OSError: key [key removed]</em></p>",
        "*Failed. OSError: key [key removed]*",
        "[Failed. OSError: key [key removed]]",
    ),
    "cut at the limit": (
        (text("Hel"), *finish("length")),
        {},
        '<p dir="auto">Hel</p>\n\n<p><em>Cut: the token limit was reached.</em></p>',
        "Hel\n\n*Cut: the token limit was reached.*",
        "Hel\n\n[Cut: the token limit was reached.]",
    ),
    "cut by the content filter": (
        (text("Hel"), *finish("content_filter")),
        {},
        '<p dir="auto">Hel</p>\n\n<p><em>Cut: the provider&#x27;s content filter stopped the answer.</em></p>',
        "Hel\n\n*Cut: the provider's content filter stopped the answer.*",
        "Hel\n\n[Cut: the provider's content filter stopped the answer.]",
    ),
    "paused": (
        (text("Hel"), *finish("pause")),
        {},
        '<p dir="auto">Hel</p>\n\n<p><em>Paused: the provider wants to be asked to go on.</em></p>',
        "Hel\n\n*Paused: the provider wants to be asked to go on.*",
        "Hel\n\n[Paused: the provider wants to be asked to go on.]",
    ),
    "refused": (
        (text("I can't <i>.", kind="refusal"), *STOP),
        {},
        "<p><strong>Refused.</strong> I can&#x27;t &lt;i&gt;.</p>",
        "Refused: I can't &lt;i>.",
        "Refused: I can't <i>.",
    ),
    "a tool call after text": (
        (text("Wait."), call('{"city": "Zürich"}'), *finish("tool_calls")),
        {},
        '<p dir="auto">Wait.</p>\n\n<p>Tool call <code>weather</code></p>\n<pre><code>{\n  &quot;city&quot;: &quot;Zürich&quot;\n}</code></pre>',
        'Wait.\n\nTool call weather\n\n```json\n{"city": "Zürich"}\n```',
        'Wait.\n\nweather({"city": "Zürich"})',
    ),
    "a call that is no JSON": (
        (call('{"a": "```"', "f<*"), *finish("tool_calls")),
        {},
        "<p>Tool call <code>f&lt;*</code> (invalid arguments: Expecting &#x27;,&#x27; delimiter: line 1 column 12 (char 11))</p>\n<pre><code>{&quot;a&quot;: &quot;```&quot;</code></pre>",
        'Tool call f<* (invalid arguments: Expecting \',\' delimiter: line 1 column 12 (char 11))\n\n````json\n{"a": "```"\n````',
        'f<*({"a": "```") (invalid arguments: Expecting \',\' delimiter: line 1 column 12 (char 11))',
    ),
    "a call that the limit cut": (
        (call('{"ci'), *finish("length")),
        {},
        "<p>Tool call <code>weather</code> (unfinished: do not run it)</p>\n<pre><code>{\n  &quot;ci</code></pre>\n<p><em>Cut: the token limit was reached.</em></p>",
        'Tool call weather (unfinished: do not run it)\n\n```json\n{"ci\n```\n\n*Cut: the token limit was reached.*',
        'weather({"ci) (unfinished: do not run it)\n\n[Cut: the token limit was reached.]',
    ),
    "two answers": (
        (text("A"), text("B", choice=1), *STOP, *finish("stop", 1)),
        {},
        '<p><strong>Answer 1 of 2</strong></p>\n<p dir="auto">A</p>\n\n<p><strong>Answer 2 of 2</strong></p>\n<p dir="auto">B</p>\n',
        "**Answer 1 of 2**\n\nA\n\n**Answer 2 of 2**\n\nB",
        "A\n\nAnswer 2:\n\nB",
    ),
    "one answer cannot undo the safety of the next": (
        (
            text("```\n"),
            text("```\n<b>x</b>\n```", choice=1),
            *STOP,
            *finish("stop", 1),
        ),
        {},
        "<p><strong>Answer 1 of 2</strong></p>\n<pre><code></code></pre>\n\n<p><strong>Answer 2 of 2</strong></p>\n<pre><code>&lt;b&gt;x&lt;/b&gt;\n</code></pre>\n",
        "**Answer 1 of 2**\n\n```\n```\n\n**Answer 2 of 2**\n\n```\n<b>x</b>\n```",
        "```\n\n\nAnswer 2:\n\n```\n<b>x</b>\n```",
    ),
    "reasoning is folded, and not part of the text": (
        (text("*Hm*", kind="reasoning"), text("Yes"), *STOP),
        {},
        '<details><summary>Reasoning</summary>\n<p dir="auto"><em>Hm</em></p>\n\n</details>\n<p dir="auto">Yes</p>\n',
        "Yes",
        "Yes",
    ),
    "half a character is replaced": (
        (text("a\ud83d", kind="refusal"), *STOP),
        {},
        "<p><strong>Refused.</strong> a�</p>",
        "Refused: a�",
        "Refused: a�",
    ),
}


@pytest.mark.parametrize(
    ("events", "how", "html", "markdown", "plain"), CASES.values(), ids=CASES
)
def test_what_is_saved(events, how, html, markdown, plain):
    """All three forms, however the reply ended."""
    assert bundle(reply_of(*events, **how)) == {
        "text/html": f"{PLACE}{html}</div>",
        "text/markdown": markdown,
        "text/plain": plain,
    }


def test_what_is_shown_while_it_grows():
    """An open call says so, and nothing is said of an end."""
    reply = Reply("text")
    reply._extend([text("He"), call('{"a')])

    assert bundle(reply) == {
        "text/html": f'{PLACE}<p dir="auto">He</p>\n\n<p>Tool call <code>weather</code> …</p>\n'
        "<pre><code>{&quot;a</code></pre></div>",
        "text/markdown": 'He\n\nTool call weather …\n\n```json\n{"a\n```',
        "text/plain": 'He\n\nweather({"a) …',
    }


def test_before_anything_came():
    """A person sees that something is on its way."""
    assert waiting() == {
        "text/html": "<p><em>Waiting for the first token …</em></p>",
        "text/plain": "",
    }


def test_the_plain_text_is_exactly_what_came():
    """Nothing is stripped, wrapped or escaped."""
    said = "  two spaces\n\n<b>&amp;</b> $x$ \t\n\n\n"

    assert bundle(reply_of(text(said), *STOP))["text/plain"] == said


def test_arguments_with_half_a_character_can_be_sent():
    """What JSON may escape must still become bytes."""
    saved = bundle(reply_of(call('{"a": "\\ud83d"}'), *finish("tool_calls")))

    assert [value.encode() and mime for mime, value in saved.items()] == list(saved)
    assert "\ufffd" in saved["text/html"]


def test_images_are_links_unless_asked_for():
    """A remote image would tell its host what the model was asked."""
    reply = reply_of(text("![a](https://x.invalid/p.png)"), *STOP)
    without, with_images = bundle(reply), bundle(reply, images=True)

    assert "<img" not in without["text/html"]
    assert "![" not in without["text/markdown"]
    assert '<img src="https://x.invalid/p.png"' in with_images["text/html"]
    assert "![a](https://x.invalid/p.png)" in with_images["text/markdown"]


def test_a_page_long_error_is_one_line():
    """A proxy's page of HTML says what it is in its first words."""
    error = Failure(type="InternalServerError", message="<html>\n" + "x " * 5000)
    plain = bundle(reply_of(error))["text/plain"]

    assert plain.startswith("[Failed. InternalServerError: <html> x x")
    assert (plain.count("\n"), len(plain) < 500) == (0, True)


def counted(output_tokens=5):
    return Usage(
        input_tokens=3,
        output_tokens=output_tokens,
        total_tokens=8,
        reasoning_tokens=None,
        cached_tokens=None,
        data={},
    )


def saved(data, **metadata):
    return {"output_type": "display_data", "data": data, "metadata": metadata}


#: What an output is -> the output, and the MIME types that an exporter finds in it.
EXPORTED = {
    "an answer": (
        saved(bundle(reply_of(text("a"))), nbstream={}),
        ["text/markdown", "text/plain"],
    ),
    "a panel, which has no metadata": (
        saved({"text/html": f"<p>You</p>{PLACE}a</div>", "text/markdown": "a"}),
        ["text/markdown"],
    ),
    "an anatomy": (
        saved({"text/html": '<div class="nbstream-anatomy">', "text/markdown": "a"}),
        ["text/markdown"],
    ),
    "somebody else's": (
        saved({"text/html": "<p>a</p>", "text/markdown": "a"}),
        ["text/html", "text/markdown"],
    ),
    "a picture": (saved({"image/png": "AAAA"}), ["image/png"]),
}


@pytest.mark.parametrize(("output", "wanted"), EXPORTED.values(), ids=EXPORTED)
def test_what_is_exported_as_markdown(output, wanted):
    """Of ours the HTML goes, which exporters would take first; the rest stays."""
    stream = {"output_type": "stream", "name": "stdout", "text": "a"}
    cells = [{"cell_type": "code", "outputs": [stream, output]}, {"cell_type": "raw"}]
    notebook, resources = in_markdown(from_dict({"cells": cells}), {})
    assert sorted(notebook.cells[0].outputs[1]["data"]) == wanted
    assert resources == {}
