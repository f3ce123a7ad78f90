"""Short text for records that hold arrays: names, shapes and types instead of contents."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

_MAX_ITEMS = 3  # of a sequence or a mapping that are written out


def short_repr(record: Any) -> str:
    """The `__repr__` of a record of arrays: a dataclass or a named tuple.

    Args:
        record: Its fields may hold NumPy arrays, tensors, records, and sequences and mappings of them.

    Returns:
        One line, however large the arrays are.

    Example:
        >>> import numpy as np
        >>> from typing import NamedTuple
        >>> class Wave(NamedTuple):
        ...     rate: int
        ...     samples: np.ndarray
        ...     def __repr__(self) -> str:
        ...         return short_repr(self)
        >>> Wave(8000, np.zeros((2, 400), np.int16))
        Wave(rate=8000, samples=(2, 400) int16)
    """
    names = getattr(record, "_fields", None) or [field.name for field in dataclasses.fields(record)]
    values = ", ".join(f"{name}={_short(getattr(record, name))}" for name in names)
    return f"{type(record).__name__}({values})"


def _short(value: Any) -> str:
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        device = getattr(value, "device", "cpu")  # NumPy's arrays say "cpu", too, from 2.0 on
        place = "" if str(device) == "cpu" else f" {device}"
        return f"{tuple(value.shape)} {str(value.dtype).removeprefix('torch.')}{place}"
    if isinstance(value, Mapping):
        items = [f"{key!r}: {_short(item)}" for key, item in list(value.items())[:_MAX_ITEMS]]
        return "{" + ", ".join([*items, *_more(len(value))]) + "}"
    if isinstance(value, tuple | list) and type(value) in (tuple, list):  # named tuples write themselves
        items = [_short(item) for item in value[:_MAX_ITEMS]]
        return "[" + ", ".join([*items, *_more(len(value))]) + "]"
    return repr(value)


def _more(count: int) -> list[str]:
    return [f"... {count} in all"] if count > _MAX_ITEMS else []
