"""Make visible what could drive the terminal that a text is printed on."""

import re

__all__ = ["visible"]

#: Control characters by which a text could drive the terminal it is printed on:
#: C0 but tab and newline, DEL, C1 (ECMA-48); all of them are made visible.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def visible(text: str) -> str:
    """Return the text with a sign in place of each control character."""
    return _CONTROL.sub(_visible, text)


def _visible(found: re.Match[str]) -> str:
    code = ord(found[0])
    return chr(0x2400 + code) if code < 0x20 else "␡" if code == 0x7F else "�"
