"""As much of ``rpds`` as ``referencing`` and ``jsonschema`` use, in Python.

The real one is written in Rust, and no wheel of it on PyPI fits a page. These are never
changed either: each change gives another one, here by a copy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from typing import Any


class HashTrieMap(Mapping[Any, Any]):
    """A mapping."""

    def __init__(self, given: Any = (), **more: Any) -> None:
        self._items = dict(given, **more)

    @classmethod
    def convert(cls, given: Any) -> HashTrieMap:
        return given if isinstance(given, cls) else cls(given)

    def __getitem__(self, key: Any) -> Any:
        return self._items[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))

    def __repr__(self) -> str:
        return f"HashTrieMap({self._items!r})"

    def insert(self, key: Any, value: Any) -> HashTrieMap:
        return HashTrieMap({**self._items, key: value})

    def update(self, *given: Any, **more: Any) -> HashTrieMap:
        changed = HashTrieMap(self._items)
        changed._items.update(*given, **more)
        return changed

    def remove(self, key: Any) -> HashTrieMap:
        changed = dict(self._items)
        del changed[key]
        return HashTrieMap(changed)

    def discard(self, key: Any) -> HashTrieMap:
        return self.remove(key) if key in self._items else self


class HashTrieSet(Set[Any]):
    """A set."""

    def __init__(self, given: Any = ()) -> None:
        self._items = frozenset(given)

    def __contains__(self, key: object) -> bool:
        return key in self._items

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return hash(self._items)

    def __repr__(self) -> str:
        return f"HashTrieSet({set(self._items)!r})"

    def insert(self, key: Any) -> HashTrieSet:
        return HashTrieSet({*self._items, key})

    def discard(self, key: Any) -> HashTrieSet:
        return HashTrieSet(self._items - {key})

    def remove(self, key: Any) -> HashTrieSet:
        if key not in self._items:
            raise KeyError(key)
        return self.discard(key)

    def update(self, *given: Any) -> HashTrieSet:
        return HashTrieSet(self._items.union(*given))


class List(tuple[Any, ...]):
    """A list whose first element is the newest."""

    __slots__ = ()

    def push_front(self, value: Any) -> List:
        return List((value, *self))

    def drop_first(self) -> List:
        return List(self[1:])

    @property
    def first(self) -> Any:
        return self[0]

    rest = property(drop_first)
