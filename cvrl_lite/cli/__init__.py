"""`cvrl-lite`: every job of the package from a shell.

Exit codes: 0 success; 1 some inputs failed, the rest was kept; 2 bad use, nothing usable, or a fault of the
machine (a full disk, a killed worker), with what was written before kept; 130 stopped by Ctrl-C; 143 stopped
by SIGTERM. Errors and warnings are one line each on stderr. Where the reader of
its output goes away, a command finishes its work, and its code says how that went.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from cvrl_lite import __version__
from cvrl_lite.cli.output import complain, standard_streams
from cvrl_lite.errors import Diverged, VideoError, one_line, shown
from cvrl_lite.processes import Terminated, terminable


class _Parser(argparse.ArgumentParser):
    """An argument parser that keeps to one line an error, and takes options by their full names only."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, allow_abbrev=False)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse's, but a word that is left over is an error here, where it is known what may stand."""
        arguments, strays = super().parse_known_args(args, namespace)
        if strays:
            self.error(self._of_no_use(strays[0]))
        return arguments, strays

    def _of_no_use(self, word: str) -> str:
        from cvrl_lite.cli.choosing import meant
        from cvrl_lite.train.data import NAMED_SETS

        options = self._option_string_actions
        if word.startswith("-"):
            return f"there is no option {shown(word)}{meant(word.split('=')[0], options)}"
        if "--data" not in options:
            return f"{shown(word)} is one word too many"
        return (
            f"{shown(word)} is one word too many: a data set is given by --data, a folder of videos by "
            f"--folder{meant(word, NAMED_SETS, '--data ')}"
        )

    def error(self, message: str) -> None:  # type: ignore[override]
        print(f"{self.prog}: {message} (see {self.prog} --help)", file=sys.stderr)
        raise SystemExit(2)


class _ToStderr(logging.Handler):
    """Prints what the package logs, such as what it is about to do for minutes, to stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        complain(_line(record.getMessage()))


def parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    from cvrl_lite.cli import (  # in here, Ctrl-C meanwhile ends in one line, too
        batch,
        classifying,
        course,
        embedding,
        exporting,
        learning,
        reading,
    )

    top = _Parser(prog="cvrl-lite", description="Self-supervised learning from compressed video.")
    top.add_argument("--version", action="version", version=f"cvrl-lite {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
    reading.add_commands(commands)
    batch.add_commands(commands)
    learning.add_commands(commands)
    exporting.add_commands(commands)
    embedding.add_commands(commands)
    classifying.add_commands(commands)
    course.add_commands(commands)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        argv: The words after `cvrl-lite`; those of the process if None.

    Returns:
        The exit code.
    """
    usual, log, handler = warnings.formatwarning, logging.getLogger("cvrl_lite"), _ToStderr()
    warnings.formatwarning = lambda message, *_: f"cvrl-lite: {_line(message)}\n"
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        with standard_streams():
            return _run(argv)
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
        warnings.formatwarning = usual


def _run(argv: Sequence[str] | None) -> int:
    try:
        with terminable():
            arguments = parser().parse_args(argv)
            # Where a recipe names a module of the user's, it is looked for here, after all that is installed.
            if (here := os.getcwd()) not in sys.path:
                sys.path.append(here)
            return int(arguments.run(arguments))
    except Terminated as stop:
        complain("terminated")
        return int(stop.code or 0)
    except SystemExit as stop:  # argparse has said why
        return int(stop.code or 0)
    except KeyboardInterrupt:
        complain("interrupted")
        return 130
    except (VideoError, OSError, ValueError, ImportError, MemoryError, Diverged) as error:
        # An import fails where an optional part of the package is not installed; the error says which.
        complain(_line(one_line(error)) or "out of memory")
        return 2


def _line(message: object) -> str:
    rank = f"process {os.environ['RANK']}: " if "RANK" in os.environ else ""  # torchrun's
    return f"{rank}{shown(' '.join(str(message).split()))}"
