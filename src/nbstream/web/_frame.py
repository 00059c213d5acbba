"""A server's page below a cell: a frame that is live, and a sentence in the file."""

from __future__ import annotations

from collections.abc import Mapping

import traitlets

from nbstream.screens.widget import OneWay, view_mime
from nbstream.static import module, style


class FrameModel(OneWay):
    """The frame. The notebook saves what it is given in the frame's place.

    So a file holds neither a widget nor an address, which differ from run to run.

    Args:
        address: Where the reader's browser finds the page.
        height: How high it is shown, in pixels.
        saved: The data and the metadata of the output that is saved.
    """

    _esm = module("pageFrame", "saved_panel.js", "page_frame.js")
    _css = style("page_frame.css")
    address = traitlets.Unicode().tag(sync=True)
    height = traitlets.Int().tag(sync=True)
    saved = traitlets.Dict().tag(sync=True)

    def __init__(
        self, model_id: str, address: str, height: int, saved: Mapping[str, object]
    ) -> None:
        super().__init__(
            model_id=model_id, address=address, height=height, saved=dict(saved)
        )

    def mime(self) -> dict[str, object]:
        """Return what a front end shows the frame for."""
        return view_mime(self.model_id)
