"""The capstone: right solutions in several ways, and one for each trap."""

_LOOK = """
from difflib import get_close_matches


def look(variables, name):
    names = [each for each in variables if {public}]
    if {missing}:
        near = get_close_matches(name, names)
        return f"{{name}} is not here. Near it: {{near}}"
    value = variables[name]
    return {{"type": type(value).__name__, "view": {view}}}
"""


def _look(
    public='not each.startswith("_")',
    missing="name not in names",
    view="repr(value)[:200]",
):
    return _LOOK.format(public=public, missing=missing, view=view)


_ANSWER = """
import nbstream


def answer(chat, prompt, enough):
    live = chat.start(prompt{view})
    try:
        live.wait_until({ready})
        {then}
    except {caught} as stopped:
        {kept}
"""


def _answer(
    view="",
    ready="lambda: enough(live.reply.text)",
    then="live.stop()\n        return live.result()",
    caught="nbstream.Stopped",
    kept="return stopped.reply",
):
    return _ANSWER.format(view=view, ready=ready, then=then, caught=caught, kept=kept)


_OBJECT = """
def as_object(ask, chat, wish, schema):
    question = {{"role": "user", "content": wish}}
    {messages}
    return ask({sent}, {model}, schema={schema}).{given}
"""


def _object(
    messages="messages = [*chat.messages, question]",
    sent="messages",
    model="chat.model",
    schema="schema",
    given="parsed",
):
    return _OBJECT.format(
        messages=messages, sent=sent, model=model, schema=schema, given=given
    )


_ASSISTANT = """
import nbstream


def assistant(model, variables, look):
    {before}
    def describe(name: str) -> object:
        "Look at a variable."
        return {looks}

    @nbstream.tool{confirm}
    def forget(name: str) -> str:
        "Forget a variable for ever."
        {forgets}
        return "done"

    return nbstream.Chat({model}, tools=[describe, forget])
"""


def _assistant(
    before="",
    looks="look(variables, name)",
    confirm="(confirm=True)",
    forgets="del variables[name]",
    model="model",
):
    return _ASSISTANT.format(
        before=before, looks=looks, confirm=confirm, forgets=forgets, model=model
    )


RIGHT = {
    "look": {
        "near names": _look(),
        "the first letter": _look(public='each[:1] != "_"'),
        "asked the other way": _look(missing="not (name in names)"),
    },
    "answer": {
        "wait, stop, result": _answer(),
        "a bool of it": _answer(
            ready="lambda: bool(enough(live.reply.text))",
        ),
    },
    "as_object": {
        "a new list": _object(),
        "joined lists": _object(messages="messages = list(chat.messages) + [question]"),
    },
    "assistant": {
        "two functions inside": _assistant(),
        "pop": _assistant(forgets="variables.pop(name)"),
    },
}
TRAPS = {
    "look": {
        "what is false is taken for missing": (
            _look(missing="not variables.get(name)"),
            "a zero",
        ),
        "None is taken for missing": (
            _look(missing="variables.get(name) is None or name not in names"),
            "a None",
        ),
        "the whole value": (_look(view="repr(value)"), "first 200"),
        "an exception": (_look(missing="False"), "an unknown name"),
        "private names are shown": (_look(public="True"), "a private name"),
        "a name is evaluated": (
            "def look(variables, name):\n"
            "    try:\n"
            "        value = eval(name, dict(variables))\n"
            "    except Exception:\n"
            "        value = None\n"
            "    names = [each for each in variables if each[:1] != '_']\n"
            "    if name not in names:\n"
            "        return f'{name} is not here, but {names}'\n"
            "    kind = type(value).__name__\n"
            "    return {'type': kind, 'view': repr(value)[:200]}\n",
            "never evaluated",
        ),
    },
    "answer": {
        "never stopped": (
            _answer(then="return live.result()"),
            "two sentences are enough",
        ),
        "nothing is shown": (_answer(view=', view="none"'), "streams to the screen"),
        "the Stop comes through": (
            _answer(caught="ZeroDivisionError"),
            "the Stop button",
        ),
        "nothing is kept": (_answer(kept="return None"), "the Stop button"),
        "all is caught": (
            _answer(caught="(Exception, nbstream.Stopped)", kept="return live.reply"),
            "a failure is no stop",
        ),
    },
    "as_object": {
        "its JSON": (_object(given="text"), "the object"),
        "no schema": (_object(schema="None"), "the schema"),
        "the wish alone": (_object(sent="[question]"), "all that was said"),
        "a model of its own": (_object(model='"openai:other"'), "the model"),
        "the chat's own list": (
            _object(messages="messages = chat.messages; messages.append(question)"),
            "stays as it is",
        ),
    },
    "assistant": {
        "without consent": (_assistant(confirm=""), "without consent"),
        "the wrong name": (_assistant(looks='look(variables, "x")'), "the right name"),
        "a model of its own": (_assistant(model='"openai:other"'), "the right name"),
        "nothing is forgotten": (_assistant(forgets="pass"), "with consent"),
        "shared by all": (
            _assistant(
                before="global kept\n    kept = variables",
                forgets="del kept[name]",
            ),
            "its own assistant",
        ),
        "an exception": (
            _assistant(looks='{"view": repr(variables[name])}'),
            "an unknown name",
        ),
    },
}
