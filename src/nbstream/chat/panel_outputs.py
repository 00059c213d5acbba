"""What of a panel stands in a notebook: beside its widget, or in its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nbstream.chat.shown import conversation
from nbstream.chat.transcript import Exchange

__all__ = ["Outputs"]

NEEDS_WIDGETS = (
    'The chat panel needs a notebook that shows widgets; ask in a cell: chat("…")'
)
NOTHING = "A chat with {}: nothing has been said yet."


class Outputs:
    """Makes the MIME bundles of one panel.

    Attributes:
        metadata: What stands beside each: by it a page finds the panel's place again.
    """

    def __init__(
        self,
        model_id: str,
        name: Callable[[], str],
        exchanges: Callable[[], list[Exchange]],
    ) -> None:
        self._model_id = model_id
        self._name = name
        self._exchanges = exchanges
        self.metadata = {"nbstream": {"panel": model_id}}

    def static(self) -> dict[str, str]:
        """Return the conversation so far."""
        said = self._exchanges()
        return conversation(said, "" if said else NOTHING.format(self._name()))

    def explained(self) -> dict[str, str]:
        """Return it below a line that says why it is no widget."""
        return conversation(self._exchanges(), NEEDS_WIDGETS)

    def widget(self) -> dict[str, object]:
        """Return the widget, and what stands there where none can be shown."""
        from nbstream.screens.widget import view_of

        return {**view_of(self._model_id), **self.explained()}

    def saved(self) -> Mapping[str, object]:
        """Return what a page writes into the file in place of the widget."""
        return {"data": self.static(), "metadata": self.metadata}
