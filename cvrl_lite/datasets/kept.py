"""Arrays of one video kept in a file and mapped into memory from it; what is damaged is noticed.

A safetensors file whose remarks hold a checksum, and the file's own time of change. A file that has that time
is as it was written, so that nothing is read before it is needed; any other is read through once.
"""

from __future__ import annotations

import os
import time
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save

from cvrl_lite.files import replacing


def keep(file: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes arrays to a file, atomically.

    Raises:
        OSError: It cannot be written.
    """
    arrays = {name: np.ascontiguousarray(values) for name, values in arrays.items()}
    stamp = int(time.time()) // 2 * 2 * 10**9  # ns; in whole pairs of seconds, the most that FAT can tell
    remarks = {"stamp": str(stamp), "checksum": _checksum(arrays)}
    with replacing(file, durable=True) as part:
        part.write_bytes(save(arrays, remarks))  # save_file does not tell a full disk from other faults
        os.utime(part, ns=(stamp, stamp))


def kept(file: Path, names: tuple[str, ...]) -> dict[str, np.ndarray] | None:
    """The arrays as `keep` wrote them, mapped and read-only; None if they are not there or not whole."""
    try:
        changed = file.stat().st_mtime_ns
        # One map a file and no file left open, as NumPy's would be: systems allow 1024 open files, or fewer.
        with safe_open(file, "pt") as held:
            arrays = {name: held.get_tensor(name).numpy() for name in names}
            remarks: dict[str, Any] = held.metadata() or {}
        stamp, checksum = int(remarks["stamp"]), remarks["checksum"]
    except Exception:  # not there, or broken in any of the ways that a file can be
        return None
    if changed != stamp:
        if _checksum(arrays) != checksum:
            return None
        with suppress(OSError):  # it may not be ours
            os.utime(file, ns=(stamp, stamp))
    for array in arrays.values():
        array.flags.writeable = False
    return arrays


def _checksum(arrays: Mapping[str, np.ndarray]) -> str:
    """Eight hexadecimal digits that depend on names, shapes, types and values."""
    value = 0
    for name, array in sorted(arrays.items()):
        value = zlib.crc32(f"{name} {array.dtype.str} {array.shape}".encode(), value)
        value = zlib.crc32(array.reshape(-1).view(np.uint8).data, value)
    return f"{value:08x}"
