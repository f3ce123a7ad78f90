"""Every protocol on frozen features: retrieval, linear probe, few labels.

Axes: N queries, M rows of the gallery.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cvrl_lite.evaluate.inputs import Judged, labeled_pair
from cvrl_lite.evaluate.intervals import confidence_interval
from cvrl_lite.evaluate.probe import PENALTIES, probe_hits, sample_per_class
from cvrl_lite.evaluate.search import KS, hits
from cvrl_lite.pretrained import Pretrained

PROTOCOLS = ("retrieval", "linear", "few_labels")
PER_CLASS = (1, 2, 5, 10)
"""Labeled examples of each class in `few_labels`."""
_DRAWS = 5  # of labeled examples; few_labels is the mean over them


@dataclass(frozen=True)
class Score:
    """The share of correct queries, with its uncertainty.

    Attributes:
        share: 0..1.
        interval: 95 % confidence interval by source; see `confidence_interval`.
        chance: The score of guessing: random rows for retrieval, the gallery's most common class for a probe.

    Example:
        >>> from cvrl_lite import Embeddings
        >>> table = Embeddings.from_arrays(np.eye(4), {"way": np.array([0, 0, 1, 1])})
        >>> score = measure(table, table, "way", protocols=["retrieval"])["R@1"]
        >>> score.share, score.chance, score.interval[0] < score.share
        (1.0, 0.5, True)
    """

    share: float
    interval: tuple[float, float]
    chance: float


def measure(
    gallery: Judged,
    queries: Judged,
    label: str | None = None,
    *,
    model: Pretrained | None = None,
    part: str | None = None,
    protocols: Sequence[str] = PROTOCOLS,
) -> dict[str, Score]:
    """Scores of one label by every protocol, with intervals and chance.

    Args:
        gallery: M rows to search, or to train on, as in `retrieval`.
        queries: N rows to evaluate. No source should be on both sides.
        label: One of the tables' labels; optional if there is only one. Both tables must number its
            classes alike, see `shared_labels`. Arrays come with their labels.
        model: Embeds data.
        part: "context", "motion", or None for the whole features.
        protocols: Some of `PROTOCOLS`.

    Returns:
        "R@1", "R@5" and so on, up to the size of the gallery; "linear", with a penalty chosen on the
        gallery; "1 label a class" and so on, the mean over five draws from the gallery, for numbers of
        labels below the size of the largest class. Probes are left out if the gallery has a single class.

    Raises:
        ValueError: A side is empty, lacks the label or the part, or contains a number that is not finite; or
            a protocol does not exist.
        TypeError: Data are given without a model.

    Example:
        >>> from cvrl_lite import Embeddings
        >>> table = Embeddings.from_arrays(np.eye(4), {"way": np.array([0, 0, 1, 1])})
        >>> measure(table, table, "way", protocols=["retrieval"])["R@1"].share
        1.0
    """
    if unknown := set(protocols) - set(PROTOCOLS):
        raise ValueError(f"protocols are some of {', '.join(PROTOCOLS)}; got {', '.join(sorted(unknown))}")
    x, y = labeled_pair(gallery, queries, label, model=model, part=part)
    train, test = (x.features, x.labels), (y.features, y.labels)

    def score(found: NDArray[np.bool_], chance: float, draws: int = 1) -> Score:
        interval = confidence_interval(found, np.tile(y.sources, draws))
        return Score(float(found.mean()), interval, chance)

    scores: dict[str, Score] = {}
    if "retrieval" in protocols:
        ks = [k for k in KS if k <= len(x.labels)]
        for k, column in zip(ks, hits(train, test, ks=ks).T, strict=True):
            scores[f"R@{k}"] = score(column, retrieval_chance(x.labels, y.labels, k))
    counts = np.bincount(x.labels)
    if (counts > 0).sum() < 2:
        return scores
    commonest = commonest_chance(x.labels, y.labels)
    if "linear" in protocols:
        scores["linear"] = score(probe_hits(train, test, penalty=PENALTIES), commonest)
    if "few_labels" in protocols:
        for few in (few for few in PER_CLASS if few < counts.max()):
            draws = [sample_per_class(x.labels, few, seed) for seed in range(_DRAWS)]
            found = [probe_hits((x.features[rows], x.labels[rows]), test) for rows in draws]
            name = f"{few} label{'s' if few > 1 else ''} a class"
            scores[name] = score(np.concatenate(found), commonest, _DRAWS)
    return scores


def retrieval_chance(labels: NDArray[np.int64], query_labels: NDArray[np.int64], k: int) -> float:
    """The chance level of R@k: k random rows of the gallery include one of the query's class.

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
    """The accuracy of always predicting the most common gallery label (M,) on the query labels (N,).

    Example:
        >>> commonest_chance(np.array([0, 0, 1]), np.array([0, 1, 1, 1]))
        0.25
    """
    return float((query_labels == np.bincount(labels).argmax()).mean())
