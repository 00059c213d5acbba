"""Whatever a model makes of the tags that show: only the name is read."""

from __future__ import annotations

import re

from display.test_markdown import ATTRIBUTES, TAGS, Guard
from hypothesis import given, settings
from hypothesis import strategies as st

from nbstream.markdown import to_html, to_safe_markdown
from nbstream.markdown.rendering import Rendering, cut_html
from nbstream.markdown.tags import SHOWN

#: The tags of a model that do anything at all.
NAMES = sorted({*SHOWN, "a", "br", "center", "details", "div", "img", "p", "span"})
NAMES.append("summary")
#: What a tag may have behind its name, harmful or one of ours.
MORE = r"""
 onclick="p()"
 style='background:url(https://e)'
 style="text-align:start"
 style="display: block; overflow-x: auto;x:y"
 id=x
 class="tocSkip"
 class=highlight
 dir="rtl"
 dir="auto"onload=p()
 open
 open=""
 open="open" ontoggle=p()
 name=body
 title="x"
 title=""><script>p()</script>"
 href="javascript:p()"
 href=https://h
 href="https://h" ping=https://e
 href='java&#115;cript:p()'
 href="https://h/](javascript:p())"
 src="x" alt="a<b>"
 src=https://e/i.png
 src="data:image/png;base64,AA"
 alt='"><img src=x onerror=p()>'
 alt="![a](https://e/i.png)"
 rel=x
 target=_top
 type=checkbox
/onload=p()
 data-commandlinker-command="x"
 "
 '
=
/
""".strip("\n").split("\n")
MORE += ["\nonclick=p()", "\0onclick=p()", "\x0conclick=p()", "\xa0onclick=p()", "\t"]
ENDS = (">", ">", ">", " >", "/>", "\n>", "", ">>", "\n\n>", " ")
#: What stands between them.
BETWEEN = [*"a*_`$[]|<&'\"=\n", " ", "\n\n", "\n> ", "\n- ", "**", "b c", "$x$", "`d`"]
BETWEEN += ["](https://h)", "](javascript:p())", "![", "<!--", "-->", "|\n|-|-|\n|"]
BETWEEN += ["\n    ", "```\n", "~~", "<script>p()</script>", "&lt;", "\\", "אב", "。"]


def tags(name: str) -> st.SearchStrategy[str]:
    """Return begins and ends of a tag, in any case, with anything in them."""
    return st.builds(
        lambda slash, cased, more, end: f"<{slash}{cased}{''.join(more)}{end}",
        st.sampled_from(["", "", "/"]),
        st.sampled_from([name, name, name.upper(), name.title(), f" {name}"]),
        st.lists(st.sampled_from(MORE), max_size=2),
        st.sampled_from(ENDS),
    )


def texts(name: str) -> st.SearchStrategy[str]:
    """Return texts in which the tag is nested, doubled, crossed with others, left."""
    pairs = tags(name).map(lambda tag: f"<{name}>x{tag}y</{name}>")
    others = st.sampled_from(NAMES).flatmap(tags)
    pieces = tags(name) | pairs | others | st.sampled_from(BETWEEN)
    return st.lists(pieces, min_size=1, max_size=8).map("".join)


def parsed(html: str) -> list[tuple[str, str, str | None]]:
    """Return each tag and attribute as a browser reads them, if it finds no fault."""
    from bleach.html5lib_shim import HTMLParser

    parser = HTMLParser()
    tree = parser.parseFragment(html)
    faults = [code for _, code, _ in parser.errors if "codepoint" not in code]
    assert faults == []
    elements = ((each.tag.partition("}")[2], each) for each in list(tree.iter())[1:])
    return [
        found
        for tag, each in elements
        for found in [(tag, "", None), *((tag, *pair) for pair in each.attrib.items())]
    ]


def assert_harmless(html: str) -> None:
    """Two parsers find nothing but what is on the lists."""
    assert Guard(html).bad == []
    for tag, name, value in parsed(html):
        assert tag in TAGS
        says = value or str(None)
        assert not name or re.fullmatch(ATTRIBUTES[tag, name], says), (tag, name, value)


NAMED = st.sampled_from(NAMES)
MODEST = settings(deadline=None, max_examples=150)


@MODEST
@given(text=NAMED.flatmap(texts), at=st.integers(0, 60))
def test_no_attribute_case_or_nesting_makes_a_tag_harmful(text: str, at: int) -> None:
    """Whole, cut anywhere, and while it streams: by characters, each frame."""
    rendering, shown = Rendering(), dict[str, None]()
    for character in text:
        rendering.feed(character)
        rendering.frame()
        shown["".join(rendering.blocks)] = None
    rendering.finish()
    whole, pictured, cut = to_html(text), to_html(text, images=True), cut_html(text)

    assert "".join(rendering.blocks) == whole
    assert [found for html in shown for found in Guard(html).bad] == []
    for html in (whole, pictured, cut, list(shown)[at % len(shown)]):
        assert_harmless(html)


@MODEST
@given(text=NAMED.flatmap(texts), images=st.booleans())
def test_nor_in_markdown_that_others_read(text: str, images: bool) -> None:
    """What a reader of HTML finds in it is on the lists, and its tags are closed."""
    from markdown_it import MarkdownIt

    safe = to_safe_markdown(text, images=images)
    md = MarkdownIt("commonmark", {"xhtmlOut": False}).enable(["table"])
    md.validateLink = lambda _: True
    html = re.sub(r' href="(#[^"]*)?"', "", md.render(safe))

    assert Guard(html, "title", "class").bad == []
    assert parsed(re.sub("(?<=<a)(?=>)", ' href="#"', html)) is not None
    assert to_safe_markdown(safe, images=images) == safe


ALONE = st.sampled_from(sorted(set(NAMES) - {"details", "summary"})).flatmap(tags)


@MODEST
@given(st.lists(ALONE | st.sampled_from(["a", " ", "*", "**"]), max_size=6))
def test_a_tag_does_nothing_to_what_follows(pieces: list[str]) -> None:
    """Open, doubled or half: the next block is as it would be alone."""
    text = "".join(pieces)

    assert to_html(f"{text}\n\n# b\n\nc").endswith(to_html("# b\n\nc"))
