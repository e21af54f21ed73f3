"""Vega-Lite specifications drawn to SVG in this process; nothing is fetched.

A picture takes some fifty milliseconds of processor time and one metric's stands on many pages, so the
latest are kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

VERSION = "6.4"
"""Of Vega-Lite."""
SCHEMA = f"https://vega.github.io/schema/vega-lite/v{VERSION}.json"
_KEPT = 512


def svg(specification: Mapping[str, Any]) -> str:
    """The picture of a specification."""
    return _drawn(json.dumps(specification, allow_nan=False))


@lru_cache(maxsize=_KEPT)
def _drawn(text: str) -> str:
    import vl_convert

    return str(vl_convert.vegalite_to_svg(text, vl_version=VERSION))


def png(specification: Mapping[str, Any]) -> bytes:
    """The picture as pixels, two for each point."""
    import vl_convert

    text = json.dumps(specification, allow_nan=False)
    return bytes(vl_convert.vegalite_to_png(text, vl_version=VERSION, scale=2.0))
