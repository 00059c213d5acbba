"""The how-to pages: their code runs as it stands, and gives what the page says."""

from __future__ import annotations

import pytest
from harness.how_to import PAGES, executed


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_page_shows_what_its_code_gives(path, monkeypatch):
    """Each block is run in order; what comes out is the block behind it."""
    monkeypatch.setenv("COLUMNS", "80")
    page = path.read_text("utf-8")

    assert executed(page) == page
