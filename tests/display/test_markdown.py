"""Safe HTML and safe Markdown: what they show, and that nothing else gets in."""
# ruff: noqa: E501, RUF001 - a table is read a case a line, and some are Japanese

import re
from html.parser import HTMLParser

import pytest
from harness.frames import directed
from hypothesis import given, settings
from hypothesis import strategies as st

from nbstream.markdown import to_html, to_safe_markdown
from nbstream.markdown.code import code_block
from nbstream.markdown.inert import is_inert
from nbstream.markdown.math import without_math

LINK = 'rel="noopener noreferrer nofollow" target="_blank"'
APART = "<span>"
told = '<p><abbr title="{}">a</abbr></p>\n'.format
IGNORED = '<span class="tex2jax_ignore">{}</span>'.format

HTML = {
    "raw HTML is text": ("a <video>c</video>", "<p>a &lt;video&gt;c&lt;/video&gt;</p>\n"),
    "a break": ("a<br>b <BR/>\n<br />", "<p>a<br>\nb <br>\n\n<br>\n</p>\n"),
    "a break by two spaces": ("a *b*  \nc  \nd \ne", "<p>a <em>b</em><br>\nc<br>\nd\ne</p>\n"),
    "a break in a cell": (
        "|a|\n|-|\n|b<br>c|",
        '<table dir="auto" style="display: block; overflow-x: auto">\n<thead>\n<tr>\n<th style="text-align:left">a</th>\n</tr>\n</thead>\n'
        '<tbody>\n<tr>\n<td style="text-align:left">b<br>\nc</td>\n</tr>\n</tbody>\n</table>\n',
    ),
    "what is no break": (
        "<br x> <br\t> </br> <br  /> \\<br> `<br>`",
        "<p>&lt;br x&gt; &lt;br\t&gt; &lt;/br&gt; &lt;br  /&gt; &lt;br&gt; <code>&lt;br&gt;</code></p>\n",
    ),
    "a link": ("[a](https://h/?x&y)", f'<p><a href="https://h/?x&amp;y" {LINK}>a</a></p>\n'),
    "an address": ("<mailto:a@b.c>", f'<p><a href="mailto:a@b.c" {LINK}>mailto:a@b.c</a></p>\n'),
    "a link with a break and a formula": (
        "[a<br>$]$](https://h)", f'<p><a href="https://h" {LINK}>a<br>\n<span>$]$</span></a></p>\n'
    ),
    "a script's link": ("[a](javascript:b)", told("javascript:b")),
    "one in entities": ("[a](&#106;avascript:b)", told("javascript:b")),
    "a link to a file": ("[a](b.ipynb)", told("b.ipynb")),
    "a link in the page": ("[a](#b)", told("#b")),
    "an image": (
        "![*a*](https://h/i.png)",
        f'<p><a href="https://h/i.png" {LINK}>a (https://h/i.png)</a></p>\n',
    ),
    "an image in a link": (
        "[![a](https://h/i)](https://g)",
        f'<p><a href="https://g" {LINK}>a (https://h/i)</a></p>\n',
    ),
    "a price": ("$5 and $6", f"<p>{IGNORED('$')}5 and {IGNORED('$')}6</p>\n"),
    "prices before a formula": (
        "$5/month for $x$", f"<p>{IGNORED('$')}5/month for <span>$x$</span></p>\n"
    ),
    "a formula": ("$a_1 * b_2 * c$", "<p><span>$a_1 * b_2 * c$</span></p>\n"),
    "TeX's own brackets": (r"\(a<b\) \[c\]", f"<p><span>\\(a&lt;b\\)</span> {APART}\\[c\\]</span></p>\n"),
    "an entity is in no formula": (
        "$5&#60;d&#62;$p_1$", f"<p>{IGNORED('$')}5&lt;d&gt;<span>$p_1$</span></p>\n"
    ),
    "an escaped dollar": (r"\$x$", f"<p>{IGNORED('$')}x{IGNORED('$')}</p>\n"),
    "a backslash": (r"C:\\(x", f"<p>C:{IGNORED(chr(92))}(x</p>\n"),
    "dollars in code": ("`$a$` `b`", "<p><code>$a$</code> <code>b</code></p>\n"),
    "a formula over lines": (
        "so\n$$\na\n- b\n= c\n$$", f"<p>so</p>\n<p>{APART}$$\na\n- b\n= c\n$$</span></p>\n"
    ),
    "an environment": (
        "\\begin{align}\n- a\n\\end{align}",
        f"<p>{APART}\\begin{{align}}\n- a\n\\end{{align}}</span></p>\n",
    ),
    "no end of a formula": ("$$\na\n\n# b\n", "<p>{}\na</p>\n<h1>b</h1>\n".format(IGNORED("$$"))),
    "dollars in indented code": ("    $$\n    a", "<pre><code>$$\na\n</code></pre>\n"),
    "dollars indented after a quote": (
        "> a\n    $$", f"<blockquote>\n<p>a\n{IGNORED('$$')}</p>\n</blockquote>\n"
    ),
    "text after a formula": ("$$a$$ b", f"<p>{APART}$$a$$</span> b</p>\n"),
    "an empty formula": ("\\[\\]", "<p>[]</p>\n"),
    "a formula that links": (r"$\href{x}{y}$", "<p><code>$\\href{x}{y}$</code></p>\n"),
    "a formula block that loads": ("$$\n\\require{x}\n$$", "<p><code>$$\n\\require{x}\n$$</code></p>\n"),
    "a formula too deep": (f"${'{' * 70}{'}' * 70}$", f"<p><code>${'{' * 70}{'}' * 70}$</code></p>\n"),
    "code": (
        '```python\nx = "<"\n```',
        '<pre><code class="highlight">x <span class="o">=</span> '
        '<span class="s">"&lt;"</span>\n</code></pre>\n',
    ),
    "code in no known language": ('```"><b>\n<\n```', "<pre><code>&lt;\n</code></pre>\n"),
    "code in a language unheard of": ("```nolang\nx\n```", "<pre><code>x\n</code></pre>\n"),
    "a table": (
        "|a|b|\n|-|-:|\n|1|2|",
        '<table dir="auto" style="display: block; overflow-x: auto">\n<thead>\n<tr>\n<th style="text-align:left">a</th>\n'
        '<th style="text-align:right">b</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n'
        '<td style="text-align:left">1</td>\n<td style="text-align:right">2</td>\n'
        "</tr>\n</tbody>\n</table>\n",
    ),
    "tasks": (
        "1. [ ] a\n2. [x] b",
        '<ol>\n<li><input type="checkbox" disabled> a\n</li>\n'
        '<li><input type="checkbox" disabled checked> b\n</li>\n</ol>\n',
    ),
    "a list that starts late": ("3. a", '<ol start="3">\n<li>a\n</li>\n</ol>\n'),
    "breaks, a rule and strokes": (
        "a\\\nb\nc\n\n---\n~~d~~ **e** *f*",
        "<p>a<br>\nb\nc</p>\n<hr>\n<p><s>d</s> <strong>e</strong> <em>f</em></p>\n",
    ),
    "code in a language with words of its own": (
        "```d\nA\n```",
        '<pre><code class="highlight">A\n</code></pre>\n',
    ),
    "words of any language": ("é 漢", "<p>é 漢</p>\n"),
    "harmless tags": (
        "H<sub>2</sub>O <KBD>*a*</KBD> **<u >b</u>** <del><ins>c</ins></del>",
        "<p>H<sub>2</sub>O <kbd><em>a</em></kbd> <strong><u>b</u></strong> <del><ins>c</ins></del></p>\n",
    ),
    "tags without their other half": (
        "<b>a <i>b</b> *c <u>d* e</u> </s> <sub>",
        "<p><b>a &lt;i&gt;b</b> <em>c &lt;u&gt;d</em> e&lt;/u&gt; &lt;/s&gt; &lt;sub&gt;</p>\n",
    ),
    "a tag does not leave its block": ("<b>a\n\nb</b>", "<p>&lt;b&gt;a</p>\n<p>b&lt;/b&gt;</p>\n"),
    "tags with attributes": ('<b id="x">a</b>', "<p>&lt;b id=\"x\"&gt;a&lt;/b&gt;</p>\n"),
    "tags in code and formulas": ("`<b>`a</b>", "<p><code>&lt;b&gt;</code>a&lt;/b&gt;</p>\n"),
    "comments": (
        "a <!-- b --> c\n<!-- d\n\n# e -->\nf <!-- g",
        "<p>a  c</p>\n<p>f &lt;!-- g</p>\n",
    ),
    "what only groups": (
        '<div align="center">\n\n# a\n\n</div>\n\n<p>b</p>\n\na <div> c',
        "<h1>a</h1>\n<p>b</p>\n<p>a &lt;div&gt; c</p>\n",
    ),
    "what folds": (
        "<details>\n<summary><b>a</b> `b`</summary>\n\n- c\n  ```\n  d\n  ```\n</details>\n\ne",
        "<details>\n<summary><b>a</b> <code>b</code></summary>\n<ul>\n<li>c\n"
        '<pre dir="ltr"><code>d\n</code></pre>\n</li>\n</ul>\n</details>\n<p>e</p>\n',
    ),
    "what folds in a line": (
        "<details><summary>a</summary>b</details> c",
        "<details>\n<summary>a</summary>\n<p>b</p>\n</details>\n<p>c</p>\n",
    ),
    "what folds in what folds": (
        "<details open>\n<details>\n<summary>\na\n</summary>\nb\n</details>\nc</details>",
        "<details open>\n<details>\n<summary>a</summary>\n<p>b</p>\n</details>\n<p>c</p>\n</details>\n",
    ),
    "what folds in an item": (
        "- <details>\n  <summary>a</summary>\n\n  b\n  </details>\n\nc",
        "<ul>\n<li><details>\n<summary>a</summary>\n<p>b</p>\n</details>\n</li>\n</ul>\n<p>c</p>\n",
    ),
    "what folds without an end hides nothing": (
        "> <details>\n> a\n\n</details>\n\nb",
        "<blockquote>\n<details open>\n<p>a</p>\n</details>\n</blockquote>\n<p>b</p>\n",
    ),
    "bare addresses": (
        "https://h/a_b_c*d, (www.h.c/x_(y)) **HTTP://h:8/**; a.b@c.de.",
        f'<p><a href="https://h/a_b_c*d" {LINK}>https://h/a_b_c*d</a>, '
        f'(<a href="http://www.h.c/x_(y)" {LINK}>www.h.c/x_(y)</a>) '
        f'<strong><a href="HTTP://h:8/" {LINK}>HTTP://h:8/</a></strong>; '
        f'<a href="mailto:a.b@c.de" {LINK}>a.b@c.de</a>.</p>\n',
    ),
    "a bare address in Japanese": (
        "詳細はhttps://h.jp/aを。https://h.jp/京、",
        f'<p>詳細は<a href="https://h.jp/a" {LINK}>https://h.jp/a</a>を。'
        f'<a href="https://h.jp/%E4%BA%AC" {LINK}>https://h.jp/京</a>、</p>\n',
    ),
    "what is no bare address": (
        "`https://h` xhttps://h https:// www. @a a@b a@1.2.3 git@h.com:a/b",
        "<p><code>https://h</code> xhttps://h https:// www. @a a@b a@1.2.3 git@h.com:a/b</p>\n",
    ),
    "an address as a label": ("[https://h/a_b_](https://g)", f'<p><a href="https://g" {LINK}>https://h/a_b_</a></p>\n'),
    "what looks like a definition": ("[a]: b", "<p>[a]: b</p>\n"),
    "a definition of a file": ("[a]\n\n[a]: ./b.c", told("./b.c")),
    "an embedded image": (
        f"![a](data:image/png;base64,{'A' * 64_000})", "<p>a (image/png, 48 kB)</p>\n"
    ),
    "an image that is a file": ("![a](b.png)", "<p>a (b.png)</p>\n"),
    "one that stands for itself": (
        f"a data:image/png;base64,{'A' * 64_000} `data:b/c;base64,{'A' * 40}` data: d",
        f"<p>a data:image/png, 48 kB <code>data:b/c;base64,{'A' * 40}</code> data: d</p>\n",
    ),
    "an image written as HTML": (
        "<img src='https://h/i.png' alt='a *b*' onload=p()> <IMG\nsrc=x.png /> <img alt=c>",
        f'<p><a href="https://h/i.png" {LINK}>a *b* (https://h/i.png)</a> x.png &lt;img alt=c&gt;</p>\n',
    ),
    "links written as HTML": (
        '<a href="https://h?b&amp;c" class=d>*e*</a> <A href=javascript:f>g</A> <a name="h"></a> <a href="#i">j</a>',
        f'<p><a href="https://h?b&amp;c" {LINK}><em>e</em></a> <abbr title="javascript:f">g</abbr>  '
        '<abbr title="#i">j</abbr></p>\n',
    ),
    "half a link written as HTML": (
        '<a href="https://h">b *c</a>* `<a href=d>`',
        '<p>&lt;a href="https://h"&gt;b <em>c&lt;/a&gt;</em> <code>&lt;a href=d&gt;</code></p>\n',
    ),
    "links in links written as HTML": (
        '<a href="https://h">[b](https://c) https://d <img src=e alt=f></a> [<a href=g>i</a>](https://j)',
        f'<p><a href="https://h" {LINK}>b https://d f (e)</a> <a href="https://j" {LINK}>i</a></p>\n',
    ),
    "a badge in the middle": (
        '<p align="center">\n  <a href="https://h"><img src="https://i/b.svg" alt="c"></a>\n</p>',
        f'<p><a href="https://h" {LINK}>c (https://i/b.svg)</a></p>\n',
    ),
    "footnotes": (
        "a[^1] [^n] [^b]\n\n[^1]: *c*\n    d\n[^n]: https://h\n\n    e\n\nf",
        "<p>a<sup>1</sup> <sup>n</sup> [^b]</p>\n<p><sup>1</sup> <em>c</em>\nd</p>\n"
        f'<p><sup>n</sup> <a href="https://h" {LINK}>https://h</a></p>\n<p>e</p>\n<p>f</p>\n',
    ),
    "alerts": (
        "> [!NOTE]\n> a\n\n> [!warning]\n>\n> - b\n\n> [!NOTE] c\n\n> [!OTHER]\n> d",
        "<blockquote>\n<p><strong>Note</strong></p>\n<p>a</p>\n</blockquote>\n"
        "<blockquote>\n<p><strong>Warning</strong></p>\n<ul>\n<li>b\n</li>\n</ul>\n</blockquote>\n"
        "<blockquote>\n<p>[!NOTE] c</p>\n</blockquote>\n<blockquote>\n<p>[!OTHER]\nd</p>\n</blockquote>\n",
    ),
    "one tilde": (
        "~a b~ 3~5, 7~10 ~/c ~/d ~5 e~~~f ~g~~",
        "<p><s>a b</s> 3~5, 7~10 ~/c ~/d ~5 e~~~f ~g~~</p>\n",
    ),
    "emphasis in Chinese, Japanese and Korean": (
        "**重要（注意）。**続き**「大事」**な。**'중요'**합니다 *（a）*b ~~「c」~~は です_強調_です",
        "<p><strong>重要（注意）。</strong>続き<strong>「大事」</strong>な。<strong>'중요'</strong>합니다 "
        "<em>（a）</em>b <s>「c」</s>は です_強調_です</p>\n",
    ),
    "the same without them": ('**"a"**b **(c)**d', "<p>**&quot;a&quot;**b **(c)**d</p>\n".replace("&quot;", '"')),
    "from the right": (
        "مرحبا `f(x)`",
        '<p dir="auto" style="text-align:right">مرحبا <code dir="ltr">f(x)</code></p>\n',
    ),
    "letters from the right in a text from the left": (
        "`אב` <b>a</b> מ $ש$\n\n`a` **$x$ <b>1. ב</b>** a",
        '<p><code dir="ltr">אב</code> <b>a</b> מ <span>$ש$</span></p>\n<p dir="auto" style="text-align:right">'
        '<code dir="ltr">a</code> <strong><span>$x$</span> <b>1. ב</b></strong> a</p>\n',
    ),
    "a table from the right": (
        "|א|b|\n|-|:-:|\n|c|1|",
        '<table dir="auto" style="display: block; overflow-x: auto">\n<thead>\n<tr>\n<th style="text-align:right">א</th>\n'
        '<th style="text-align:center">b</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n'
        '<td style="text-align:right">c</td>\n<td style="text-align:center">1</td>\n</tr>\n</tbody>\n</table>\n',
    ),
    "what no file can hold": ("\ud800\0", "<p>\ufffd\ufffd</p>\n"),
    "too deep": ("> " * 200 + "a", f"<pre><code>{'&gt; ' * 200}a</code></pre>\n"),
    "nothing": ("", ""),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), HTML.values(), ids=HTML)
