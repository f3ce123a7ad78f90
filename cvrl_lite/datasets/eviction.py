"""A limit on the size of a folder of decoded videos: the least recently used files go first.

When a file was used is its access time, which `mark_used` sets itself, as many systems do not. Files that a
process maps into memory are listed in a file of that process's own, held locked while the process lives; what
is listed there is never removed.
"""

from __future__ import annotations

import atexit
import os
import secrets
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager, suppress
from functools import cache
from pathlib import Path

from filelock import FileLock, Timeout

from cvrl_lite.files import alone


class Uses:
    """The files of a folder that this process uses, where other processes see them.

    Args:
        folder: The folder; the lists lie in one beside it.

    Raises:
        OSError: That cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, lists = folder, _lists_of(folder)
        lists.mkdir(parents=True, exist_ok=True)
        self._list = lists / f"{secrets.token_hex(8)}.txt"
        self._lock = FileLock(_lock_of(self._list))
        self._lock.acquire()
        self._process = os.getpid()
        atexit.register(self._end)

    def add(self, names: Iterable[str]) -> None:
        """Lists files, whether they are there yet or not."""
        with _changing(self.folder), self._list.open("a", encoding="utf-8") as file:
            file.writelines(f"{name}\n" for name in names)

    def _end(self) -> None:
        if os.getpid() == self._process:  # not a fork, whose starter goes on
            _forget(self._list, self._lock)


@cache
def uses_of(folder: Path) -> Uses:
    """This process's list for a folder; one as long as it lives.

    Raises:
        OSError: It cannot be written.
    """
    return Uses(folder)


def mark_used(file: Path) -> None:
    """Notes that a file is used now; its modification time stays."""
    with suppress(OSError):  # it may not be ours
        os.utime(file, ns=(time.time_ns(), file.stat().st_mtime_ns))


def make_room(folder: Path, needed: int, limit: int) -> bool:
    """Removes the least recently used files of a folder until so many bytes more fit below its limit.

    Args:
        folder: The folder.
        needed: Bytes that are to be written.
        limit: Bytes that the folder may hold.

    Returns:
        Whether there is room now. Where what is in use leaves none, nothing is removed.
    """
    with _changing(folder):
        used = _names_in_use(folder)
        states = [(file, file.stat()) for file in folder.glob("*.safetensors") if file.is_file()]
        total = sum(state.st_size for _, state in states)
        free = [(state.st_atime_ns, file, state.st_size) for file, state in states if file.name not in used]
        if total - sum(size for *_, size in free) + needed > limit:
            return False
        for _, file, size in sorted(free):
            if total + needed <= limit:
                break
            with suppress(OSError):  # not ours, or open on a system that then keeps it
                file.unlink()
                total -= size
        return total + needed <= limit


def _lists_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}_in_use")


def _lock_of(listed: Path) -> Path:
    return listed.with_suffix(".lock")


def _changing(folder: Path) -> AbstractContextManager[None]:
    """Has lists and files change in one process at a time."""
    return alone(_lists_of(folder) / "changing.lock", folder)


def _names_in_use(folder: Path) -> set[str]:
    """What living processes list; the lists of those that were killed are removed."""
    names: set[str] = set()
    for listed in _lists_of(folder).glob("*.txt"):
        lock = FileLock(_lock_of(listed))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            with suppress(OSError):  # it ends just now
                names |= set(listed.read_text(encoding="utf-8").splitlines())
        else:
            _forget(listed, lock)
    return names


def _forget(listed: Path, lock: FileLock) -> None:
    with suppress(OSError):
        listed.unlink(missing_ok=True)
        _lock_of(listed).unlink(missing_ok=True)
    lock.release()
