"""Indexes cached on disk, so that the files of a data set are parsed once."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields
from fractions import Fraction
from pathlib import Path

import numpy as np

from cvrl_lite.codec._stream.index import Index, Key
from cvrl_lite.files import file_stamp, replacing

_FORMAT = 10


def cached_index(path: str, stream: int, folder: str | os.PathLike[str], make: Callable[[], Index]) -> Index:
    """The index of a file, from the cache if the file is unchanged.

    Args:
        path: The video file.
        stream: The number of the stream.
        folder: The cache folder, which is created if missing.
        make: Builds the index.

    Returns:
        What `make` returns. A file is identified by its stamp (absolute path, size, modification time).
        Where the cache cannot be written, nothing is kept.
    """
    try:
        key = f"{_FORMAT} {stream} {file_stamp(path)}"
    except OSError:  # deleted since it was opened
        return make()
    kept = Path(folder) / f"{hashlib.sha256(os.fsencode(key)).hexdigest()[:32]}.npz"
    try:
        return _load(kept, key)
    except Exception:  # missing, or broken: NumPy and zipfile raise nearly anything
        index = make()
    with suppress(OSError), replacing(kept) as part, open(part, "wb") as file:
        _save(index, file, key)
    return index


def _save(index: Index, file: object, key: str) -> None:
    arrays = ("times", "frame_by_stamp", "bytes")
    facts = {f.name: getattr(index, f.name) for f in fields(index) if f.name not in arrays}
    facts["keys"] = [entry._asdict() for entry in index.keys]
    facts["rate"] = str(index.rate)
    np.savez(
        file,  # type: ignore[arg-type]
        key=np.array(key),
        times=index.times,
        stamps=np.array(list(index.frame_by_stamp), np.int64),
        frames=np.array(list(index.frame_by_stamp.values()), np.int64),
        bytes=index.bytes,
        facts=np.array(json.dumps(facts)),
    )


def _load(path: Path, key: str) -> Index:
    with np.load(path, allow_pickle=False) as held:
        if str(held["key"]) != key:
            raise ValueError(f"{path}: the index of another file")
        facts = json.loads(str(held["facts"]))
        frame_by_stamp: dict[int | None, int] = dict(
            zip(held["stamps"].tolist(), held["frames"].tolist(), strict=True)
        )
        facts["keys"] = tuple(
            Key(**entry | {"setups": None if entry["setups"] is None else tuple(entry["setups"])})
            for entry in facts["keys"]
        )
        facts["size"], facts["clock_jumps"] = tuple(facts["size"]), tuple(facts["clock_jumps"])
        facts["rate"] = Fraction(facts["rate"])
        return Index(times=held["times"], frame_by_stamp=frame_by_stamp, bytes=held["bytes"], **facts)
