"""The capstone: ways to write each part of the assistant, right and wrong."""

RIGHT = {
    "look": {
        "a guard first": """
import difflib

def look(variables, name):
    known = {key: value for key, value in variables.items() if key[:1] != "_"}
    if name in known:
        value = known[name]
        view = repr(value)
        return dict(type=type(value).__name__, view=view[:200])
    near = difflib.get_close_matches(name, list(known))
    return f"no variable {name}; near: {near}"
""",
        "try, and a key that is missing": """
from difflib import get_close_matches

def look(variables, name):
    public = {k: v for k, v in variables.items() if not k.startswith("_")}
    try:
        value = public[name]
    except KeyError:
        return "There is no " + name + ". " + ", ".join(get_close_matches(name, public))
    return {"type": value.__class__.__name__, "view": f"{value!r:.200}"}
""",
    },
    "answer": {
        "a loop of one's own": """
import time
import nbstream

def answer(chat, prompt, enough):
    live = chat.start(prompt)
    try:
        while live.reply.outcome == "running" and not enough(live.reply.text):
            time.sleep(0)
        live.stop()
        reply = live.result()
    except nbstream.Stopped as stopped:
        reply = stopped.reply
    return reply
""",
        "any keyboard interrupt": """
def answer(chat, prompt, enough):
    live = chat.start(prompt)

    def ready():
        return enough(live.reply.text)

    try:
        live.wait_until(ready)
    except KeyboardInterrupt as stopped:
        return stopped.reply
    live.stop()
    return live.result()
""",
    },
    "as_object": {
        "a copy that is added to": """
def as_object(ask, chat, wish, schema):
    messages = list(chat.messages)
    messages.append({"role": "user", "content": wish})
    return ask(messages, chat.model, schema=schema).parsed
""",
        "added lists, and an option more": """
def as_object(ask, chat, wish, schema):
    said = chat.messages + [dict(role="user", content=wish)]
    reply = ask(said, model=chat.model, schema=schema, view=None)
    return reply.parsed
""",
    },
    "assistant": {
        "tool as a function": """
import nbstream

def assistant(model, variables, look):
    def describe(name: str):
        "Look at a variable."
        return look(variables, name)

    def forget(name: str):
        "Forget a variable."
        variables.pop(name)
        return "done"

    tools = [describe, nbstream.tool(forget, confirm=True)]
    return nbstream.Chat(model=model, tools=tools, system="Look before you answer.")
""",
        "names given": """
from nbstream import Chat, tool

def assistant(model, variables, look):
    @tool(name="describe", description="Look at a variable.")
    def first(name: str) -> object:
        return look(variables, name)

    @tool(name="forget", description="Forget a variable.", confirm=True)
    def second(name: str) -> str:
        del variables[name]
        return name

    return Chat(model, tools=[first, second])
""",
    },
}

_LOOK = """
from difflib import get_close_matches

def look(variables, name):
    public = [each for each in variables if not each.startswith("_")]
    if name not in public:
        near = ", ".join(get_close_matches(name, public)) or "nothing like it"
        return f"There is no {name!r} here. What there is: {near}."
    value = variables[name]
    return {"type": type(value).__name__, "view": repr(value)[:200]}
"""
_ANSWER = """
import nbstream

def answer(chat, prompt, enough):
    live = chat.start(prompt)
    try:
        live.wait_until(lambda: enough(live.reply.text))
        live.stop()
        return live.result()
    except nbstream.Stopped as stopped:
        return stopped.reply
"""
_OBJECT = """
def as_object(ask, chat, wish, schema):
    question = {"role": "user", "content": wish}
    reply = ask([*chat.messages, question], chat.model, schema=schema)
    return reply.parsed
"""
_ASSISTANT = """
import nbstream

def assistant(model, variables, look):
    def describe(name: str) -> object:
        "Look at a variable."
        return look(variables, name)

    @nbstream.tool(confirm=True)
    def forget(name: str) -> str:
        "Forget a variable for ever."
        del variables[name]
        return f"{name} is forgotten"

    return nbstream.Chat(model, tools=[describe, forget])
"""

