"""Lesson 05: ways to put calls together and to judge them, right and wrong."""

RIGHT = {
    "assemble": {
        "with if": """
def assemble(chunks, show):
    calls = {}
    for chunk in chunks:
        if not chunk.get("choices"):
            continue
        for piece in chunk["choices"][0]["delta"].get("tool_calls") or ():
            index = piece["index"]
            if index not in calls:
                calls[index] = {"id": "", "name": "", "arguments": ""}
            call, about = calls[index], piece.get("function", {})
            if piece.get("id"):
                call["id"] = piece["id"]
            if about.get("name"):
                call["name"] = about["name"]
            if about.get("arguments"):
                call["arguments"] = call["arguments"] + about["arguments"]
            show(calls)
    return calls
""",
        "defaultdict, and a copy for the screen": """
from collections import defaultdict

def assemble(chunks, show):
    calls = defaultdict(lambda: {"id": "", "name": "", "arguments": ""})
    for chunk in chunks:
        for choice in chunk["choices"]:
            for piece in choice["delta"].get("tool_calls", []):
                call = calls[piece["index"]]
                about = piece.get("function") or {}
                told = {"id": piece.get("id"), "name": about.get("name")}
                call.update((key, value) for key, value in told.items() if value)
                call["arguments"] += about.get("arguments") or ""
            show({index: dict(call) for index, call in calls.items()})
    return calls
""",
        "lists of fragments": """
def assemble(chunks, show):
    known, parts = {}, {}

    def made():
        return {i: {**known[i], "arguments": "".join(parts[i])} for i in known}

    for chunk in chunks:
        for choice in chunk["choices"]:
            for piece in choice["delta"].get("tool_calls") or []:
                i, about = piece["index"], piece.get("function") or {}
                call = known.setdefault(i, {"id": "", "name": ""})
                call.update({"id": piece["id"]} if piece.get("id") else {})
                call.update({"name": about["name"]} if about.get("name") else {})
                parts.setdefault(i, []).append(about.get("arguments") or "")
                show(made())
    return made()
""",
    },
    "verdict": {
        "a guard first": """
import json

def verdict(arguments, finish_reason):
    if finish_reason in ("length", None):
        return "tell the model"

    def no(*_):
        raise ValueError

    def pairs_once(pairs):
        seen = {}
        for key, value in pairs:
            if key in seen:
                raise ValueError(key)
            seen[key] = value
        return seen

    try:
        found = json.loads(arguments, parse_constant=no, object_pairs_hook=pairs_once)
    except json.JSONDecodeError:
        return "tell the model"
    except ValueError:
        return "tell the model"
    return "run" if type(found) is dict else "tell the model"
""",
        "a class of its own": """
import json

class Strict(json.JSONDecoder):
    def __init__(self):
        super().__init__(parse_constant=self.refuse, object_pairs_hook=self.once)

    @staticmethod
    def refuse(word):
        raise ValueError(word)

    @staticmethod
    def once(pairs):
        keys = [key for key, _ in pairs]
        if len(set(keys)) != len(keys):
            raise ValueError("twice")
        return dict(pairs)

def verdict(arguments, finish_reason):
    try:
        is_object = isinstance(Strict().decode(arguments), dict)
    except ValueError:
        is_object = False
    may = is_object and finish_reason in {"stop", "tool_calls"}
    return "run" if may else "tell the model"
""",
    },
}

_ASSEMBLE = RIGHT["assemble"]["with if"]
_VERDICT = """
import json

def verdict(arguments, finish_reason):
    def refuse(word):
        raise ValueError(word)

    def once(pairs):
        if len(dict(pairs)) < len(pairs):
            raise ValueError
        return dict(pairs)

    try:
        found = json.loads(arguments, parse_constant=refuse, object_pairs_hook=once)
    except ValueError:
        return "tell the model"
    whole = finish_reason in ("tool_calls", "stop") and isinstance(found, dict)
    return "run" if whole else "tell the model"
"""