def test_html(text: str, expected: str) -> None:
    """Each kind of Markdown has its HTML."""
    assert to_html(text) == directed(expected)


IMAGES = {
    "http": ("![a](http://h/i)", '<p><img src="http://h/i" alt="a"></p>\n'),
    "data": (
        "![a ![b](x)\nc](data:image/png;base64,AA==)",
        '<p><img src="data:image/png;base64,AA==" alt="a b c"></p>\n',
    ),
    "svg is not shown": (
        "![a](data:image/svg+xml,x)", "<p>a (image/svg+xml, 1 B)</p>\n"
    ),
    "mail is no image": ("![a](mailto:b@c)", f'<p><a href="mailto:b@c" {LINK}>a (mailto:b@c)</a></p>\n'),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), IMAGES.values(), ids=IMAGES)
def test_images(text: str, expected: str) -> None:
    """With ``images`` those of the web and small inline ones are shown."""
    assert to_html(text, images=True) == directed(expected)


def test_huge_code_is_coloured_at_its_begin_only() -> None:
    """What nobody reads of a code is shown without the cost of colours."""
    code = "None\n" * 30_000
    coloured = '<span class="k">None</span>\n' * 3_809  # each costs 16 characters more

    assert to_html(f"```python\n{code}```") == (
        f'<pre><code class="highlight">{coloured}{code[5 * 3_809 :]}</code></pre>\n'
    )


