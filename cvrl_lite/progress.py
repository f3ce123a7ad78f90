"""The one progress helper: a bar on a terminal or in a notebook, silence anywhere else."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def _shown() -> bool:
    return sys.stderr.isatty()


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
    if not _shown():
        return iter(items)
    from tqdm import tqdm

    return iter(tqdm(items, desc=description, total=total, leave=False, file=sys.stderr))
