"""What was learned: features, retrieval and a linear probe.

Axes: N clips, D features, K classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cvrl_lite.augment import plain
from cvrl_lite.datasets import DecodedSet, Sampling, evaluation_clips
from cvrl_lite.models import VideoBackbone

_CHUNK = 512  # queries compared at a time, so that a large gallery needs no full matrix


@torch.no_grad()
def features(
    backbone: VideoBackbone,
    data: DecodedSet,
    sampling: Sampling,
    *,
    size: int = 64,
    clips: int = 3,
    normalise: Literal["plain", "imagenet"] = "plain",
) -> NDArray[np.float32]:
    """One vector a video: the mean over `clips` clips spread evenly over it.

    Args:
        backbone: It is put into evaluation mode.
        data: A decoded set of N videos.
        sampling: Frames and step of a clip.
        size: Side of the pictures in pixels.
        clips: Clips a video.
        normalise: Which mean and deviation pixels get, as in the training's augmentation.

    Returns:
        (N, D) float32.
    """
    backbone.eval()
    device = next(backbone.parameters()).device
    rows: list[Tensor] = []
    for start in range(0, len(data.videos), 32):
        videos = data.videos[start : start + 32]
        stacked = np.concatenate([evaluation_clips(video, sampling, clips) for video in videos])
        pooled = backbone.features(plain(torch.from_numpy(stacked).to(device), size, normalise))
        rows.append(pooled.float().unflatten(0, (-1, clips)).mean(1).cpu())
    return torch.cat(rows).numpy()


def retrieval(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    gallery_features: NDArray[np.float32],
    gallery_labels: NDArray[np.int64],
    ks: Sequence[int] = (1, 5, 10, 20, 50),
) -> dict[str, float]:
    """R@k: the share of queries with a clip of their own label among the k nearest of the gallery.

    Args:
        features: (N, D) float, queries.
        labels: (N,) integers.
        gallery_features: (M, D) float.
        gallery_labels: (M,) integers.
        ks: Each between 1 and M.

    Returns:
        `{"R@1": share, ...}`, shares in 0..1. Similarity is the cosine; of equals the first counts.

    Raises:
        ValueError: A k is larger than the gallery.

    Example:
        >>> import numpy as np
        >>> x = np.eye(3, dtype=np.float32)
        >>> retrieval(x, np.arange(3), x, np.array([0, 1, 0]), ks=(1, 3))
        {'R@1': 0.6666666666666666, 'R@3': 0.6666666666666666}
    """
    if max(ks) > len(gallery_features):
        raise ValueError(
            f"R@{max(ks)} needs a gallery of at least as many clips, not {len(gallery_features)}"
        )
    hits = np.zeros(len(ks))
    for start in range(0, len(features), _CHUNK):
        order = nearest(features[start : start + _CHUNK], gallery_features, max(ks))
        same = gallery_labels[order] == labels[start : start + _CHUNK, None]
        hits += [same[:, :k].any(1).sum() for k in ks]
    return {f"R@{k}": float(hit / len(features)) for k, hit in zip(ks, hits, strict=True)}


def nearest(
    features: NDArray[np.float32], gallery_features: NDArray[np.float32], count: int
) -> NDArray[np.int64]:
    """(N, count) indices of the gallery's nearest vectors by cosine, nearest first, ties in order."""

    def unit(x: NDArray[np.float32]) -> NDArray[np.float32]:
        return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)

    similarity = unit(features) @ unit(gallery_features).T
    return np.argsort(-similarity, axis=1, kind="stable")[:, :count]


def linear_probe(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    test_features: NDArray[np.float32],
    test_labels: NDArray[np.int64],
    *,
    penalty: float = 1.0,
) -> float:
    """Accuracy of a logistic regression on frozen features, trained on one split, tested on another.

    Args:
        features: (N, D) float, training; each feature is standardised by its mean and deviation here.
        labels: (N,) integers.
        test_features: (M, D) float.
        test_labels: (M,) integers.
        penalty: scikit-learn's C, the inverse strength of the L2 penalty.

    Returns:
        Accuracy, 0..1.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    probe = make_pipeline(StandardScaler(), LogisticRegression(C=penalty, max_iter=1000))
    probe.fit(features, labels)
    return float(probe.score(test_features, test_labels))


def scores(
    backbone: VideoBackbone,
    gallery: DecodedSet,
    queries: DecodedSet,
    sampling: Sampling,
    *,
    size: int = 64,
    clips: int = 3,
    normalise: Literal["plain", "imagenet"] = "plain",
) -> dict[str, dict[str, float]]:
    """Every measure by every label, from features computed once.

    Args:
        backbone: What to judge.
        gallery: The training split.
        queries: The split to report on.
        sampling: Frames and step of a clip.
        size: Side of the pictures in pixels.
        clips: Clips a video.
        normalise: Which mean and deviation pixels get, as in the training's augmentation.

    Returns:
        `{label: {"R@1": ..., "R@5": ..., ..., "linear": ...}}`, in 0..1.
    """
    known, asked = (
        features(backbone, data, sampling, size=size, clips=clips, normalise=normalise)
        for data in (gallery, queries)
    )
    ks = [k for k in (1, 5, 10, 20, 50) if k <= len(known)]
    result = {}
    for name in gallery.classes:
        given, wanted = gallery.labels(name), queries.labels(name)
        result[name] = retrieval(asked, wanted, known, given, ks)
        result[name]["linear"] = linear_probe(known, given, asked, wanted)
    return result


def chance(gallery: DecodedSet) -> dict[str, dict[str, float]]:
    """What guessing scores, by each label: one over the number of classes."""
    return {
        name: {"R@1": 1 / len(names), "linear": 1 / len(names)} for name, names in gallery.classes.items()
    }