def test_a_line_too_long_is_not_coloured() -> None:
    """And a lexer with much open is not asked any more."""
    long, deep = f"x = {'1' * 300}\n", "{\n" * 200

    assert f'highlight">{long}<span' in to_html(f"```python\n{long}None\n```")
    assert to_html(f"```tcl\n{deep}set\n```").endswith("{\nset\n</code></pre>\n")


#: What stands behind a fence -> whether it is coloured.
NAMES = dict.fromkeys(
    [
        "jsonc",
        "jsonl",
        "htm",
        "svg",
        "env",
        "cmd",
        "kt",
        "cc",
        "h",
        "hpp",
        "patch",
        "plsql",
        "vb",
        "vba",
        "gradle",
        "sol",
        "mdx",
        "svelte",
        "astro",
        "yml",
        "c++",
        "c#",
        "f#",
        "objective-c",
        "ts",
        "tsx",
        "sh",
        "zsh",
        "ps1",
        "golang",
        "rs",
        "PYTHON",
        "{python}",
        "{.python}",
        "{.python,.numberLines}",
        "python:app.py",
        "python,ignore",
        "python{1,3-5}",
        "language-js",
        "src/app.py",
        "app.test.ts",
        "Dockerfile",
        "scala",
        "arduino",
    ],
    True,
) | dict.fromkeys(
    [
        "txt",
        "plaintext",
        "text",
        "regex",
        "amdgpu",
        "autoit",
        "http",
        "{",
        ".",
        "```",
        "x.y.z",
        "{}",
        ":",
        "a:b",
    ],
    False,
)


