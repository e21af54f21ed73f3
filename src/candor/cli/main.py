"""The ``candor`` program: its commands, its exit codes, and the one place errors are shown.

Exit codes: 0 fine, 1 failed, 2 usage, 3 a gate was not met, 130 interrupted.
"""

from __future__ import annotations

import os
import sys

import typer

from candor.cli import building, output, reading, upkeep
from candor.errors import CandorError

app = typer.Typer(
    name="candor",
    help="What AI customer-support agents really resolve, measured from the raw conversations.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
building.register(app)
reading.register(app)
upkeep.register(app)


def run() -> None:
    """Entry point: run a command and leave with its exit code, without a traceback for mistakes."""
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    # The Delta library may abort while the interpreter shuts down after finished work.
    os._exit(code)


def main(arguments: list[str]) -> int:
    """Run one command line and return its exit code."""
    try:
        result = app(arguments, standalone_mode=False)
    except CandorError as error:
        output.show_error(error, as_json="--json" in arguments)
        return error.exit_code
    except typer.Exit as leaving:
        return leaving.exit_code
    except (typer.Abort, KeyboardInterrupt):
        output.say("interrupted")
        return 130
    except BrokenPipeError:
        return 0
    except Exception as error:
        shown = getattr(error, "format_message", None)
        if shown is None:
            raise
        output.say(f"error: {shown()}")
        return int(getattr(error, "exit_code", 2))
    return result if isinstance(result, int) else 0
