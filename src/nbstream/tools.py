"""A Python function as a model sees it: a name, a description, a schema."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias, overload

from nbstream._workers import imported
from nbstream.errors import UsageError

#: What OpenAI and Anthropic take as a name; Gemini takes all of it, too.
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_UNNAMED = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD


class Tool:
    """A function that a model may call; calling it calls the function.

    Attributes:
        function: The function itself.
        name: Its name; ASCII letters, digits, ``_`` and ``-``, at most 64.
        description: What its docstring says of it.
        parameters: The JSON Schema of its arguments.
        confirm: Whether each call waits for a person's consent.
    """

    def __init__(
        self,
        function: Callable[..., object],
        *,
        name: str | None = None,
        description: str | None = None,
        confirm: bool = False,
    ) -> None:
        self.function = _callable(function)
        self.name = name or _name_of(function)
        if not _NAME.fullmatch(self.name):
            msg = (
                f"{self.name!r} is no name for a tool: 1 to 64 of a-z, A-Z, 0-9, _ "
                'and -; give it one, nbstream.tool(function, name="...")'
            )
            raise UsageError(msg)
        text, of_arguments = _described(function)
        self.description = text if description is None else description
        self.arguments = Arguments(function, of_arguments)
        self.parameters = self.arguments.schema
        self.confirm = confirm
        if hasattr(function, "__name__"):
            functools.update_wrapper(self, function)

    @property
    def is_async(self) -> bool:
        """Whether it is an ``async def``, which runs on the event loop."""
        function = self.function
        while isinstance(function, functools.partial):
            function = function.func
        call = getattr(function, "__call__", None)  # noqa: B004 - its kind is asked
        return any(inspect.iscoroutinefunction(each) for each in (function, call))

    def __call__(self, *args: object, **kwargs: object) -> object:
        """Call the function as Python does: nothing is checked."""
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"Tool({self.name!r}{', confirm=True' if self.confirm else ''})"


@overload
def tool(
    function: Callable[..., object],
    *,
    name: str | None = None,
    description: str | None = None,
    confirm: bool = False,
) -> Tool: ...
@overload
def tool(
    *, name: str | None = None, description: str | None = None, confirm: bool = False
) -> Callable[[Callable[..., object]], Tool]: ...
def tool(
    function: Callable[..., object] | None = None,
    *,
    name: str | None = None,
    description: str | None = None,
    confirm: bool = False,
) -> Tool | Callable[[Callable[..., object]], Tool]:
    """Make a function a tool where the function alone does not say enough.

    ``tools=[f]`` takes a plain function too. This is also a decorator, with and
    without arguments: ``@nbstream.tool(confirm=True)``.

    Args:
        function: A function, sync or async; each argument has a type.
        name: What the model calls it, if not by the function's own name.
        description: What the model is told of it, if not the docstring.
        confirm: Whether a person is asked before each call; where there is nobody to
            ask, the call is refused.

    Raises:
        UsageError: it cannot be a tool; the message says why.
    """
    if function is not None:
        return Tool(function, name=name, description=description, confirm=confirm)
    return functools.partial(Tool, name=name, description=description, confirm=confirm)


#: What a request may offer: a function of ours, or a tool of the service's own, such
#: as ``{"type": "web_search"}``, which is sent as it is.
Offered: TypeAlias = Tool | Callable[..., object] | Mapping[str, Any]


def tools_of(given: Iterable[Offered]) -> Mapping[str, Tool | Mapping[str, Any]]:
    """Return the tools by their names; one of the service's own by its place.

    Raises:
        UsageError: one of them cannot be a tool, or two have the same name.
    """
    found: dict[str, Tool | Mapping[str, Any]] = {}
    for at, each in enumerate(_listed(given)):
        if isinstance(each, Mapping):
            found[f"tools[{at}]"] = each
            continue
        made = each if isinstance(each, Tool) else Tool(each)
        if made.name in found:
            msg = f"two tools are called {made.name!r}; name one anew: nbstream.tool"
            raise UsageError(msg)
        found[made.name] = made
    return found


def _callable(function: object) -> Callable[..., object]:
    if not callable(function):
        msg = (
            f"a tool is a function, or a dict that the service knows; got {function!r}"
        )
        raise UsageError(msg)
    return function


def _listed(given: object) -> Iterable[Offered]:
    if not isinstance(given, Iterable) or isinstance(given, str | bytes | Mapping):
        msg = f"tools are a list of functions, got {given!r}; write tools=[...]"
        raise UsageError(msg)
    return given


def _name_of(function: Callable[..., object]) -> str:
    inner = function
    while isinstance(inner, functools.partial):
        inner = inner.func
    return str(getattr(inner, "__name__", type(inner).__name__))


class Arguments:
    """The arguments a function takes: their JSON schema, and the check of a call.

    The schema and the check are pydantic's, so that all it knows can be an argument:
    ``Annotated``, ``Literal``, ``Optional``, lists, dataclasses, models, dates.

    Raises:
        UsageError: an argument has no type, or no name, or a type pydantic does not
            know.
    """

    def __init__(
        self, function: Callable[..., object], described: Mapping[str, str]
    ) -> None:
        self._name = getattr(function, "__name__", type(function).__name__)
        self._signature = self._read(function)
        self._model, self.schema = self._made(described)

    def check(self, arguments: str) -> inspect.BoundArguments:
        """Return the arguments to call with.

        Args:
            arguments: A JSON object, which has been parsed strictly already.

        Raises:
            ValueError: they do not fit; pydantic's ``ValidationError``.
        """
        model = self._model.model_validate_json(arguments, strict=True)
        given = {
            name: getattr(model, _field(at))
            for at, name in enumerate(self._signature.parameters)
            if _field(at) in model.model_fields_set
        }
        bound = inspect.BoundArguments(self._signature, given)
        bound.apply_defaults()
        return bound

    def _read(self, function: Callable[..., object]) -> inspect.Signature:
        try:
            signature = inspect.signature(function, eval_str=True)
        except (NameError, TypeError, ValueError, SyntaxError) as error:
            msg = f"the arguments of {self._name!r} cannot be read: {error}"
            raise UsageError(msg) from error
        for name, each in signature.parameters.items():
            if each.kind in _UNNAMED:
                msg = f"{self._name}(): a model cannot fill in {each}; name each one"
                raise UsageError(msg)
            if each.annotation is inspect.Parameter.empty:
                msg = f"{self._name}(): {name!r} has no type; write {name}: str"
                raise UsageError(msg)
        return signature

    def _made(self, described: Mapping[str, str]) -> tuple[Any, dict[str, object]]:
        """Make the model. Its fields are numbered: pydantic forbids some names."""
        pydantic = needed("pydantic")
        fields = {
            _field(at): (each.annotation, self._info(pydantic, each, described))
            for at, each in enumerate(self._signature.parameters.values())
        }
        config = pydantic.ConfigDict(extra="forbid", arbitrary_types_allowed=False)
        try:
            model = pydantic.create_model(self._name, __config__=config, **fields)
            schema = model.model_json_schema(schema_generator=untitled())
        except pydantic.errors.PydanticUserError as error:
            first = str(error).splitlines()[0]
            msg = f"{self._name}(): an argument's type has no JSON schema: {first}"
            raise UsageError(msg) from error
        schema.pop("title", None)
        schema.setdefault("properties", {})
        return model, schema

    @staticmethod
    def _info(
        pydantic: Any, each: inspect.Parameter, described: Mapping[str, str]
    ) -> object:
        has_default = each.default is not inspect.Parameter.empty
        default = {"default": each.default} if has_default else {}
        known = each.name in described  # else what `Annotated` says of it holds
        description = {"description": described[each.name]} if known else {}
        return pydantic.Field(alias=each.name, **default, **description)


def _field(at: int) -> str:
    return f"argument_{at}"


def _described(function: Callable[..., object]) -> tuple[str, Mapping[str, str]]:
    """Return the description of a function, and those of its arguments by name.

    Google's, NumPy's, reST's and Epydoc's ways of writing are understood, by
    ``docstring_parser``. What the docstring says of results and errors stays out.
    """
    if not (written := inspect.getdoc(function)):
        return "", {}
    found = needed("docstring_parser").parse(written)
    texts = [found.short_description, found.long_description]
    arguments = {
        each.arg_name: " ".join(each.description.split())
        for each in found.params
        if each.description
    }
    return "\n\n".join(text for text in texts if text), arguments


def untitled() -> Any:
    """Return a generator of schemas without the title that pydantic makes of a name.

    A default that has no JSON is left out without a warning.
    """
    base = needed("pydantic.json_schema").GenerateJsonSchema
    quiet = {
        "field_title_should_be_set": lambda *_: False,
        "emit_warning": lambda *_: None,
    }
    return type("Untitled", (base,), quiet)


def needed(package: str, what: str = "tools") -> Any:
    """Import a package of the extra ``tools``; ``what`` is what needs it.

    Raises:
        UsageError: it is not installed; the message says how to get it.
    """
    try:
        return imported(package)
    except ImportError as error:
        if error.name != package.partition(".")[0]:
            raise  # it is there, and broken
        msg = f'{what} need {error.name}: %pip install "nbstream[tools]"'
        raise UsageError(msg) from None