@pytest.mark.parametrize(("name", "is_coloured"), NAMES.items(), ids=NAMES)
def test_names_of_languages(name: str, is_coloured: bool) -> None:
    """Those that models write are known, however they write them."""
    html = code_block("x\n", name)

    assert html.startswith('<pre><code class="highlight">') == is_coloured


#: A language and a line of it -> the line with its colours.
COLOURS = {
    "added": ("diff", "+a", '<span class="m">+a</span>'),
    "taken away": ("diff", "-a", '<span class="s">-a</span>'),
    "where": ("diff", "@@ -1 +1 @@", '<span class="o">@@ -1 +1 @@</span>'),
    "a key of JSON": ("json", '"a": 1', '<span class="k">"a"</span>: <span class="m">1</span>'),
    "a key of YAML": ("yaml", "a: b", '<span class="k">a</span>: b'),
    "a key of INI": ("ini", "a=", '<span class="p">a</span><span class="o">=</span>'),
    "a tag": ("html", "<b a>", '&lt;<span class="k">b</span> <span class="p">a</span>&gt;'),
    "a function": ("py", "def f", '<span class="k">def</span> <span class="p">f</span>'),
    "a class": ("py", "class C", '<span class="k">class</span> <span class="p">C</span>'),
    "a decorator": ("py", "@d", '<span class="o">@d</span>'),
    "a variable": ("sh", "$a", '<span class="p">$a</span>'),
    "a heading": ("md", "# a", '<span class="o"># a</span>'),
}  # fmt: skip


