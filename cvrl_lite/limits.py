"""How much memory and disk the package may take: what the system has, and what the user allows."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_CGROUP = Path("/sys/fs/cgroup")
_CACHE_LIMIT = 20 * 10**9


def memory_limit() -> int:
    """Bytes that a decoded set may take: `$CVRL_MEMORY_LIMIT`, or half of the memory that is available.

    Processes that torchrun started on one machine share what is available.

    Raises:
        ValueError: `CVRL_MEMORY_LIMIT` is no number of bytes.
    """
    limit = _from_environment("CVRL_MEMORY_LIMIT")
    if limit is not None:
        return limit
    processes = os.environ.get("LOCAL_WORLD_SIZE", "1")
    return available_memory() // 2 // max(1, int(processes) if processes.isdecimal() else 1)


def cache_limit() -> int:
    """Bytes that decoded videos may take in the cache folder: `$CVRL_CACHE_LIMIT`, or 20 GB.

    Raises:
        ValueError: `CVRL_CACHE_LIMIT` is no number of bytes.
    """
    limit = _from_environment("CVRL_CACHE_LIMIT")
    return _CACHE_LIMIT if limit is None else limit


def available_memory() -> int:
    """Bytes that this process could take without swapping, within its container's limit (cgroup 2).

    Example:
        >>> available_memory() > 0
        True
    """
    import psutil

    available = int(psutil.virtual_memory().available)
    with suppress(OSError, ValueError):  # no container, or one without a limit
        limit = int((_CGROUP / "memory.max").read_text(encoding="ascii"))
        used = int((_CGROUP / "memory.current").read_text(encoding="ascii"))
        available = min(available, max(0, limit - used))
    return available


def byte_count(text: str) -> int:
    """A number of bytes, with a unit or without.

    Raises:
        ValueError: The text is none.

    Example:
        >>> byte_count("20G"), byte_count("1.5 MB"), byte_count("0")
        (20000000000, 1500000, 0)
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?) *([KMGT]?)B?", text.strip(), re.IGNORECASE)
    if not found:
        raise ValueError(f"expected a number of bytes, such as 20G; got {text!r}")
    return int(float(found[1]) * _UNITS[found[2].upper()])


def _from_environment(name: str) -> int | None:
    text = os.environ.get(name)
    if not text:
        return None
    try:
        return byte_count(text)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
