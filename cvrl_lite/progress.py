"""What is shown of long work: a progress bar on a terminal and in a notebook, notes on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


def note(text: str) -> None:
    """Writes a line to stderr, where there is one; nobody needs to read it.

    Example:
        >>> note("the disk is nearly full")
    """
    if sys.stderr is not None:  # print would take stdout then
        with suppress(OSError, ValueError):  # its reader has gone; it is closed
            print(text, file=sys.stderr)


def track(items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
    """Yields `items` and shows a progress bar, on a terminal or in a notebook.

    There is none where stderr goes to a file or a pipe, nor where the environment variable `TQDM_DISABLE` is
    set to anything but 0, as it is while the course's notebooks are built and tested.

    Args:
        items: Anything that can be iterated.
        description: A word or two before the bar.
        total: How many items there are, where `len(items)` does not tell.

    Returns:
        An iterator over the same items.

    Example:
        >>> list(track([1, 2, 3], "counting"))
        [1, 2, 3]
    """
    if os.environ.get("TQDM_DISABLE", "0") not in ("", "0") or not (_on_terminal() or _in_notebook()):
        return iter(items)
    from tqdm.auto import tqdm

    return iter(tqdm(items, desc=description, total=total, leave=False, file=sys.stderr))


def _on_terminal() -> bool:
    """Whether stderr is a terminal; programs without one, and daemons, may have no stderr at all."""
    usable = sys.stderr is not None and not getattr(sys.stderr, "closed", False)
    return usable and sys.stderr.isatty()


def _in_notebook() -> bool:
    """Whether this is the kernel of a notebook; asks IPython only where it is loaded already."""
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", None)
    shell = get_ipython() if get_ipython else None
    return shell is not None and "IPKernelApp" in shell.config