@pytest.mark.parametrize(("name", "line", "html"), COLOURS.values(), ids=COLOURS)
def test_colours(name: str, line: str, html: str) -> None:
    """By the classes that JupyterLab has a colour for, which are contrasts of AA."""
    coloured = f'<pre><code class="highlight">{html}\n</code></pre>\n'

    assert code_block(f"{line}\n", name) == coloured


def test_huge_text_is_shown_as_it_came() -> None:
    """A text of megabytes is not parsed at all."""
    text = "*a* " * 600_000

    assert to_html(text) == f"<pre><code>{text}</code></pre>\n"
    assert to_safe_markdown(text) == f"```text\n{text}\n```\n"


SAFE = {
    "raw HTML": ("a <i x>c</b>\n\n<form>", "a &lt;i x>c&lt;/b>\n\n&lt;form>"),
    "escaped HTML": (r"\<b>", "&lt;b>"),
    "addresses": ("<https://h> <a@b.de> <ftp://c>", "<https://h> <a@b.de> &lt;ftp&#58;//c>"),
    "what is never closed": (r"a ` b \* \\ ![c", r"a ` b \* \\ &#33;[c"),
    "a command in prose": (r"so \href{x}{y}", r"so \ href{x}{y}"),
    "a comparison": ("a < b", "a < b"),
    "harmless tags": ("H<sub>2</sub>O <b>a <i>b</b>", "H<sub>2</sub>O <b>a &lt;i>b</b>"),
    "a tag that would begin HTML": ("<b>\n`<i>`\n</b>", "&nbsp;<b>\n`<i>`\n&nbsp;</b>"),
    "tags over cells": ("|a|b|\n|-|-|\n|<b>c|d</b>|", "|a|b|\n|-|-|\n|&lt;b>c|d&lt;/b>|"),
    "comments": ("a <!-- b --> c\n<!-- d\n\ne -->\nf", "a  c\n\nf"),
    "what only groups": ("<div>\n\n<p>a</p>\n\n</div>", "\n\na\n\n"),
    "what folds": ("> <details><summary>a</summary>b</details>\n\nc", "> a\n> \n> b\n> \n> \n\nc"),
    "a title that would begin a block": ("<details><summary># a</summary>", "&nbsp;# a\n\n"),
    "labels": ("[a](./b.py 't') [c](sandbox:/d)", '[a](# "./b.py") [c](# "sandbox:/d")'),
    "an image that is no link": ("![a](data:image/png;base64,AAAA)", "a (image/png, 3 B)"),
    "one that stands for itself": (f"a data:b/c;base64,{'A' * 40}", "a data:b/c, 30 B"),
    "an image written as HTML": (
        "<img src='https://h/(i)' alt='[a] *b*'> <img src=x.png alt=c> <img>",
        "[&#91;a&#93; &#42;b&#42; (https://h/&#40;i&#41;)](<https://h/(i)>) c (x.png) &lt;img>",
    ),
    "links written as HTML": (
        '<a href="https://h?b&amp;c">*d*</a> !<a href=javascript:e>f</a> <a name="g"></a> <a href="#i">j</a>',
        '[*d*](https://h?b&amp;c) &#33;[f](# "javascript:e")  [j](#i "&#35;i")',
    ),
    "half a link written as HTML": (
        '<a href="](javascript:b)">c</b> `</a>`', "&#60;a href=&#34;&#93;&#40;javascript:b&#41;&#34;&#62;c&lt;/b> `</a>`",
    ),
    "links in links written as HTML": (
        "<a href=https://h>b <img src=https://e alt=f></a> [<a href=g>i</a>](https://j)",
        "[b f (https://e)](https://h) [i](https://j)",
    ),
    "brackets in a link written as HTML": ("<a href=https://h>a[0]</a>", "a[0]"),
    "what groups and has no end": ('<span x="](javascript:a)">b', "&#60;span x=&#34;&#93;&#40;javascript:a&#41;&#34;&#62;b"),
    "footnotes": ("a[^1]\n\n[^1]: b c", "a[^1]\n\n[^1]: b c"),
    "alerts": ("> [!TIP]\n> a", "> [!TIP]\n> a"),
    "a break": ("a<br>b `<br>`<BR/>", "a<br>b `<br>`<BR/>"),
    "a break that would begin HTML": (
        "<br>\n`<i>`\n\n> 1. <br />\n>    b\n\n[^1]: <br>",
        "&nbsp;<br>\n`<i>`\n\n> 1. &nbsp;<br />\n>    b\n\n[^1]: &nbsp;<br>",
    ),
    "a break in a formula": ("$a<br>b$", "$a< br>b$"),
    "what is no break": ("<br x> a <br\t> </br>", "&lt;br x> a &lt;br\t> &lt;/br>"),
    "HTML in code": ("`<b>` and\n\n```html\n<b>\n```\n", "`<b>` and\n\n```html\n<b>\n```\n"),
    "HTML in code over lines": ("`a\n<b>`", "a &#60;b&#62;"),
    "HTML in code after an address": ("https://h/`<b>`", "https://h/&#60;b&#62;"),
    "HTML in code after a price": ("$5`<d>`$p_1$", "$5&#60;d&#62;$p_1$"),
    "HTML in a cell": ("|a|\n|-|\n|`x|<b>`|", "|a|\n|-|\n|x&#124;&#60;b&#62;|"),
    "HTML indented": ("    <b>\n", "```text\n<b>\n```\n"),
    "HTML in a title": ('[a](https://h "<b>")', '[a](https://h "&lt;b>")'),
    "links": (
        "[a](https://h) <https://h> [b](#c) [d]() <a@b.de> [e](<https://h/f g>)",
        "[a](https://h) <https://h> [b](#c) [d]() <a@b.de> [e](# \"https&#58;//h/f g\")",
    ),
    "a script's link": ("[a](javascript:b)", "[a](# \"javascript:b\")"),
    "one in entities": ("[a](&#106;avascript&colon;b)", "[a](# \"javascript:b\")"),
    "one in brackets": ("[a](<java\tscript:b>)", "[a](# \"java\tscript:b\")"),
    "one on the next line": ("[a](\njavascript:b)", "[a](# \"javascript:b\")"),
    "one by itself": ("<javascript:b> ftp://c", "&lt;javascript:b> ftp&#58;//c"),
    "one by reference": ("[a]: javascript:b", "[a]: # \"javascript:b\""),
    "a reference": ("[a]: https://b\n[^1]: note", "[a]: https://b\n[^1]: &nbsp; note"),
    "a word and a colon": ("see x[0]: y", "see x[0]: y"),
    "a dollar in an address": ("[a](https://h/$b)", "[a](https://h/%24b)"),
    "an image": ("![a](https://h/i)", "[a (https://h/i)](https://h/i)"),
    "no description": ("![](https://h/i_j)", "[https://h/i_j](https://h/i_j)"),
    "an image in a link": (
        "[![a](https://h/i)](https://g)", "[a (https://h/i)](https://g)"
    ),
    "an image by reference": (
        "![a][b] ![B] !![c]\n\n[b]: https://h/i",
        "[a (https://h/i)][b] [B (https://h/i)][B] !&#33;[c]\n\n[b]: https://h/i",
    ),
    "a diagram": ("``` mermaid\nx\n```", "```text\nx\n```"),
    "a diagram in a list": ("- ~~~svg x\n  y\n  ~~~", "- ~~~text\n  y\n  ~~~"),
    "a raw format": ("```{=html}\nx\n```\n`y`{=html}", "```text\nx\n```\n`y`&#123;=html}"),
    "a formula": ("$a<b$ $$\\frac{1}{2}$$ \\(x\\)", "$a< b$ $$\\frac{1}{2}$$ $x$"),
    "a formula that links": (r"$\href{x}{y}$", r"$\ href{x}{y}$"),
    "one in entities and none": (r"&#92;hr&#101;f &#35; \a", r"&#92; hr&#101;f &#35; \\a"),
    "what pandoc takes for TeX": ("C:\\temp and \\begin{itemize}", "C:\\\\temp and \\\\begin{itemize}"),
    "a block that loads": ("$$\n\\require{x}\n$$", "$$\n\\ require{x}\n$$"),
    "fences that tools disagree on": (
        " ```\n <b>\n> ```\n<i>", "````text\n ```\n <b>\n> ```\n<i>\n````\n"
    ),
    "what the host would swallow": (
        "$ `\\href{x}` $", "```text\n$ `\\href{x}` $\n```\n"
    ),
    "what the host would splice": (
        '[a](https://h/@\\@0@@) $"$', '```text\n[a](https://h/@\\@0@@) $"$\n```\n'
    ),
    "line ends": ("a\r\n<b>\rc\n", "a\r\n&lt;b>\rc\n"),
    "too deep": ("> " * 200 + "`", "```text\n" + "> " * 200 + "`\n```\n"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), SAFE.values(), ids=SAFE)
