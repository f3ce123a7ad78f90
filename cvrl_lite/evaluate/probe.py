"""What a straight line can read from frozen features.

Axes: N videos to train on, M to test on, D features.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cvrl_lite.evaluate.search import check_labels

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

PENALTIES = (0.001, 0.01, 0.1, 1.0, 10.0)
"""A sweep for `linear_probe`."""

_HELD_OUT = 5  # one video in so many is kept to choose the penalty by


def linear_probe(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    test_features: NDArray[np.float32],
    test_labels: NDArray[np.int64],
    *,
    penalty: float | Sequence[float] = 1.0,
    seed: int = 0,
) -> float:
    """Accuracy of a logistic regression on frozen features, trained on one split, tested on another.

    Args:
        features: (N, D) float, training; each feature is standardized by its mean and deviation here.
        labels: (N,) integers.
        test_features: (M, D) float.
        test_labels: (M,) integers.
        penalty: scikit-learn's C, the inverse strength of the L2 penalty. Of several, such as `PENALTIES`,
            the one is taken that does best on a fifth of the *training* videos after training on the others
            (of equals the smallest); then all of them are trained on. The test split has no say.
        seed: Of the choice of that fifth.

    Returns:
        Accuracy, 0..1.

    Raises:
        ValueError: As in `probe_hits`.
    """
    found = probe_hits(features, labels, test_features, test_labels, penalty=penalty, seed=seed)
    return float(found.mean())


def probe_hits(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    test_features: NDArray[np.float32],
    test_labels: NDArray[np.int64],
    *,
    penalty: float | Sequence[float] = 1.0,
    seed: int = 0,
) -> NDArray[np.bool_]:
    """Whether each test video's class is named, for `confidence_interval`; `linear_probe` is their mean.

    Args:
        features: (N, D) float, training.
        labels: (N,) integers.
        test_features: (M, D) float.
        test_labels: (M,) integers.
        penalty: As in `linear_probe`.
        seed: As in `linear_probe`.

    Returns:
        (M,) bool.

    Raises:
        ValueError: A split is empty or has not one label a video, a feature is not finite, or all training
            videos are of one class.
    """
    for part, known, name in ((features, labels, "training"), (test_features, test_labels, "test")):
        check_labels(part, known, name)
        if not (finite := np.isfinite(part).all(1)).all():
            raise ValueError(f"{name}: row {int(finite.argmin())} is not finite")
    if len(np.unique(labels)) < 2:
        raise ValueError("a linear probe needs training videos of two classes or more")
    penalties = np.atleast_1d(penalty).tolist()
    strength = penalties[0] if len(penalties) == 1 else choose_penalty(features, labels, penalties, seed)
    named = _probe(strength).fit(features, labels).predict(test_features)
    return np.asarray(named == test_labels)


def choose_penalty(
    features: NDArray[np.float32], labels: NDArray[np.int64], penalties: Sequence[float], seed: int = 0
) -> float:
    """The penalty that does best on a held-out part of the training videos.

    Args:
        features: (N, D) float.
        labels: (N,) integers. Classes of a single video are trained on and not held out.
        penalties: To choose from.
        seed: Of the part.
    """
    held = np.zeros(len(labels), bool)
    random = np.random.default_rng(seed)
    for label in np.unique(labels):
        mine = random.permutation(np.flatnonzero(labels == label))
        held[mine[: max(len(mine) // _HELD_OUT, int(len(mine) > 1))]] = True
    if not held.any():
        return min(penalties)
    scores = [
        (_probe(c).fit(features[~held], labels[~held]).score(features[held], labels[held]), -c)
        for c in penalties
    ]
    return -max(scores)[1]


def few_labels(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    test_features: NDArray[np.float32],
    test_labels: NDArray[np.int64],
    *,
    per_class: int,
    penalty: float | Sequence[float] = 1.0,
    seed: int = 0,
) -> float:
    """`linear_probe` with a few labeled videos of each class.

    Args:
        features: (N, D) float, training.
        labels: (N,) integers.
        test_features: (M, D) float.
        test_labels: (M,) integers.
        per_class: How many of each class, at least 1; all of a class that has fewer.
        penalty: As in `linear_probe`.
        seed: Which ones.

    Returns:
        Accuracy, 0..1. It depends much on which videos were drawn: ask several seeds.

    Raises:
        ValueError: As in `sample_per_class` and `probe_hits`.
    """
    rows = sample_per_class(labels, per_class, seed)
    return linear_probe(features[rows], labels[rows], test_features, test_labels, penalty=penalty, seed=seed)


def sample_per_class(labels: NDArray[np.int64], per_class: int, seed: int) -> NDArray[np.int64]:
    """Sorted indices of `per_class` rows of each label, drawn at random; ValueError below 1."""
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