TRAPS = {
    "assemble": {
        "names are appended": (
            _ASSEMBLE.replace('call["name"] = about', 'call["name"] += about'),
            "repeats the name",
        ),
        "ids are appended": (
            _ASSEMBLE.replace('call["id"] = piece', 'call["id"] += piece'),
            "repeats the name",
        ),
        "the last call in place of the index": (
            _ASSEMBLE.replace(
                'index = piece["index"]',
                'index = len(calls) if piece.get("id") else len(calls) - 1',
            ),
            "look at the index",
        ),
        "a list of calls": (
            """
def assemble(chunks, show):
    calls = []
    for chunk in chunks:
        for choice in chunk["choices"]:
            for piece in choice["delta"].get("tool_calls") or []:
                if piece["index"] >= len(calls):
                    calls.append({"id": "", "name": "", "arguments": ""})
                call, about = calls[piece["index"]], piece.get("function") or {}
                call["id"] = piece.get("id") or call["id"]
                call["name"] = about.get("name") or call["name"]
                call["arguments"] += about.get("arguments") or ""
                show(dict(enumerate(calls)))
    return dict(enumerate(calls))
""",
            "not a place in a list",
        ),
        "what is None is set": (
            _ASSEMBLE.replace('if piece.get("id"):', 'if "id" in piece:'),
            "None",
        ),
        "what is None is appended": (
            _ASSEMBLE.replace('if about.get("arguments"):', 'if "arguments" in about:'),
            "None",
        ),
        "tool_calls is always there": (
            _ASSEMBLE.replace(
                '["delta"].get("tool_calls") or ()', '["delta"]["tool_calls"]'
            ),
            "case",
        ),
        "a function is always there": (
            _ASSEMBLE.replace('piece.get("function", {})', 'piece["function"]'),
            "missing",
        ),
        "a choice is always there": (
            _ASSEMBLE.replace(
                """        if not chunk.get("choices"):
            continue
""",
                "",
            ),
            "missing",
        ),
        "shown at the end": (
            _ASSEMBLE.replace("            show(calls)\n", "").replace(
                "    return calls", "    show(calls)\n    return calls"
            ),
            "before the next chunk",
        ),
        "read to the end first": (
            _ASSEMBLE.replace("for chunk in chunks:", "for chunk in list(chunks):"),
            "before the next chunk",
        ),
        "shown when it is JSON": (
            _ASSEMBLE.replace(
                "            show(calls)\n",
                '            if call["arguments"].endswith("}"):\n'
                "                show(calls)\n",
            ),
            "before the next chunk",
        ),
    },
    "verdict": {
        "the old official solution": (
            """
import json

def verdict(arguments, finish_reason):
    try:
        if isinstance(json.loads(arguments), dict):
            return "run"
    except ValueError:
        pass
    return "tell the model"
""",
            "the limit cut the answer",
        ),
        "eval": (
            """
def verdict(arguments, finish_reason):
    try:
        found = eval(arguments)
    except Exception:
        return "tell the model"
    whole = finish_reason in ("tool_calls", "stop")
    return "run" if whole and isinstance(found, dict) else "tell the model"
""",
            "Python",
        ),
        "a stream that broke off": (
            _VERDICT.replace('in ("tool_calls", "stop")', '!= "length"'),
            "broke off",
        ),
        "only tool_calls": (
            _VERDICT.replace('in ("tool_calls", "stop")', '== "tool_calls"'),
            "some servers say stop",
        ),
        "any JSON": (
            _VERDICT.replace(" and isinstance(found, dict)", ""),
            "list",
        ),
        "not a list": (
            _VERDICT.replace("isinstance(found, dict)", "not isinstance(found, list)"),
            "null",
        ),
        "NaN": (_VERDICT.replace("parse_constant=refuse, ", ""), "NaN"),
        "NaN alone": (
            _VERDICT.replace(
                "        raise ValueError(word)",
                '        if word == "NaN":\n            raise ValueError(word)',
            ),
            "Infinity",
        ),
        "the last of two keys": (
            _VERDICT.replace(", object_pairs_hook=once", ""),
            "a key twice",
        ),
        "the first object will do": (
            _VERDICT.replace(
                "json.loads(arguments, parse_constant=refuse, object_pairs_hook=once)",
                "json.JSONDecoder(parse_constant=refuse, object_pairs_hook=once)"
                ".raw_decode(arguments)[0]",
            ),
            "two objects",
        ),
        "empty stands for broken": (
            _VERDICT.replace(
                '        return "tell the model"\n    whole',
                "        found = {}\n    whole",
            ),
            "no JSON",
        ),
    },
}