def test_safe_markdown(text: str, expected: str) -> None:
    """Each danger is taken out of the Markdown, and nothing is done twice."""
    assert to_safe_markdown(text) == expected
    assert to_safe_markdown(expected) == expected


def test_safe_images() -> None:
    """With ``images`` the Markdown of an image stays, if it may be loaded."""
    good = (
        "![a](https://h/i) ![b](data:image/png;base64,AA==) ![c][d]\n\n[d]: https://h"
    )

    assert to_safe_markdown(good, images=True) == good
    assert to_safe_markdown("![a](b.png)", images=True) == "a (b.png)"


INNOCENT = {
    "prose": "# A title\n\nSome *words*, a\nline -- and `code`.\n\nAnother\n=======\n",
    "a table": "| a | b |\n|---|--:|\n| 1<br>2 | `x \\| y` |\n| $z$ | **w** |\n",
    "code": "Use `a < b` or:\n\n```python\nif a < b:\n    print('<b>')\n```\n\n    x = 1\n",
    "maths": "The $x_1 * y$ and\n\n$$\n\\sum_{i < n} i\n$$\n\nand $b$.\n",
    "lists": "1. one\n   - two\n     ```js\n     f(`<p>`)\n     ```\n2. [ ] three\n\n> quote\n> more\n",
    "links": "[a](https://h/x_(y) 't') and <https://h>, [b][c], https://bare.org/?a=1&b=2\n\n[c]: https://h\n",
    "prices": "It costs $5 & up to $10, 50% off!\n",
    "a reply cut off": "Look:\n\n```html\n<p>\n",
}  # fmt: skip


@pytest.mark.parametrize("text", INNOCENT.values(), ids=INNOCENT)
def test_innocent_markdown_stays(text: str) -> None:
    """What is harmless is the same to the byte."""
    assert to_safe_markdown(text) == text


