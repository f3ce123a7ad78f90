"""The size of a decoded set, and whether it fits into memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cvrl_lite.datasets.base import Entry, VideoDataset
from cvrl_lite.datasets.samples import SampleConfig, index_cache
from cvrl_lite.datasets.scan import look_at
from cvrl_lite.limits import memory_limit

_SAMPLED = 16  # files whose length is looked up


def decoded_bytes(
    entries: Sequence[Entry], *, size: int, cells: int = 14, vectors: bool = True, residuals: bool = False
) -> int:
    """Estimates the size of decoded files in bytes, from the lengths of a few of them.

    Args:
        entries: The files. Those that cannot be read do not count.
        size: As in `decode`, like the parameters below.
        cells: Vector cells along a side.
        vectors: Whether vectors are kept.
        residuals: Whether residuals are kept.

    Returns:
        An estimate; exact where all files have the same length.
    """
    if not entries:
        return 0
    places = np.unique(np.linspace(0, len(entries) - 1, _SAMPLED).round().astype(int))
    config = index_cache(SampleConfig(vectors=vectors))
    seen = [look_at(entries[place].path, config) for place in places]
    frames = [0 if isinstance(timeline, str) else len(timeline.clock) for timeline in seen]
    map_bytes = cells * cells * (2 * 2 + 1)  # two int16 and a bool a cell
    frame_bytes = size * size * 3 + 8 + map_bytes * (vectors + residuals)  # 8: its time
    return round(float(np.mean(frames)) * len(entries) * frame_bytes)


def fits_in_memory(
    videos: VideoDataset,
    *,
    size: int,
    cells: int = 14,
    vectors: bool = True,
    residuals: bool = False,
    limit: int | None = None,
) -> bool:
    """Whether a data set can be decoded into memory, or has to be read from its files for each batch.

    Trainings use this rule by default. Batches are the same either way.

    Args:
        videos: The data set.
        size: As in `decode`, like the parameters below.
        cells: Vector cells along a side.
        vectors: Whether vectors are needed.
        residuals: Whether residuals are needed.
        limit: Bytes that the decoded set may take. If None, `$CVRL_MEMORY_LIMIT` (such as 8G), or half of
            the memory that is available.

    Example:
        >>> from cvrl_lite import data_path
        >>> clip = VideoDataset([Entry(data_path("sample.mp4"), "sample", {})])
        >>> [fits_in_memory(clip, size=72, limit=limit) for limit in (10**6, 10**9)]
        [False, True]
    """
    needed = decoded_bytes(videos.entries, size=size, cells=cells, vectors=vectors, residuals=residuals)
    return needed <= (memory_limit() if limit is None else limit)
