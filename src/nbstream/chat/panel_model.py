"""The panel's widget: what its page may say, and how that is heard in a busy kernel."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from nbstream.screens.kernel_messages import hook, watch
from nbstream.screens.widget import LiveModel, script
from nbstream.static import style

__all__ = ["LONGEST", "Asked", "PanelModel", "checked"]

#: The longest question that is taken from a page, in characters.
LONGEST = 200_000
#: How many of the page's requests are remembered: each may be heard twice.
REMEMBERED = 200
#: What each kind of message must hold, and how long each text may be.
KINDS: Mapping[str, Mapping[str, int]] = {
    "ask": {"id": 64, "text": LONGEST},
    "edit": {"id": 64, "text": LONGEST, "turn": 16},
    "retry": {"id": 64, "turn": 16},
    "stop": {"turn": 16},
    "consent": {"turn": 16, "call": 32},
    "resync": {"turn": 16},
    "keeps": {},
}
#: One message of a page: its kind and its texts, all of them checked.
Asked = Mapping[str, str]


def checked(content: object) -> Asked | None:
    """Return a page's message if it is one of ours, without all it need not hold.

    A view inside the panel speaks of its own turn: ``{"turn": ..., "of": message}``.
    """
    if not isinstance(content, dict):
        return None
    inner = content.get("of")
    if isinstance(inner, dict):
        content = {**inner, "turn": content.get("turn")}
    kind = content.get("kind")
    fields = KINDS.get(kind) if isinstance(kind, str) else None
    if fields is None or not isinstance(kind, str):
        return None
    found = {name: content.get(name) for name in fields}
    texts = {name: each for name, each in found.items() if isinstance(each, str)}
    if texts.keys() != fields.keys():
        return None
    if any(len(each) > fields[name] for name, each in texts.items()):
        return None
    allow = {"allow": "yes"} if content.get("allow") is True else {}
    return {"kind": kind, **texts, **allow}


class PanelModel(LiveModel):
    """One conversation's model: custom messages, and a snapshot for a new page.

    A message is looked at on its way into a busy kernel and comes again by itself
    later, see ``nbstream.screens.stop_button``; a request that has an id is taken once.
    """

    _esm = script("chatPanel", "saved_panel.js", "panel.js")
    _css = style("answer.css", "panel.css")

    def __init__(
        self,
        model_id: str,
        whole: Callable[[], dict[str, object]],
        on_asked: Callable[[Asked], None],
    ) -> None:
        self._on_asked = on_asked
        self._taken: deque[str] = deque(maxlen=REMEMBERED)
        super().__init__(whole, lambda kind: None, model_id=model_id)
        self.hear()

    def hear(self) -> None:
        """Look for messages that a busy kernel does not deliver."""
        hook(self.comm, self._take)
        watch(self.comm, self._take)

    def _receive(self, _model: object, content: Any, _buffers: object) -> None:
        self._take(content)

    def _take(self, content: object) -> None:
        asked = checked(content)
        if asked is None:
            return
        if id_ := asked.get("id"):
            if id_ in self._taken:
                return
            self._taken.append(id_)
        self._on_asked(asked)
