"""Output of the commands, robust against closed pipes and streams."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import TextIO

from cvrl_lite.files import writing
from cvrl_lite.progress import note


def say(text: str) -> None:
    """Prints to stdout, and continues if the reader has closed the pipe, as `head` does.

    Raises:
        OSError: It cannot be written where it goes: a full disk, say.
    """
    try:
        with writing("standard output"):
            print(text, flush=True)
    except BrokenPipeError:
        _let_go(sys.stdout)


def complain(text: str) -> None:
    """Prints a line about a fault to stderr; it needs no reader."""
    note(f"cvrl-lite: {text}")


@contextmanager
def standard_streams() -> Iterator[None]:
    """Has stdin, stdout and stderr be there in the block, and able to print any name.

    A daemon or a shell (`2>&-`) may have closed them. The next file that is opened would get the number of
    one, and whatever a library prints would be written into it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    with ExitStack() as stack:
        for stream, redirected in ((sys.stdout, redirect_stdout), (sys.stderr, redirect_stderr)):
            if stream is None:
                nowhere = stack.enter_context(open(os.devnull, "w", encoding="utf-8"))
                stack.enter_context(redirected(nowhere))
            elif isinstance(stream, io.TextIOWrapper):
                stack.callback(stream.reconfigure, errors=stream.errors)
                stream.reconfigure(errors="backslashreplace")
        try:
            yield
        finally:  # else Python would say so on its way out, and have an exit code of its own, 120
            for stream in (sys.stdout, sys.stderr):
                try:
                    stream.flush()
                except OSError:
                    _let_go(stream)


def _let_go(stream: TextIO) -> None:
    """Has what is printed to a stream from now on, and what waits in it, go nowhere."""
    with suppress(OSError, ValueError):  # it has no file below
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
