"""Every file of the hostile corpus, uploaded: it is recognised or refused in words, and quickly."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from candor.connecting.uploads import harmless
from candor.errors import CandorError
from candor.sources.recognising import look

pytestmark = pytest.mark.shared
_MOST_SECONDS = 15


def test_every_hostile_file_is_recognised_or_refused_in_words(
    shared: Callable[[str], Path], tmp_path: Path
) -> None:
    files = sorted(path for path in shared("data/hostile/own/files").iterdir() if path.is_file())
    outcomes: Counter[str] = Counter()
    for number, path in enumerate(files):
        upload = tmp_path / str(number) / harmless(path.name)
        upload.parent.mkdir()
        upload.symlink_to(path)
        began = time.process_time()
        try:
            found = look([upload])
        except CandorError as error:
            is_told = bool(error.problems[0].what)
            outcomes["refused" if is_told else "refused without a word"] += 1
        else:
            assert found.connector
            assert "<script" not in found.connector
            outcomes["recognised"] += 1
        assert time.process_time() - began < _MOST_SECONDS, path.name
    assert set(outcomes) == {"recognised", "refused"}
    assert outcomes["recognised"] > 40
    assert outcomes["refused"] > 10
