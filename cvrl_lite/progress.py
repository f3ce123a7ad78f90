"""What a person is told meanwhile: a bar on a terminal, notes on stderr, silence where there is none."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


def _on_terminal() -> bool:
    """Whether stderr is a terminal; programs without one, and daemons, may have no stderr at all."""
    there = sys.stderr is not None and not getattr(sys.stderr, "closed", False)
    return there and sys.stderr.isatty()


def note(text: str) -> None:
    """Writes a line to stderr, where there is one; nobody needs to read it.

    Example:
        >>> note("the disk is nearly full")
    """
    if sys.stderr is not None:  # print would take stdout then
        with suppress(OSError, ValueError):  # its reader has gone; it is closed
            print(text, file=sys.stderr)


def track(items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
    """Yields `items`, showing how far it is.

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
    if not _on_terminal():
        return iter(items)
    from tqdm import tqdm

    return iter(tqdm(items, desc=description, total=total, leave=False, file=sys.stderr))
