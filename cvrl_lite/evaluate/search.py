"""Retrieval: which videos of the gallery are nearest, and do they have the query's label?

Axes: N queries, M videos of the gallery, D features, K measures.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cvrl_lite.evaluate.inputs import Judged, labeled_pair
from cvrl_lite.pretrained import Pretrained

KS = (1, 5, 10, 20, 50)
_BLOCK = 1 << 25  # numbers of the gallery at a time: 128 MiB
_PAIRS = 1 << 22  # cosines at a time
_ROUND = 1e6  # cosines that agree to six digits are equally near, in whatever block they were computed
_INDEX = (1 << 32) - 1


def nearest(
    features: NDArray[np.float32], gallery_features: NDArray[np.float32], count: int
) -> NDArray[np.int64]:
    """The nearest vectors of a gallery, by cosine.

    The gallery is read block by block, so it may be a memory-mapped file larger than memory: a million
    vectors of 2048 numbers need less than 1 GB.

    Args:
        features: (N, D) float.
        gallery_features: (M, D) float, in memory or mapped.
        count: Neighbors per query, at least 1.

    Returns:
        (N, count) int64 indices, nearest first; ties (to 1e-6) are in the order of the gallery.

    Raises:
        ValueError: The gallery holds fewer, or a vector is not finite.

    Example:
        >>> gallery = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], np.float32)
        >>> nearest(np.array([[0.1, 5.0]], np.float32), gallery, 2).tolist()
        [[1, 2]]
    """
    if count < 1:
        raise ValueError(f"count is 1 or more, got {count}")
    if count > len(gallery_features):
        raise ValueError(
            f"the {count} nearest need a gallery of as many vectors, not {len(gallery_features)}"
        )
    queries = _unit(features, "queries")
    rows = max(count, _BLOCK // max(1, features.shape[1]))
    best = np.zeros((len(queries), 0), np.int64)
    for first in range(0, len(gallery_features), rows):
        block = _unit(np.asarray(gallery_features[first : first + rows], np.float32), "gallery", first)
        places = _INDEX - (first + np.arange(len(block)))
        part = max(1, _PAIRS // len(block))
        found = []
        for start in range(0, len(queries), part):
            cosines = queries[start : start + part] @ block.T
            # An integer key that increases with the cosine and, for equal cosines, decreases with the index.
            ranks = np.rint(cosines * _ROUND).astype(np.int64) << 32 | places
            found.append(_largest(np.concatenate([best[start : start + part], ranks], 1), count))
        best = np.concatenate(found)
    return _INDEX - (best & _INDEX)


def _largest(ranks: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """The `count` largest of each row, largest first (all of a shorter one)."""
    if ranks.shape[1] > count:
        ranks = np.partition(ranks, -count, axis=1)[:, -count:]
    return np.sort(ranks, axis=1)[:, ::-1]


def _unit(rows: NDArray[np.float32], name: str, first: int = 0) -> NDArray[np.float32]:
    """Rows scaled to length 1; `name` and the number of the first row are for the error message."""
    rows = np.asarray(rows, np.promote_types(rows.dtype, np.float32))  # squares of float16 overflow
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if not np.isfinite(lengths).all():
        raise ValueError(f"{name}: row {first + int(np.isfinite(lengths).argmin())} is not finite")
    unit: NDArray[np.float32] = rows / np.maximum(lengths, 1e-12)
    return unit


def hits(
    gallery: Judged,
    queries: Judged,
    label: str | None = None,
    *,
    model: Pretrained | None = None,
    part: str | None = None,
    ks: Sequence[int] = KS,
) -> NDArray[np.bool_]:
    """Which queries have a video of their own label among the k nearest, for `confidence_interval`.

    Args:
        gallery: M rows to search, as in `retrieval`.
        queries: N rows to search for.
        label: Which of a table's labels.
        model: Embeds data.
        part: Which part of the features.
        ks: Each between 1 and M.

    Returns:
        (N, number of ks) bool.

    Raises:
        ValueError: As in `retrieval`.
        TypeError: Data are given without a model.

    Example:
        >>> import numpy as np
        >>> x = np.eye(3, dtype=np.float32)
        >>> hits((x, np.array([0, 1, 0])), (x, np.arange(3)), ks=(1, 3)).tolist()
        [[True, True], [True, True], [False, False]]
    """
    x, y = labeled_pair(gallery, queries, label, model=model, part=part)
    if not len(ks) or min(ks) < 1:
        raise ValueError(f"each of ks is 1 or more, got {tuple(ks)}")
    order = nearest(y.features, x.features, max(ks))
    same = x.labels[order] == y.labels[:, None]
    return np.stack([same[:, :k].any(1) for k in ks], 1)


def retrieval(
    gallery: Judged,
    queries: Judged,
    label: str | None = None,
    *,
    model: Pretrained | None = None,
    part: str | None = None,
    ks: Sequence[int] = KS,
) -> dict[str, float]:
    """R@k: the share of queries with a video of their own label among the k nearest of the gallery.

    Args:
        gallery: What is searched: a table, whose clips are averaged by file; a pair (features (M, D),
            labels (M,)), whose features may be mapped from a file, see `nearest`; or data for `model`.
        queries: N rows to search for, in any of these forms.
        label: Which of a table's labels; may be left out if there is one. Arrays bring their own.
        model: Embeds data, such as a folder with a sub-folder for each class.
        part: "context", "motion", or None for the whole features.
        ks: Each between 1 and M.

    Returns:
        For each k the share, 0..1, under the name `"R@k"`. Similarity is the cosine; of equals the first
        counts.

    Raises:
        ValueError: There is no query, the label or part does not exist, the number of labels differs from
            that of vectors, a k is out of range, a vector is not finite, or the tables number their classes
            differently.
        TypeError: Data are given without a model.

    Example:
        >>> import numpy as np
        >>> from cvrl_lite import Embeddings
        >>> x = np.eye(3, dtype=np.float32)
        >>> retrieval((x, np.array([0, 1, 0])), (x, np.arange(3)), ks=(1, 3))
        {'R@1': 0.6666666666666666, 'R@3': 0.6666666666666666}
        >>> parts = {"context": slice(0, 2), "motion": slice(2, 4)}
        >>> table = Embeddings.from_arrays(np.eye(4), {"way": np.array([0, 0, 1, 1])}, parts=parts)
        >>> retrieval(table, table, "way", part="context", ks=(1,))
        {'R@1': 0.5}
    """
    found = hits(gallery, queries, label, model=model, part=part, ks=ks)
    return {f"R@{k}": float(share) for k, share in zip(ks, found.mean(0), strict=True)}
