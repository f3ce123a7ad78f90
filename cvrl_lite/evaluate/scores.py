"""Every measure by every label."""

from __future__ import annotations

import warnings
from typing import Literal

import numpy as np

from cvrl_lite.datasets import ClipSampling, DecodedSet, VideoDataset
from cvrl_lite.evaluate.features import features
from cvrl_lite.evaluate.probe import linear_probe
from cvrl_lite.evaluate.search import KS, retrieval
from cvrl_lite.models import VideoBackbone


def scores(
    backbone: VideoBackbone,
    gallery: DecodedSet,
    queries: DecodedSet,
    sampling: ClipSampling,
    *,
    size: int = 64,
    clips: int = 3,
    normalize: Literal["plain", "imagenet"] = "plain",
) -> dict[str, dict[str, float]]:
    """Retrieval and linear probe by every label, from features computed once.

    Args:
        backbone: What to judge.
        gallery: The training split.
        queries: The split to report on.
        sampling: Frames and step of a clip.
        size: Side of the pictures in pixels.
        clips: Clips a video.
        normalize: Which mean and deviation pixels get, as in the training's augmentation.

    Returns:
        `{label: {"R@1": ..., "R@5": ..., ..., "linear": ...}}`, in 0..1, by the `shared_labels`; without
        `linear`, and with a warning, where the gallery shows one class alone. The probe's penalty is
        `linear_probe`'s default, C = 1; `cvrl-lite evaluate --protocol linear` chooses it.

    Raises:
        ValueError: As in `shared_labels`, or a feature is not finite.
    """
    labels = shared_labels(gallery, queries)
    known, asked = (
        features(backbone, data, sampling, size=size, clips=clips, normalize=normalize)
        for data in (gallery, queries)
    )
    ks = [k for k in KS if k <= len(known)]
    result = {}
    for name in labels:
        given, wanted = gallery.labels(name), queries.labels(name)
        result[name] = retrieval(asked, wanted, known, given, ks)
        if len(np.unique(given)) > 1:
            result[name]["linear"] = linear_probe(known, given, asked, wanted)
        else:
            warnings.warn(f"{name}: no linear probe: the gallery shows one class alone", stacklevel=2)
    return result


def shared_labels(
    gallery: VideoDataset | DecodedSet, queries: VideoDataset | DecodedSet, label: str | None = None
) -> tuple[str, ...]:
    """The labels that the queries can be judged by: those that the gallery has, too. Others are warned of.

    Args:
        gallery: What is searched, or trained on.
        queries: What is judged.
        label: The one that is wanted; None: all of them.

    Raises:
        ValueError: They do not share the label, or none; or a label's classes are not the same ones in the
            same order, so that one number would mean two things.

    Example:
        >>> shared_labels(VideoDataset((), {"place": ("beach",)}), VideoDataset((), {"place": ("beach",)}))
        ('place',)
    """
    both = [name for name in gallery.classes if name in queries.classes]
    if not both:
        raise ValueError("gallery and queries share no label to judge by")
    if label not in (None, *both):
        raise ValueError(f"label is one of {', '.join(both)}; got {label}")
    if label is None:
        for name in sorted(gallery.classes.keys() ^ queries.classes.keys()):
            who = "gallery" if name in gallery.classes else "queries"
            warnings.warn(f"{name}: not judged: a label of the {who} alone", stacklevel=3)
    wanted = tuple(both) if label is None else (label,)
    for name in wanted:
        known, asked = gallery.classes[name], queries.classes[name]
        if known != asked:
            sides = ("gallery", set(known) - set(asked)), ("queries", set(asked) - set(known))
            alone = [
                f"{len(names)} in the {who} alone: {', '.join(sorted(names)[:5])}"
                for who, names in sides
                if names
            ]
            how = "; ".join(alone) or "in another order"
            raise ValueError(f"label {name}: gallery and queries number their classes differently ({how})")
    return wanted


def chance(gallery: DecodedSet) -> dict[str, dict[str, float]]:
    """What guessing scores, by each label: one over the number of classes."""
    return {
        name: {"R@1": 1 / len(names), "linear": 1 / len(names)} for name, names in gallery.classes.items()
    }
