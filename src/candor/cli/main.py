"""The ``candor`` program: its commands, its exit codes, and the one place errors are shown.

Exit codes: 0 fine, 1 failed, 2 usage, 3 a gate was not met, 130 interrupted.
"""

from __future__ import annotations

import errno
import os
import sys
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import typer

from candor.cli import (
    alerting,
    building,
    learning,
    output,
    overriding,
    packs,
    reading,
    resolving,
    reviewing,
    scenario,
    serving,
    upkeep,
)
from candor.errors import CandorError, Problem

INTERRUPTED = 130
# What the operating system refuses for reasons that lie outside candor.
_OUTSIDE = frozenset({
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EISDIR, errno.EMFILE,
})  # fmt: skip

app = typer.Typer(
    name="candor",
    no_args_is_help=True,
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def program(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """What AI customer-support agents really resolve, measured from the raw conversations."""
    if version:
        import candor

        output.show(f"candor {candor.__version__}")
        raise typer.Exit


building.register(app)
reading.register(app)
packs.register(app)
resolving.register(app)
overriding.register(app)
scenario.register(app)
reviewing.register(app)
learning.register(app)
upkeep.register(app)
alerting.register(app)
serving.register(app)


def run() -> None:
    """Entry point: run a command and leave with its exit code, without a traceback for mistakes."""
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    # The Delta library may abort while the interpreter shuts down after finished work.
    os._exit(code)


def main(arguments: list[str]) -> int:
    """Run one command line and return its exit code."""
    as_json = "--json" in arguments
    try:
        result = app(arguments, standalone_mode=False)
    except CandorError as error:
        output.show_error(error, as_json=as_json)
        return error.exit_code
    except typer.Exit as leaving:
        result = leaving.exit_code
    except (typer.Abort, KeyboardInterrupt):
        result = INTERRUPTED
    except BrokenPipeError:
        # Whoever read the answer has seen enough; the rest has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _OUTSIDE:
            problem = Problem(str(error.strerror), str(error.filename or ""))
            output.show_error(CandorError("system", problem), as_json=as_json)
            return 1
        told = getattr(error, "format_message", None)
        if told is None:
            output.show_fault(error, _named_workspace(arguments), as_json=as_json)
            return 1
        if type(error).__name__ == "NoArgsIsHelpError":
            output.say(told())
            return 2
        # The program's parser of arguments raises these for usage it does not know.
        usage = CandorError("usage", Problem(told(), "", "", _hint(error)), exit_code=2)
        output.show_error(usage, as_json=as_json)
        return 2
    if result == INTERRUPTED:
        output.say("interrupted")
    return result if isinstance(result, int) else 0


def _hint(error: Exception) -> str:
    """Which help to read."""
    context = getattr(error, "ctx", None)
    return f"see `{context.command_path} --help`" if context is not None else "see `candor --help`"


def _named_workspace(arguments: list[str]) -> Path | None:
    """The workspace of a command line that failed, for its trace."""
    named = None
    for option, value in pairwise(arguments):
        if option in ("-w", "--workspace"):
            named = Path(value)
    folder = named or Path(os.environ.get("CANDOR_WORKSPACE", "."))
    return folder if (folder / "candor.toml").exists() else None
