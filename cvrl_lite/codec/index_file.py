"""Indexes kept on disk, so that a set of many files is looked through once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import numpy as np

from cvrl_lite.codec.index import Index, Key
from cvrl_lite.files import replacing

_FORMAT = 5
_NONE = np.iinfo(np.int64).min


def cached_index(path: str, stream: int, folder: str | os.PathLike[str], make: Callable[[], Index]) -> Index:
    """The index of a file, from `folder` where the file is as it was when the index was made.

    Args:
        path: The video file.
        stream: Which stream of it.
        folder: Where indexes are kept; it is made where it is missing.
        make: Reads the index from the file.

    Returns:
        What `make` returns. The same file is known by its absolute path, size and modification time. Where
        nothing can be written (no such folder can be made, the disk is full), nothing is kept.
    """
    try:
        state = os.stat(path)
    except OSError:  # gone since it was opened
        return make()
    key = f"{_FORMAT} {os.path.abspath(path)} {stream} {state.st_size} {state.st_mtime_ns}"
    kept = Path(folder) / f"{hashlib.sha256(os.fsencode(key)).hexdigest()[:32]}.npz"
    try:
        return _load(kept, key)
    except Exception:  # not there, or not whole, in any of the ways that a broken archive can be
        index = make()
    with suppress(OSError), replacing(kept) as part, open(part, "wb") as file:
        _save(index, file, key)
    return index


def _save(index: Index, file: object, key: str) -> None:
    keys = [[_NONE if k.pts is None else k.pts, _NONE if k.dts is None else k.dts, k.frame, k.is_sure]
            for k in index.keys]  # fmt: skip
    np.savez(
        file,  # type: ignore[arg-type]
        key=np.array(key),
        times=index.times,
        stamps=np.array(list(index.places), np.int64),
        places=np.array(list(index.places.values()), np.int64),
        keys=np.array(keys, np.int64),
        bytes=index.bytes,
        facts=np.array([index.has_timestamps, index.duration, *index.size], np.float64),
        rate=np.array(index.rate.as_integer_ratio()),
        breaks_off=np.array(index.breaks_off),
    )


def _load(path: Path, key: str) -> Index:
    with np.load(path, allow_pickle=False) as held:
        if str(held["key"]) != key:
            raise ValueError(f"{path}: the index of another file")
        keys = [
            Key(None if pts == _NONE else pts, None if dts == _NONE else dts, frame, bool(sure))
            for pts, dts, frame, sure in held["keys"].tolist()
        ]
        stamped, duration, height, width = held["facts"].tolist()
        places: dict[int | None, int] = dict(
            zip(held["stamps"].tolist(), held["places"].tolist(), strict=True)
        )
        return Index(
            held["times"],
            places,
            tuple(keys),
            bool(stamped),
            duration,
            Fraction(*held["rate"].tolist()),
            (int(height), int(width)),
            held["bytes"],
            str(held["breaks_off"]),
        )