TRAPS = {
    "look": {
        "eval": (
            """
def look(variables, name):
    try:
        value = eval(name, {}, variables)
    except Exception:
        names = ", ".join(each for each in variables if each[0] != "_")
        return f"no {name}; there are {names}"
    if name.startswith("_"):
        return f"no {name}"
    return {"type": type(value).__name__, "view": repr(value)[:200]}
""",
            "never evaluated",
        ),
        "an exception": (
            """
def look(variables, name):
    value = variables[name]
    return {"type": type(value).__name__, "view": repr(value)[:200]}
""",
            "say what is near",
        ),
        "a zero is nothing": (
            _LOOK.replace("if name not in public:", "if not variables.get(name):"),
            "a zero",
        ),
        "a None is nothing": (
            _LOOK.replace("if name not in public:", "if variables.get(name) is None:"),
            "a None",
        ),
        "all of it": (_LOOK.replace("[:200]", ""), "200 characters"),
        "only that it is not there": (
            _LOOK.replace("{near}", "something else"),
            "say what is near",
        ),
        "private names are shown": (
            _LOOK.replace("if name not in public:", "if name not in variables:"),
            "a private name",
        ),
        "private names are told": (
            _LOOK.replace(
                "get_close_matches(name, public)", "get_close_matches(name, variables)"
            ),
            "not told either",
        ),
    },
    "answer": {
        "in the foreground": (
            """
def answer(chat, prompt, enough):
    return chat(prompt)
""",
            "two sentences",
        ),
        "the end is awaited first": (
            _ANSWER.replace(
                "live.wait_until(lambda: enough(live.reply.text))", "live.result()"
            ),
            "two sentences",
        ),
        "it is not stopped": (
            _ANSWER.replace("        live.stop()\n", ""),
            "two sentences",
        ),
        "left open": (
            _ANSWER.replace("        live.stop()\n", "").replace(
                "return live.result()", "return live.reply"
            ),
            "two sentences",
        ),
        "not shown": (
            _ANSWER.replace("chat.start(prompt)", 'chat.start(prompt, view="none")'),
            "streams to the screen",
        ),
        "the button loses all": (
            """
def answer(chat, prompt, enough):
    live = chat.start(prompt)
    live.wait_until(lambda: enough(live.reply.text))
    live.stop()
    return live.result()
""",
            "the Stop button",
        ),
        "only ordinary exceptions": (
            _ANSWER.replace(
                "except nbstream.Stopped as stopped:\n        return stopped.reply",
                "except Exception:\n        return live.reply",
            ),
            "the Stop button",
        ),
        "every exception": (
            _ANSWER.replace(
                "except nbstream.Stopped as stopped:\n        return stopped.reply",
                "except BaseException:\n        return live.reply",
            ),
            "no stop",
        ),
        "the text alone": (
            _ANSWER.replace("return live.result()", "return live.result().text"),
            "to its end",
        ),
    },
    "as_object": {
        "JSON by hand": (
            "import json\n"
            + _OBJECT.replace("return reply.parsed", "return json.loads(reply.text)"),
            "not its JSON",
        ),
        "no schema": (
            _OBJECT.replace(", schema=schema", ""),
            "schema is asked for",
        ),
        "only the wish": (
            _OBJECT.replace("[*chat.messages, question]", "[question]"),
            "all that was said",
        ),
        "the wish as a text": (
            _OBJECT.replace("[*chat.messages, question]", "wish"),
            "all that was said",
        ),
        "another model": (
            _OBJECT.replace("chat.model", '"openai:gpt-5.6-luna"'),
            "the model of the chat",
        ),
        "added to the chat": (
            _OBJECT.replace(
                "reply = ask([*chat.messages, question]",
                "chat.messages.append(question)\n    reply = ask(chat.messages",
            ),
            "stays as it is",
        ),
        "made up where it fails": (
            """
def as_object(ask, chat, wish, schema):
    question = {"role": "user", "content": wish}
    try:
        return ask([*chat.messages, question], chat.model, schema=schema).parsed
    except Exception:
        return []
""",
            "does not fit",
        ),
    },
    "assistant": {
        "another name for a tool": (
            _ASSISTANT.replace("describe", "inspect_it"),
            "with the right name",
        ),
        "the wrong name is looked up": (
            _ASSISTANT.replace("look(variables, name)", 'look(variables, "name")'),
            "with the right name",
        ),
        "no look": (
            _ASSISTANT.replace(
                "look(variables, name)", '{"view": repr(variables[name])}'
            ),
            "unknown name",
        ),
        "no consent": (
            _ASSISTANT.replace("    @nbstream.tool(confirm=True)\n", ""),
            "without consent",
        ),
        "all wants consent": (
            _ASSISTANT.replace(
                "    def describe", "    @nbstream.tool(confirm=True)\n    def describe"
            ),
            "describe is called",
        ),
        "it says that it forgets": (
            _ASSISTANT.replace("        del variables[name]\n", ""),
            "with consent",
        ),
        "one list for all assistants": (
            """
import nbstream
_all = {}
"""
            + _ASSISTANT.replace(
                "look):\n",
                "look):\n    _all.update(variables)\n    variables = _all\n",
                1,
            ),
            "by its own assistant",
        ),
        "a model of one's own": (
            _ASSISTANT.replace("Chat(model,", 'Chat("openai:gpt-5.6-luna",'),
            "the model",
        ),
        "an answer and no chat": (
            _ASSISTANT.replace("return nbstream.Chat", "return print or nbstream.Chat"),
            "expected a Chat",
        ),
    },
}
