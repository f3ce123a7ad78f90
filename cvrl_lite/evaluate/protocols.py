"""Every frozen protocol on two tables of features: retrieval, linear probe, few labels.

Axes: N queries, M rows of the gallery.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cvrl_lite.evaluate.intervals import confidence_interval
from cvrl_lite.evaluate.probe import PENALTIES, probe_hits, sample_per_class
from cvrl_lite.evaluate.search import KS, hits
from cvrl_lite.pretrained import Embeddings

PROTOCOLS = ("retrieval", "linear", "few_labels")
PER_CLASS = (1, 2, 5, 10)
"""Labeled examples of each class in `few_labels`."""
_DRAWS = 5  # of labeled examples; few_labels is the mean over them


@dataclass(frozen=True)
class Score:
    """A share of the queries that are right.

    Attributes:
        share: 0..1.
        interval: Of 95 %, by source; see `confidence_interval`.
        chance: What guessing scores: a random row for retrieval, the gallery's commonest class for a probe.
    """

    share: float
    interval: tuple[float, float]
    chance: float


def measure(
    gallery: Embeddings,
    queries: Embeddings,
    label: str,
    *,
    part: str | None = None,
    protocols: Sequence[str] = PROTOCOLS,
) -> dict[str, Score]:
    """Scores of one label, by one part of the features or all of them.

    Args:
        gallery: M rows, what is searched, or trained on.
        queries: N rows, what is judged. No source should be on both sides.
        label: Which of the tables' labels; both number its classes alike, see `shared_labels`.
        part: "context", "motion", or None for the whole features.
        protocols: Some of `PROTOCOLS`.

    Returns:
        "R@1", "R@5" and so on, up to the size of the gallery; "linear", with a penalty chosen on the
        gallery; "1 label a class" and so on, the mean over five draws of the gallery, for as many labels as
        the largest class has more. Probes are left out where the gallery shows a single class.

    Raises:
        ValueError: A table is empty, lacks the label or the part, or holds a number that is not finite; or
            there is no such protocol.

    Example:
        >>> table = Embeddings.from_arrays(np.eye(4), {"way": np.array([0, 0, 1, 1])})
        >>> measure(table, table, "way", protocols=["retrieval"])["R@1"].share
        1.0
    """
    if unknown := set(protocols) - set(PROTOCOLS):
        raise ValueError(f"protocols are some of {', '.join(PROTOCOLS)}; got {', '.join(sorted(unknown))}")
    x, y = gallery.part(part).features, gallery.labels[label]
    queries_x, queries_y = queries.part(part).features, queries.labels[label]
    sources = queries.sources

    def score(found: NDArray[np.bool_], chance: float, draws: int = 1) -> Score:
        interval = confidence_interval(found, np.tile(sources, draws))
        return Score(float(found.mean()), interval, chance)

    scores: dict[str, Score] = {}
    if "retrieval" in protocols:
        ks = [k for k in KS if k <= len(y)]
        found = hits(queries_x, queries_y, x, y, ks)
        for k, column in zip(ks, found.T, strict=True):
            scores[f"R@{k}"] = score(column, retrieval_chance(y, queries_y, k))
    counts = np.bincount(y)
    if (counts > 0).sum() < 2:
        return scores
    commonest = commonest_chance(y, queries_y)
    if "linear" in protocols:
        found = probe_hits(x, y, queries_x, queries_y, penalty=PENALTIES)
        scores["linear"] = score(found, commonest)
    if "few_labels" in protocols:
        for few in (few for few in PER_CLASS if few < counts.max()):
            drawn = [sample_per_class(y, few, seed) for seed in range(_DRAWS)]
            found = np.concatenate([probe_hits(x[rows], y[rows], queries_x, queries_y) for rows in drawn])
            scores[f"{few} label{'s' if few > 1 else ''} a class"] = score(found, commonest, _DRAWS)
    return scores


def retrieval_chance(labels: NDArray[np.int64], query_labels: NDArray[np.int64], k: int) -> float:
    """What k rows of the gallery that are drawn at random score: at least one of the query's class.

    Args:
        labels: (M,) of the gallery.
        query_labels: (N,).
        k: 1 to M.

    Example:
        >>> retrieval_chance(np.array([0, 0, 1, 1]), np.array([0, 1]), 1)
        0.5
    """
    total = len(labels)
    missed = {
        number: math.comb(total - int((labels == number).sum()), k) / math.comb(total, k)
        for number in np.unique(query_labels).tolist()
    }
    return float(np.mean([1 - missed[number] for number in query_labels.tolist()]))


def commonest_chance(labels: NDArray[np.int64], query_labels: NDArray[np.int64]) -> float:
    """What always naming the commonest of the labels (M,) scores on the queries' (N,)."""
    return float((query_labels == np.bincount(labels).argmax()).mean())
