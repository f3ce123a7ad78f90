"""Every measure by every label."""

from __future__ import annotations

import warnings

import numpy as np

from cvrl_lite.datasets import DecodedSet, VideoDataset
from cvrl_lite.evaluate.probe import linear_probe
from cvrl_lite.evaluate.search import KS, retrieval
from cvrl_lite.pretrained import Data, Embeddings, Pretrained


def scores(
    gallery: Embeddings | Data,
    queries: Embeddings | Data,
    *,
    model: Pretrained | None = None,
    part: str | None = None,
) -> dict[str, dict[str, float]]:
    """Retrieval and linear probe by every label.

    Args:
        gallery: The training split: its features, or what `model` is to embed.
        queries: The split to report on, likewise.
        model: The network to judge, where data are given.
        part: "context", "motion", or None for the whole features.

    Returns:
        `{label: {"R@1": ..., "R@5": ..., ..., "linear": ...}}`, 0..1, by the `shared_labels`, a row a file;
        without `linear`, and with a warning, where the gallery shows one class alone. The probe's penalty is
        `linear_probe`'s default, C = 1.

    Raises:
        ValueError: As in `shared_labels` and `Embeddings.part`, or a feature is not finite.
        TypeError: Data are given without a model.

    Example:
        >>> table = Embeddings.from_arrays(np.eye(4), {"way": np.array([0, 0, 1, 1])})
        >>> scores(table, table)["way"]["R@1"]
        1.0
    """
    x, y = (_table(data, model).by_file().part(part) for data in (gallery, queries))
    ks = [k for k in KS if k <= len(x)]
    result = {}
    for name in shared_labels(x, y):
        classes, wanted = x.labels[name], y.labels[name]
        result[name] = retrieval(y.features, wanted, x.features, classes, ks)
        if len(np.unique(classes)) > 1:
            result[name]["linear"] = linear_probe(x.features, classes, y.features, wanted)
        else:
            warnings.warn(f"{name}: no linear probe: the gallery shows one class alone", stacklevel=2)
    return result


def _table(data: Embeddings | Data, model: Pretrained | None) -> Embeddings:
    if isinstance(data, Embeddings):
        return data
    if model is None:
        raise TypeError("data are judged by a model: scores(gallery, queries, model=...)")
    return model.embed(data)


def shared_labels(
    gallery: VideoDataset | DecodedSet | Embeddings,
    queries: VideoDataset | DecodedSet | Embeddings,
    label: str | None = None,
) -> tuple[str, ...]:
    """The labels that the queries can be judged by: those that the gallery has, too. Others are warned of.

    Args:
        gallery: What is searched, or trained on.
        queries: What is judged.
        label: One of them; None: all of them.

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
