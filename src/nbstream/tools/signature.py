"""From a function's signature to a model that checks its arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from nbstream.errors import UsageError
from nbstream.tools.extra import needed
from nbstream.tools.untitled import untitled

__all__ = ["Arguments"]

_UNNAMED = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD


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
        self._model = self._made(described)
        self.schema = self._schema()

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

    def _made(self, described: Mapping[str, str]) -> Any:
        """Make the model. Its fields are numbered: pydantic forbids some names."""
        pydantic = needed("pydantic")
        fields = {
            _field(at): (each.annotation, self._info(pydantic, each, described))
            for at, each in enumerate(self._signature.parameters.values())
        }
        config = pydantic.ConfigDict(extra="forbid", arbitrary_types_allowed=False)
        try:
            return pydantic.create_model(self._name, __config__=config, **fields)
        except pydantic.errors.PydanticUserError as error:
            raise UsageError(self._unknown(error)) from error

    @staticmethod
    def _info(
        pydantic: Any, each: inspect.Parameter, described: Mapping[str, str]
    ) -> object:
        has_default = each.default is not inspect.Parameter.empty
        default = {"default": each.default} if has_default else {}
        said = {"description": described[each.name]} if each.name in described else {}
        return pydantic.Field(alias=each.name, **default, **said)

    def _schema(self) -> dict[str, object]:
        pydantic = needed("pydantic")
        try:
            made: dict[str, object] = self._model.model_json_schema(
                schema_generator=untitled()
            )
        except pydantic.errors.PydanticUserError as error:
            raise UsageError(self._unknown(error)) from error
        made.pop("title", None)
        made.setdefault("properties", {})
        return made

    def _unknown(self, error: Exception) -> str:
        first = str(error).splitlines()[0]
        return f"{self._name}(): an argument's type has no JSON schema: {first}"


def _field(at: int) -> str:
    return f"argument_{at}"