ALIVE = {
    "a tag": "a <b>",
    "a block of tags": "<div>",
    "a break that begins HTML": "<br>\n`<i>`",
    "a break that does more": "a <br onclick=b>",
    "a link that runs": "[a](javascript:b)",
    "an image": "![a](https://h)",
    "a diagram": "```mermaid\n```",
    "a formula that links": r"$\href{a}{b}$",
    "a formula in an address": "[a](https://h/@@0@@)",
    "a formula in a title": '[a](#b "$x$")',
    "one in a bare address": "www.h@@0@@",
    "no formula of that number": r"@\@0@@",
    "code that the host reads as a formula": "$ `<i>` $ <i>",
}


@pytest.mark.parametrize("text", ALIVE.values(), ids=ALIVE)
def test_the_guard_stops(text: str) -> None:
    """The second opinion sees by itself what is alive, in any reading."""
    assert not is_inert(text, images=False)


def test_the_guard_lets_through() -> None:
    """Text, a break in a line, good links and, if they are wanted, images are inert."""
    assert is_inert("a [b](https://h)<br>[c](#d) `<i>` $x$\n```py\n```", images=False)
    assert is_inert("![a](https://h)", images=True)


HOSTS = {
    "a formula": ("$a$ b", "@@0@@ b", ["$a$"]),
    "two dollars": ("$$a$$", "@@0@@", ["$$a$$"]),
    "an environment": (r"\begin{a}b\end{a}", "@@0@@", [r"\begin{a}b\end{a}"]),
    "brackets": (r"\\(a\\) \\[b\\]", "@@0@@ @@1@@", [r"\\(a\\)", r"\\[b\\]"]),
    "braces": ("$a{b}c}$", "@@0@@", ["$a{b}c}$"]),
    "a dollar in braces": ("${a$}b$ c", "@@0@@ c", ["${a$}b$"]),
    "open braces": ("$a{$ b", "@@0@@ b", ["$a{$"]),
    "open braces in a paragraph": ("$a{$ b\n\n$c$", "@@0@@ b\n\n@@1@@", ["$a{$", "$c$"]),
    "no end": ("$a", "$a", []),
    "no end in a paragraph": ("$a\n\nb$", "$a\n\nb$", []),
    "its own mark": ("@@3@@ $a$", "@@0@@ @@1@@", ["@@3@@", "$a$"]),
    "code": ("`$a$` ~ $b$", "`$a$` ~ @@0@@", ["$b$"]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "rest", "formulas"), HOSTS.values(), ids=HOSTS)
def test_the_hosts_formulas(text: str, rest: str, formulas: list[str]) -> None:
    """Formulas are taken out where JupyterLab takes them out."""
    assert without_math(text) == (rest, formulas)


ATOMS = st.sampled_from(
    """<img src=x onerror=p()>|<script>p()</script>|<b |>|<!--|-->|<svg onload=p()>|<br>|<BR/>|<br />|<br x=p()>|</|<?|`|``|```|~~~
|$|$$|\\(|\\)|\\[|\\]|\\\\(|\\\\)|\\begin{a}|\\end{a}|\\href{javascript:p()}{x}|\\require{x}|[|](|](javascript:p())
|](https://h/a|](<|![|!|](data:text/html,x)|)|]|[a]|[a]: |[a]: javascript:p()|[a]: https://h/i.png| "t|" onclick="p()
|# |a|b c|*|_|**|~|~D|@@0@@|@\\@0@@|&#60;|&lt;|&#106;avascript:|java\tscript:|&colon;|&#92;href|&#36;|\\|\\`|{=html}
|```mermaid|``` {=html}|<https://h>|<javascript:p()>|'|---|===|1. |<details open ontoggle=p()>|{|}|^|<x@y.zz>|www.h.c
|    |> |- |<a href=https://h>|<a href="](javascript:p())">|</a>|<img src=x alt="<b>">|</b>|<sub>|</sub>|<details>|</details>|<summary>|</summary>|<p>|</p>|[^1]: |> [!TIP]\n|https://h/|a@b.cd|~|「|\r|\0|\x0c|\u00a0|\ud800|:|&""".replace(
        "\n", ""
    ).split("|")
) | st.sampled_from(
    ["\n", "\n\n", "\n> ", "\n- ", "| ", "|\n|-|-|\n| ", "\n    ", "\r\n"]
)
TEXT = st.lists(ATOMS | st.text(max_size=3), max_size=25).map("".join)
MODEST = settings(deadline=None, max_examples=300)

TAGS = frozenset(
    """a abbr b blockquote br code del details em h1 h2 h3 h4 h5 h6 hr i img input ins kbd
    li mark ol p pre s small span strong sub summary sup table tbody td th thead tr u
    ul""".split()  # noqa: SIM905
)
DIRECTED = (
    "p",
    *(f"h{n}" for n in range(1, 7)),
    "ul",
    "ol",
    "blockquote",
    "table",
    "summary",
)
#: Every attribute, with all that it may say.
ATTRIBUTES = {
    **{(tag, "dir"): "auto" for tag in DIRECTED},
    **{(tag, "style"): "text-align:right" for tag in DIRECTED},
    ("pre", "dir"): "ltr",
    ("code", "dir"): "ltr",
    ("abbr", "title"): r"(?s:.*)",
    ("details", "open"): "None",
    ("a", "href"): r"(?i:https?://|mailto:)[^\s\"'<>`\\]+",
    ("a", "rel"): "noopener noreferrer nofollow",
    ("a", "target"): "_blank",
    (
        "img",
        "src",
    ): r"(?i:https?://[^\s\"'<>`\\]+|data:image/(png|jpeg|gif|webp);base64,.+)",
    ("img", "alt"): r"(?s:.*)",
    ("ol", "start"): "[0-9]+",
    ("td", "style"): "text-align:(left|center|right)",
    ("th", "style"): "text-align:(left|center|right)",
    ("table", "style"): "display: block; overflow-x: auto",
    ("span", "style"): "display: (inline-)?block; overflow-x: auto; overflow-y: hidden"
    "(; margin: -1em 0|; max-width: 100%; vertical-align: middle)?",
    **{(f"h{level}", "class"): "tocSkip" for level in range(1, 7)},
    ("input", "type"): "checkbox",
    ("input", "disabled"): "None",
    ("input", "checked"): "None",
    ("code", "class"): "highlight",
    ("span", "class"): "tex2jax_ignore|[a-z][a-z0-9]{0,2}",
}


