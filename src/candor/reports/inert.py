"""Text of data made harmless where it is written: shown, never interpreted.

Two dangers are met here. A spreadsheet reads text that begins like a formula as one, so such text
gets a leading apostrophe. Control characters and marks that turn the direction of writing can make a
line read as something else, so they are replaced by visible signs.
"""

from __future__ import annotations

import re

_FORMULA = re.compile(
    "^(?:[\\t\\r\\n\\x00]|[\\s\"'`,;:\\ufeff\\x00-\\x1f\\x7f]*[=+\\-@|%＝＋－＠｜％])"
)
_MARK = "\ufffd"
_TURNING = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_VISIBLE: dict[int, int | str] = {
    **{number: 0x2400 + number for number in range(32) if chr(number) not in "\n\t\r"},
    0x7F: 0x2421,
    **dict.fromkeys(range(0x80, 0xA0), _MARK),
    **dict.fromkeys(_TURNING, _MARK),
    **dict.fromkeys(range(0xD800, 0xE000), _MARK),
    # No XML file may hold these two.
    **dict.fromkeys((0xFFFE, 0xFFFF), _MARK),
}


def visible(text: str) -> str:
    """The text with control characters, turning marks and broken halves made visible."""
    return text.translate(_VISIBLE)


def cell(text: str) -> str:
    """The text as a spreadsheet may hold it: never a formula."""
    shown = visible(text).replace("\r\n", "\n").replace("\r", "\n")
    return f"'{shown}" if _FORMULA.match(text) or _FORMULA.match(shown) else shown
