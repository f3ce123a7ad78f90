"""Linear probes of frozen features.

Axes: N videos to train on, M to test on, D features.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cvrl_lite.evaluate.inputs import Judged, Labeled, labeled_pair
from cvrl_lite.pretrained import Pretrained

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

PENALTIES = (0.001, 0.01, 0.1, 1.0, 10.0)
"""A sweep for `linear_probe`."""

_SIDES = ("training", "test")
_HELD_OUT = 5  # one video in this many is held out to choose the penalty


def linear_probe(
    train: Judged,
    test: Judged,
    label: str | None = None,
    *,
    model: Pretrained | None = None,
    part: str | None = None,
    penalty: float | Sequence[float] = 1.0,
    seed: int = 0,
) -> float:
    """Accuracy of a logistic regression on frozen features, trained on one split, tested on another.

    Args:
        train: N rows to train on: a table, whose clips are averaged by file; a pair (features (N, D),
            labels (N,)); or data for `model`. Each feature is standardized by its mean and deviation here.
        test: M rows to test on, in any of these forms.
        label: Which of a table's labels; may be left out if there is one. Arrays bring their own.
        model: Embeds data, such as a folder with a sub-folder for each class.
        part: "context", "motion", or None for the whole features.
        penalty: scikit-learn's C, the inverse strength of the L2 penalty. If several are passed, such as
            `PENALTIES`, the best one on a held-out fifth of the *training* videos is chosen (the smallest on
            ties) and the probe is refitted on all of them. The test split is not used for this.
        seed: Seeds the choice of that fifth.

    Returns:
        Accuracy, 0..1.

    Raises:
        ValueError: As in `probe_hits`.
        TypeError: Data are given without a model.

    Example:
        >>> from cvrl_lite import Embeddings
        >>> x, y = np.eye(4), np.array([0, 0, 1, 1])
        >>> linear_probe((x, y), (x, y))
        1.0
        >>> parts = {"context": slice(0, 2), "motion": slice(2, 4)}
        >>> table = Embeddings.from_arrays(x, {"way": y}, parts=parts)
        >>> linear_probe(table, table, "way", part="context")
        1.0
    """
    found = probe_hits(train, test, label, model=model, part=part, penalty=penalty, seed=seed)
    return float(found.mean())


def probe_hits(
    train: Judged,
    test: Judged,
    label: str | None = None,
    *,
    model: Pretrained | None = None,
    part: str | None = None,
    penalty: float | Sequence[float] = 1.0,
    seed: int = 0,
) -> NDArray[np.bool_]:
    """Whether each test video is classified correctly, for `confidence_interval`; see `linear_probe`.

    Args:
        train: As in `linear_probe`, like the parameters below.
        test: M rows.
        label: Which of a table's labels.
        model: Embeds data.
        part: Which part of the features.
        penalty: Of the regression.
        seed: Of the choice of the penalty.

    Returns:
        (M,) bool.

    Raises:
        ValueError: A split is empty or lacks labels, the label or part does not exist, a feature is not
            finite, or all training videos are of one class.
        TypeError: Data are given without a model.

    Example:
        >>> train = (np.eye(2), np.array([0, 1]))
        >>> test = (np.array([[0.9, 0.1], [0.2, 0.8], [0.1, 0.9]]), np.array([0, 1, 0]))
        >>> probe_hits(train, test).tolist()
        [True, True, False]
    """
    x, y = labeled_pair(train, test, label, model=model, part=part, names=_SIDES)
    return _hits(x, y, penalty, seed)


def _hits(x: Labeled, y: Labeled, penalty: float | Sequence[float], seed: int) -> NDArray[np.bool_]:
    for side, name in zip((x, y), _SIDES, strict=True):
        if not (finite := np.isfinite(side.features).all(1)).all():
            raise ValueError(f"{name}: row {int(finite.argmin())} is not finite")
    if len(np.unique(x.labels)) < 2:
        raise ValueError("a linear probe needs training videos of two classes or more")
    penalties = np.atleast_1d(penalty).tolist()
    strength = penalties[0]
    if len(penalties) > 1:
        strength = choose_penalty(x.features, x.labels, penalties, seed)
    predicted = _probe(strength).fit(x.features, x.labels).predict(y.features)
    return np.asarray(predicted == y.labels)


def choose_penalty(
    features: NDArray[np.float32], labels: NDArray[np.int64], penalties: Sequence[float], seed: int = 0
) -> float:
    """The penalty with the best accuracy on a held-out part of the training videos.

    Args:
        features: (N, D) float.
        labels: (N,) integers. Classes with a single video are never held out.
        penalties: The candidates.
        seed: Seeds the choice of the held-out part.

    Example:
        >>> x, y = np.eye(2)[[0, 0, 0, 1, 1, 1]], np.array([0, 0, 0, 1, 1, 1])
        >>> choose_penalty(x, y, (0.1, 1.0))  # of equally good ones the smallest
        0.1
    """
    held = np.zeros(len(labels), bool)
    random = np.random.default_rng(seed)
    for label in np.unique(labels):
        rows = random.permutation(np.flatnonzero(labels == label))
        held[rows[: max(len(rows) // _HELD_OUT, int(len(rows) > 1))]] = True
    if not held.any():
        return min(penalties)
    scores = [
        (_probe(c).fit(features[~held], labels[~held]).score(features[held], labels[held]), -c)
        for c in penalties
    ]
    return -max(scores)[1]


def few_labels(
    train: Judged,
    test: Judged,
    label: str | None = None,
    *,
    model: Pretrained | None = None,
    part: str | None = None,
    per_class: int,
    penalty: float | Sequence[float] = 1.0,
    seed: int = 0,
) -> float:
    """`linear_probe` with a few labeled videos of each class.

    Args:
        train: As in `linear_probe`; a few of its rows are used.
        test: As in `linear_probe`.
        label: Which of a table's labels.
        model: Embeds data.
        part: Which part of the features.
        per_class: Labeled videos per class, at least 1; a class with fewer uses all it has.
        penalty: As in `linear_probe`.
        seed: Seeds the choice of videos.

    Returns:
        Accuracy, 0..1. It varies with the videos drawn, so average over several seeds.

    Raises:
        ValueError: As in `sample_per_class` and `probe_hits`.
        TypeError: Data are given without a model.

    Example:
        >>> x, y = np.eye(2)[[0, 0, 1, 1]], np.array([0, 0, 1, 1])
        >>> few_labels((x, y), (x, y), per_class=1)
        1.0
    """
    x, y = labeled_pair(train, test, label, model=model, part=part, names=_SIDES)
    rows = sample_per_class(x.labels, per_class, seed)
    few = Labeled(x.features[rows], x.labels[rows], x.sources[rows])
    return float(_hits(few, y, penalty, seed).mean())


def sample_per_class(labels: NDArray[np.int64], per_class: int, seed: int) -> NDArray[np.int64]:
    """Sorted indices of `per_class` rows of each label, drawn at random; ValueError below 1.

    Example:
        >>> rows = sample_per_class(np.array([0, 0, 0, 1, 1, 1]), per_class=2, seed=0)
        >>> len(rows), (rows < 3).sum().item()
        (4, 2)
    """
    if per_class < 1:
        raise ValueError(f"per_class is 1 or more, got {per_class}")
    random = np.random.default_rng(seed)
    rows = [random.permutation(np.flatnonzero(labels == label))[:per_class] for label in np.unique(labels)]
    return np.sort(np.concatenate(rows))


def _probe(penalty: float) -> Pipeline:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=penalty, max_iter=1000))
