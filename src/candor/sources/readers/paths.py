"""Which files a list of paths means: files as given, folders searched, in a stable order.

Only names are looked at here. A name is never used to build another path.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from candor.errors import CandorError, Problem


def files_under(paths: Sequence[Path], patterns: Sequence[str]) -> list[Path]:
    """Files named in ``paths``, and those in folders of ``paths`` that match any pattern.

    Args:
        paths: files and folders; folders are searched all the way down.
        patterns: shell patterns of file names, e.g. ``*.jsonl``.

    Returns:
        Every file once; a folder's files are sorted by their path's bytes.

    Raises:
        CandorError: ``sources.no_files`` with every path that gives no file.
    """
    found: dict[Path, None] = {}
    problems = []
    for path in paths:
        if path.is_dir():
            inside = sorted(
                {
                    file
                    for pattern in patterns
                    for file in path.rglob(pattern)
                    if file.is_file() and not file.name.startswith(".")
                },
                key=lambda file: str(file).encode("utf-8", "surrogateescape"),
            )
            if not inside:
                problems.append(
                    Problem("no file to read", str(path), "a file named " + ", ".join(patterns))
                )
            found.update(dict.fromkeys(inside))
        elif path.exists():
            found[path] = None
        else:
            problems.append(Problem("there is no such file", str(path), "a file or a folder"))
    if problems:
        raise CandorError("sources.no_files", problems, exit_code=2)
    return list(found)
