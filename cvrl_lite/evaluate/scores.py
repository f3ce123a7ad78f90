"""Every measure by every label."""

from __future__ import annotations

from typing import Literal

from cvrl_lite.datasets import DecodedSet, Sampling
from cvrl_lite.evaluate.features import features
from cvrl_lite.evaluate.probe import linear_probe
from cvrl_lite.evaluate.search import KS, retrieval
from cvrl_lite.models import VideoBackbone


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
    """Retrieval and linear probe by every label, from features computed once.

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
    ks = [k for k in KS if k <= len(known)]
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
