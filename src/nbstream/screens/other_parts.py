"""What is neither text nor a call of the caller's: a line, code, a picture.

Each kind's words are in one table. What fills them is found by the names of fields,
which the APIs share, so that a kind that nobody has heard of is told, too. All of it
is untrusted text; images are checked, and their addresses made anew.
"""

from __future__ import annotations

import base64
import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, TypeAlias

from nbstream.reply import Choice, Part, Reply
from nbstream.reply.partial_json import PartialJson

#: The largest image that is shown and saved, in bytes; a line tells of a larger one.
LARGEST_IMAGE = 5_000_000
#: How much of one thing is said in a line, in characters, and of how many things.
SHORT, SEVERAL = 200, 5
#: How a part stands: more may come, it is whole, or the stream ended before it did.
Stage: TypeAlias = Literal["open", "whole", "cut"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is shown of one part.

    Attributes:
        line: What it is, in plain text without a line break.
        code: Code that was run, or is to be; or "".
        language: The code's language, as Pygments names it, or "".
        output: What running it printed, or what a tool gave; or "".
        images: ``data:`` addresses of its images, all of them checked.
        alt: What the images show, in words.
        is_media: Whether the images say it all, so that no line is needed beside them.
    """

    line: str
    code: str = ""
    language: str = ""
    output: str = ""
    images: tuple[str, ...] = ()
    alt: str = ""
    is_media: bool = False


# -- where it stands: between texts ----------------------------------------------------


def pieces(choice: Choice, reply: Reply) -> list[str | Part]:
    """Return the text in runs, and between them the parts that are no text.

    Only what is shown parts a text: what stands side by side (a source is cited in the
    middle of a sentence) is one run. Reasoning that the provider keeps to itself may
    come in the middle of a word, and is told behind the run, once. JSON that was asked
    for is one run, whatever stands in it.
    """
    found: list[list[str] | Part] = []
    run: list[str] | None = None
    is_json = reply._form == "json"
    for part in choice.parts:
        if part.kind == "text" and part.text:
            if run is None:
                found.append(run := [])
            run.append(part.text)
        elif part.kind == "other" and not _is_told(part, found):
            found.append(part)
            run = run if is_json or is_aside(part) else None
    said = [each if isinstance(each, Part) else "".join(each) for each in found]
    if is_json and reply._misfit is None:
        said = [choice.document if isinstance(each, str) else each for each in said]
    alone = len(said) == 1
    return [e if alone or isinstance(e, Part) or e.strip() else "" for e in said]


def _is_told(part: Part, before: Sequence[list[str] | Part]) -> bool:
    """Tell whether the same has been said just now."""
    last = before[-1] if before else None
    again = isinstance(last, Part) and last.type == part.type
    return again and is_aside(part)


def is_aside(part: Part) -> bool:
    """Tell whether it says nothing of its own, and so parts no text.

    That is reasoning which only the provider can read, and the sound of the words that
    are written there.
    """
    is_sealed = part.type == "redacted_thinking" or part.type.startswith("reasoning")
    return is_sealed or (
        part.type == "audio" and part.data.keys() <= {"id", "expires_at"}
    )


def stage_of(part: Part, choice: Choice, reply: Reply) -> Stage:
    """Tell whether more of the part may come. What has no number comes whole."""
    if part.done or choice.ended or part.index is None or part.index < 0:
        return "whole"
    return "open" if reply.outcome == "running" else "cut"


# -- what is said of it ----------------------------------------------------------------

#: What is said -> of which kinds, less what makes a call or a result of them.
_SAID: Mapping[str, str] = {
    "Searched the web": "web_search search",
    "Searched Google": "google_search google_search_web",
    "Searched Google for images": "google_search_image",
    "Searched Google Maps": "google_maps",
    "Searched the files": "file_search",
    "Searched the documents": "retrieval",
    "Searched the tools": "tool_search tool_search_tool_regex tool_search_tool_bm25",
    "Searched a page": "find_in_page",
    "Read a page": "web_fetch url_context open_page visit",
    "Ran code": "code_interpreter code_execution executable_code python program",
    "Ran a command": "bash_code_execution",
    "Edited a file": "text_editor_code_execution",
    "Made an image": "image_generation",
    "Made a file": "container_upload",
    "Called": "mcp mcp_server mcp_server_tool server custom_tool",
    "Listed the tools": "mcp_list_tools mcp_tool_listing",
    "Asked an advisor": "advisor",
    "Shortened the conversation": "compaction",
    "Another model goes on": "fallback",
    "Reasoning, encrypted": "redacted_thinking reasoning.encrypted",
    "Image": "image image_url thought_summary",
    "Document": "document document_url",
    "Sound": "audio",
    "File": "inline_data file_data tool_file",
    "Asks for approval": "mcp_approval_request",
    "Asks you to use the computer": "computer",
    "Asks you to run a command": "shell local_shell",
    "Asks you to create a file": "create_file",
    "Asks you to change a file": "update_file",
    "Asks you to delete a file": "delete_file",
}
_WORDS = {kind: words for words, kinds in _SAID.items() for kind in kinds.split()}
#: How it is said of what is under way.
_UNDER_WAY = {
    "Asked": "Asking",
    "Called": "Calling",
    "Edited": "Editing",
    "Listed": "Listing",
    "Made": "Making",
    "Ran": "Running",
    "Read": "Reading",
    "Searched": "Searching",
    "Shortened": "Shortening",
}
_ENDING = re.compile(
    r"(?:_tool_use|_call|(?:_tool)?(?:_call)?(?P<result>_result|_output|_response))$"
)
#: What fields hold, whatever the kind. What is in none of these is not told.
_FIELDS: Mapping[str, str] = {
    "asked": "query queries pattern path editing url urls uri file_uri file_id model "
    "image_url document_url",
    "names": "title filename file_name display_name tool_name name",
    "code": "code command commands diff file_text",
    "output": "logs stdout stderr output result text content",
    "server": "server_label server_name",
    "alt": "revised_prompt",
    "language": "language",
    "type": "mime_type",
    "error": "error error_code error_message outcome status",
}
_ROLES = {field: role for role, all_ in _FIELDS.items() for field in all_.split()}
#: Fields in which nothing is looked for: what would be found there is no news.
_UNREAD = frozenset({"sources", "caller", "env", "from", "annotations", "input_schema"})
#: So deep may be what is looked for.
_DEEPEST = 8
_INPUT = ("input", "arguments", "args")
#: What comes of these in fragments is code, and no JSON.
_BARE = frozenset({"code_interpreter_call", "shell_call"})
#: The language of code, where the provider names none, by the field that holds it.
_LANGUAGES = {"code": "python", "diff": "diff", "command": "bash", "commands": "bash"}
#: What a status or an outcome holds that is none to be glad of.
_ILL = re.compile(r"fail|error|incomplete|deadline|timeout|cancel", re.IGNORECASE)


def told(part: Part, stage: Stage = "whole") -> Told:
    """Return what is to be shown of a part, as it stands."""
    data: Mapping[str, object] = _content(part)
    kind, is_result = _kind_of(part, data)
    found = _Found()
    if kind == "computer" and not is_result:
        found["asked"] += _actions(data)
    elif not is_aside(part):
        calls = _WORDS.get(kind, "Called") in {"Called", "Asks for approval"}
        found.read(found.call(data) if calls and not is_result else data)
    if part.type in _BARE and not found["code"]:
        found["code"].append(part.text)
    is_draft = part.data.get("thought") is True
    line = found.result(kind) if is_result else found.line(kind, stage)
    return Told(
        line=one_line(f"{line} (a draft)" if is_draft else line, SEVERAL * SHORT),
        code="\n".join(found["code"]).strip("\n"),
        language="javascript" if kind == "program" else found.language,
        output=found.output(kind),
        images=() if is_draft else tuple(found.images),
        alt=one_line(" ".join(found["alt"]), 2 * SHORT) or "Image by the model",
        is_media=_WORDS.get(kind) in _OF_MEDIA,
    )


def _content(part: Part) -> dict[str, object]:
    """Return what the part holds, with what has come of it in fragments."""
    data = dict(part.data)
    if isinstance(inner := data.get(part.type), Mapping):  # so Gemini's parts are
        del data[part.type]
        data |= inner
    if (text := part.text) and part.type not in _BARE:
        partial = PartialJson()
        partial.feed(text)
        data["input"] = partial.closed
    if part.type == "server_tool_use" and data.get("name") in _WORDS:
        del data["name"]
    return data


def _kind_of(part: Part, data: Mapping[str, object]) -> tuple[str, bool]:
    """Return what kind of tool or content it is, and whether it is a tool's result."""
    own = _snake(part.type)
    ending = _ENDING.search(own)
    stem = own[: ending.start()] if ending else own
    named = [data.get("toolType"), data.get("type")]
    named += [part.data.get("name")] if stem == "server" else []
    inner = (data.get(field) for field in ("action", "operation"))
    named += [each.get("type") for each in inner if isinstance(each, Mapping)]
    known = (_snake(each) for each in named if isinstance(each, str))
    kind = next((each for each in known if each in _WORDS), stem)
    where = data.get("environment")
    if kind == "shell" and isinstance(where, Mapping) and where.get("type") != "local":
        kind = "bash_code_execution"  # in a container of the provider's
    return kind, ending is not None and ending["result"] is not None


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _actions(data: Mapping[str, object]) -> Iterator[str]:
    """Say what is to be done at the computer, and what is to be minded."""
    for each in _mappings(data.get("actions") or [data.get("action")]):
        more = (f"{key}={value}" for key, value in each.items() if key != "type")
        yield f"{each.get('type')}({', '.join(more)})"
    for check in _mappings(data.get("pending_safety_checks")):
        yield f"safety check: {check.get('message') or check.get('code')}"


def _mappings(value: object) -> list[Mapping[str, object]]:
    several = value if isinstance(value, list) else []
    return [each for each in several if isinstance(each, Mapping)]


def _json(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return "…"


def one_line(text: str, most: int = SHORT) -> str:
    """Return a text on one line, and not all of it if it is long."""
    text = " ".join(text[: 4 * most].split())
    return text if len(text) <= most else f"{text[:most].rstrip()} …"


class _Found(dict[str, list[str]]):
    """What is found in a part by the names of its fields: texts by what they are."""

    def __init__(self) -> None:
        super().__init__({role: [] for role in _FIELDS})
        self.images: list[str] = []
        self._media: list[Media] = []
        self._failed = False
        self._coded_in = ""

    # -- looking for it ---------------------------------------------------------------

    def call(self, data: Mapping[str, object]) -> Mapping[str, object]:
        """Take a call of a tool by its name; return what is left."""
        name = data.get("name")
        if not isinstance(name, str):
            return data
        given = next((data[each] for each in _INPUT if data.get(each)), {})
        said = given if isinstance(given, str) else _json(given)
        said = "" if said in {"{}", "null"} else one_line(said)
        self["asked"].append(f"{name}({said})")
        return {key: data[key] for key in data if key not in {"name", *_INPUT}}

    def read(self, value: object, field: str = "", depth: int = 0) -> None:
        """Look through a value for what is to be told."""
        if depth > _DEEPEST:
            return
        if field in _INPUT and isinstance(value, str):
            with suppress(ValueError, RecursionError):
                value = json.loads(value)
        if isinstance(value, Mapping):
            for name, each in self._fields(value, field, depth).items():
                self.read(each, name, depth + 1)
        elif isinstance(value, list):
            for each in value:
                self.read(each, field, depth + 1)
        elif isinstance(value, str) and value.strip():
            self._take(value, field)
        elif field in {"return_code", "exit_code", "is_error"} and value:
            self._failed = True
            self["error"] += [] if value is True else [f"exit code {value}"]

    def _fields(
        self, value: Mapping[str, object], field: str, depth: int
    ) -> Mapping[str, object]:
        """Return the fields that are to be read."""
        fields = {_snake(key): value[key] for key in value if key not in _UNREAD}
        if field == "error":
            why = next((n for n in ("message", "code", "type") if fields.get(n)), "")
            return {"error": fields.get(why)}
        name = next((n for n in _FIELDS["names"].split() if fields.get(n)), "")
        if depth > 1 and name:  # one of many: a source, a file, a tool
            return {"name": fields[name]}
        if "path" in fields and "command" in fields:  # of an editor, not of a shell
            fields["editing"] = fields.pop("command")
        if isinstance(command := fields.get("command"), list):
            fields["command"] = shlex.join(map(str, command))
        return fields

    def _take(self, text: str, field: str) -> None:
        role = _ROLES.get(field, "")
        if (media := media_of(text, certain=field == "data")) is not None:
            self._media.append(media)
            self.images += [media.address] if media.address else []
        elif field in {"status", "outcome"}:
            self._failed |= _ILL.search(text) is not None
        elif role:
            self._failed |= role == "error"
            self._coded_in = field if role == "code" else self._coded_in
            self[role].append(text)

    # -- saying it --------------------------------------------------------------------

    @property
    def language(self) -> str:
        """The language of the code, in Pygments' words."""
        named = "".join(self["language"][:1]).lower()
        known = _LANGUAGES.get(self._coded_in, "")
        return named if re.fullmatch(r"[a-z0-9+#-]{1,30}", named) else known

    @property
    def _type(self) -> str:
        return one_line(self["type"][0]) if self["type"] else ""

    def output(self, kind: str) -> str:
        """Return what was printed or given; of a search its sources say it."""
        if self["names"] and _WORDS.get(kind, "").startswith("Searched"):
            return ""
        return "\n".join(dict.fromkeys(each.strip("\n") for each in self["output"]))

    def line(self, kind: str, stage: Stage) -> str:
        """Say what it is, in one line."""
        words = _WORDS.get(kind) or ("Called" if self["asked"] else _in_words(kind))
        first, *rest = words.split(" ", 1)
        if stage != "whole" or self._failed:
            words = " ".join([_UNDER_WAY.get(first, first), *rest])
        elif words == "File" and self._type.partition("/")[0] in _FILES:
            words = _FILES[self._type.partition("/")[0]]
        return "".join([words, *self._details(kind), *_ENDS[stage]])

    def result(self, kind: str) -> str:
        """Say what came of something, in one line."""
        words = f"Result of {_in_words(kind).lower()}"
        if _WORDS.get(kind) == "Called":
            words = "Result"
        elif self["output"] and _WORDS.get(kind, "").endswith(("code", "command")):
            words = "Output"
        elif self["names"] and not self["asked"]:
            words = "Found"
        return "".join([words, *self._details(kind)])

    def _details(self, kind: str) -> Iterator[str]:
        asked, names = [*self["asked"]], self["names"]
        words = [each.words(self._type) for each in self._media]
        if _WORDS.get(kind) in _OF_MEDIA:
            asked, names = [*names, *asked, *(words or self["type"])], []
        elif len(words) > len(self.images):
            asked += words
        if asked:
            yield f": {_several(asked)}"
        if names:
            yield f" (found: {_several(names)})" if asked else f": {_several(names)}"
        if self["server"]:
            yield f" (on {one_line(self['server'][0])})"
        if self._failed:
            yield f". Failed{': ' * bool(self['error'])}{_several(self['error'])}"


_OF_MEDIA = frozenset({"Image", "Document", "Sound", "File"})
_FILES = {"image": "Image", "audio": "Sound", "video": "Video"}
_ENDS = {"open": " …", "whole": "", "cut": " (unfinished)"}


def _in_words(kind: str) -> str:
    return one_line(re.sub(r"[_.\W]+", " ", kind)).capitalize() or "Something"


def _several(said: Sequence[str]) -> str:
    known = list(dict.fromkeys(map(one_line, said)))
    more = f" and {len(known) - SEVERAL} more" if len(known) > SEVERAL else ""
    return f"{'; '.join(known[:SEVERAL])}{more}"


# -- images ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Media:
    """What is no text: what it is, or "", how long, and its ``data:`` address.

    There is an address only where it may be shown.
    """

    kind: str
    size: int
    address: str = ""

    def words(self, named: str) -> str:
        """Say what it is; ``named`` is what the provider says that it is."""
        kind = self.kind or named or "data"
        why = ""
        if kind.startswith("image/") and not self.address:
            is_large = self.size > LARGEST_IMAGE
            why = f", over {_size(LARGEST_IMAGE)}" if is_large else ", not shown"
        return f"{kind}, {_size(self.size)}{why}"


#: How the base64 begins of the images that are shown, and what their bytes begin with.
_BEGINNINGS = ("iVBORw0KGgo", "/9j/", "UklGR")
_MAGIC = re.compile(rb"(\x89PNG\r\n\x1a\n)|(\xff\xd8\xff)|(RIFF....WEBP)", re.DOTALL)
_IMAGES = {1: "image/png", 2: "image/jpeg", 3: "image/webp"}
#: So much without any break is no text.
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{512,}={0,2}")
_DATA = re.compile(r"data:([\w.+-]{1,60}/[\w.+-]{1,60})[\w=;.+-]{0,200},", re.ASCII)


def media_of(text: str, *, certain: bool = False) -> Media | None:
    """Return what a text holds that is none: bytes in base64, or a ``data:`` address.

    Images are known by their bytes, whatever is said of them: PNG, JPEG and WebP. The
    address of one is made of its bytes, and of nothing that came. ``certain``: it is
    no text, whatever it looks like.
    """
    data = _DATA.match(text)
    body = text[data.end() :] if data else text
    if not (certain or data or body.startswith(_BEGINNINGS) or _BASE64.fullmatch(body)):
        return None
    body = body.translate(_STANDARD).rstrip("=")
    size, kind, address = len(body) * 3 // 4, data[1] if data else "", ""
    with suppress(ValueError):
        found = _MAGIC.match(base64.b64decode(body[:16], validate=True))
        kind = _IMAGES[found.lastindex or 0] if found else kind
        if found and size <= LARGEST_IMAGE:
            whole = base64.b64decode(body + "=" * (-len(body) % 4), validate=True)
            address = f"data:{kind};base64,{base64.b64encode(whole).decode()}"
    return Media(kind, size, address)


#: From base64 for addresses to the usual one, without breaks.
_STANDARD = str.maketrans("-_", "+/", " \r\n\t")


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{-(-count // 1000)} kB"
