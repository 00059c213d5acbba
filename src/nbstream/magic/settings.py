"""What ``%stream`` sets and shows: defaults, and who can be asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from nbstream._keys import redact
from nbstream._show import last
from nbstream.requests import missing, parse_model, providers

__all__ = ["Settings"]


@dataclass(slots=True, kw_only=True)
class Settings:
    """The defaults of this session; ``used`` are the models that were asked."""

    model: str | None = None
    system: str | None = None
    max_tokens: int | None = None
    used: list[str] = field(default_factory=list)

    def set(
        self, model: str | None, system: str | None, max_tokens: int | None
    ) -> None:
        """Set what is given; an empty text takes a default away.

        Raises:
            UsageError: there is no such provider.
        """
        if model:
            parse_model(model)
        self.model = self.model if model is None else model or None
        self.system = self.system if system is None else system or None
        self.max_tokens = max_tokens or self.max_tokens

    def note(self, model: str) -> None:
        """Remember that a model was asked."""
        if model not in self.used:
            self.used.append(model)

    def lines(self) -> Iterator[str]:
        """Yield what there is to know, line by line; never a key."""
        more = {"--system": self.system, "--max-tokens": self.max_tokens}
        said = [f"{name} {value!r}" for name, value in more.items() if value]
        none = "none; to set one: %stream --model provider:model"
        yield redact(f"default model: {' '.join([self.model or none, *said])}")
        yield f"models used: {', '.join(self.used) or 'none'}"
        for name in providers():
            yield f"{name}: {missing(name) or 'ready'}"
        yield f"last reply: {last()!r}"