class Guard(HTMLParser):
    """Reads HTML by rules of its own, and keeps what is not on the lists."""

    def __init__(self, html: str, *extra: str) -> None:
        super().__init__()
        self.bad: list[object] = []
        self.words = ""
        self._extra = extra
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS.union(self._extra):
            self.bad.append(tag)
        for name, value in attrs:
            allowed = ATTRIBUTES.get((tag, name))
            ours = allowed and re.fullmatch(allowed, str(value))
            if not ours and name not in self._extra:
                self.bad.append((tag, name, value))

    def handle_data(self, data: str) -> None:
        self.words += "".join(data.split())

    def handle_comment(self, data: str) -> None:
        self.bad.append(("comment", data))

    handle_decl = handle_pi = unknown_decl = handle_comment


@MODEST
@given(TEXT, st.booleans())
def test_only_what_is_allowed(text: str, images: bool) -> None:
    """Whatever comes in, only listed tags, attributes and addresses come out."""
    html = to_html(text, images=images)

    assert Guard(html).bad == []
    assert html == to_html(text, images=images)
    assert images or "<img" not in html
    html.encode()


@MODEST
@given(TEXT)
def test_safe_markdown_is_safe(text: str) -> None:
    """A renderer that lets HTML through finds none, and no second turn is needed."""
    from markdown_it import MarkdownIt

    safe = to_safe_markdown(text)
    md = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    md.validateLink = lambda _: True
    html = re.sub(r' href="(#[^"]*)?"', "", md.render(safe))

    assert Guard(html, "title", "class", "ol").bad == []
    assert to_safe_markdown(safe) == safe


@MODEST
@given(TEXT)
def test_nbconvert_is_safe(text: str) -> None:
    """Another parser with other habits finds nothing alive either."""
    convert = pytest.importorskip("nbconvert.filters.markdown_mistune")
    html = convert.markdown2html_mistune(to_safe_markdown(text))
    html = re.sub(r' href="(#[^"]*)?"', "", html)

    extra = [
        "title",
        "class",
        "id",
        "align",
        "del",
        "start",
        "style",
        "math",
        "semantics",
        "annotation",
        "div",
    ]
    assert Guard(html, *extra).bad == []
    assert not re.search("<[^>]* style=(?!.text-align:)", html)


WORDS = st.lists(
    st.sampled_from(
        """<b>|<br>|<i x="y">|*a*|**b**|`c`|`<d>`|[e](https://h)|[f](javascript:g)|[h](i.md)
|![j](https://k/l)|[![m](https://n)](https://o)|$5|$p_1$|\\(q\\)|$\\href{r}{s}$|&lt;|&#60;
|<https://t>|<javascript:u>|<img src=https://q alt="r *s*">|<a href=https://t/(u)>|</a>|<sub>|</sub>|</b>|<!-- y -->|www.z.d|(./e.py)|[^1]|~f~|**「g」**|# |- |> |x|1 < 2|[v]|![w](data:x)""".replace("\n", "").split("|")
    )
    | st.sampled_from([" ", " ", "\n", "\n\n"]),
    max_size=25,
).map("".join)  # fmt: skip


@MODEST
@given(WORDS)
def test_both_show_the_same_words(text: str) -> None:
    """Our HTML of the safe Markdown has the words of our HTML of the text."""
    safe = to_safe_markdown(text)
    if safe.startswith("```text\n"):
        return  # shown as it came, because its readings differ

    words = [Guard(to_html(source)).words for source in (text, safe)]
    words[0] = re.sub(r"\\\((.*?)\\\)", r"$\1$", words[0])  # they have dollars there

    # TeX skips the space that breaks a command, and so does the comparison.
    assert words[0] == words[1]


TANGLES = {
    "brackets": "[", "images": "![", "links": "[a](", "quotes": "> ", "stars": "***",
    "stars and letters": "*a_", "backticks": "`a``", "dollars": "$a ", "tildes": "~",
    "double dollars": "$$\n", "TeX brackets": "\\[\n", "environments": "\\begin{a}\n",
    "tags": "<a ", "backslashes": "\\", "lists": "- ", "cells": "|a", "lines": "a\n",
    "definitions": "[a]: b\n", "entities": "&#92;", "fences": "```\n<b>\n", "codes": "``a`",
}  # fmt: skip


@pytest.mark.parametrize("unit", TANGLES.values(), ids=TANGLES)
def test_tangles_end(unit: str) -> None:
    """A page of one mark over and over costs a moment, not minutes."""
    text = unit * (20_000 // len(unit))

    assert Guard(to_html(text)).bad == []
    assert to_safe_markdown(to_safe_markdown(text)) == to_safe_markdown(text)
