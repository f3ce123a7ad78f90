"""Indexes kept on disk, so that a set of many files is looked through once."""

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
from cvrl_lite.files import replacing

_FORMAT = 9


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
    arrays = ("times", "places", "bytes")
    facts = {f.name: getattr(index, f.name) for f in fields(index) if f.name not in arrays}
    facts["keys"] = [entry._asdict() for entry in index.keys]
    facts["rate"] = str(index.rate)
    np.savez(
        file,  # type: ignore[arg-type]
        key=np.array(key),
        times=index.times,
        stamps=np.array(list(index.places), np.int64),
        places=np.array(list(index.places.values()), np.int64),
        bytes=index.bytes,
        facts=np.array(json.dumps(facts)),
    )


def _load(path: Path, key: str) -> Index:
    with np.load(path, allow_pickle=False) as held:
        if str(held["key"]) != key:
            raise ValueError(f"{path}: the index of another file")
        facts = json.loads(str(held["facts"]))
        places: dict[int | None, int] = dict(
            zip(held["stamps"].tolist(), held["places"].tolist(), strict=True)
        )
        facts["keys"] = tuple(
            Key(**entry | {"setups": None if entry["setups"] is None else tuple(entry["setups"])})
            for entry in facts["keys"]
        )
        facts["size"], facts["clock_jumps"] = tuple(facts["size"]), tuple(facts["clock_jumps"])
        facts["rate"] = Fraction(facts["rate"])
        return Index(times=held["times"], places=places, bytes=held["bytes"], **facts)
