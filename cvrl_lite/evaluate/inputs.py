"""The inputs of a protocol: features with labels, in any of several forms.

Axes: N rows, D features.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cvrl_lite.datasets import DecodedSet, VideoDataset
from cvrl_lite.pretrained import Data, Embeddings, Pretrained

Arrays = tuple[NDArray[Any], NDArray[Any]]
"""Features (N, D) and integer labels (N,)."""

Judged = Embeddings | Arrays | Data
"""One side of a protocol: a table, a pair (features, labels), or data for `model=` to embed."""


@dataclass(frozen=True)
class Labeled:
    """One side of a protocol, as arrays.

    Attributes:
        features: (N, D) float.
        labels: (N,) integers.
        sources: (N,); rows with the same source are not independent.
    """

    features: NDArray[Any]
    labels: NDArray[Any]
    sources: NDArray[Any]


def as_table(data: Embeddings | Data, model: Pretrained | None, name: str) -> Embeddings:
    """The table itself, or the table that the model makes of data.

    Raises:
        TypeError: The input is not a table, and there is no model to embed it.
    """
    if isinstance(data, Embeddings):
        return data
    if model is None:
        raise TypeError(
            f"{name}: an Embeddings table or a pair (features, labels) is expected, or model=, which embeds "
            f"what is given; got {type(data).__name__} alone"
        )
    return model.embed(data)


def labeled_pair(
    first: Judged,
    second: Judged,
    label: str | None,
    *,
    model: Pretrained | None,
    part: str | None,
    names: tuple[str, str] = ("gallery", "queries"),
) -> tuple[Labeled, Labeled]:
    """Both sides of a protocol: one row per file, one part of the features, one label.

    Args:
        first: The gallery, or the training split.
        second: The queries, or the test split.
        label: Which of a table's labels; None: the only one. Arrays bring their own.
        model: Embeds data.
        part: "context", "motion", or None for the whole features; arrays have none.
        names: Names of the two sides in error messages.

    Raises:
        TypeError: Data are given without a model.
        ValueError: Features and labels do not fit each other, the label or part does not exist, or the tables
            number their classes differently or come from different networks.
    """
    sides = [
        data if isinstance(data, tuple) else as_table(data, model, name)
        for data, name in zip((first, second), names, strict=True)
    ]
    tables = [side for side in sides if isinstance(side, Embeddings)]
    if label is not None and not tables:
        raise ValueError(f"label {label!r}: arrays bring their labels; only a table's are chosen by name")
    if tables:
        label = _label_of(tables, label)
    x, y = (_labeled(side, label, part, name) for side, name in zip(sides, names, strict=True))
    return x, y


def _label_of(tables: list[Embeddings], label: str | None) -> str:
    """The name of the label that all tables are evaluated on."""
    check_networks(tables)
    labels = list(tables[0].classes)
    if label is None:
        if len(tables) == 2:
            labels = [name for name in labels if name in tables[1].classes]
        if len(labels) != 1:
            raise ValueError(f"label is one of {', '.join(labels)}; choose one" if labels else "no label")
        (label,) = labels
    for table in tables:
        if label not in table.classes:
            raise ValueError(f"label is one of {', '.join(table.classes) or '(none)'}; got {label}")
    if len(tables) == 2:
        shared_labels(tables[0], tables[1], label)
    return label


def check_networks(tables: list[Embeddings]) -> None:
    """Raises ValueError if tables come from networks that are known to differ."""
    if len({table.network for table in tables if table.network}) > 1:
        raise ValueError("the tables come from different networks: their features cannot be compared")


def _labeled(side: Embeddings | Arrays, label: str | None, part: str | None, name: str) -> Labeled:
    if isinstance(side, Embeddings):
        assert label is not None  # found by _label_of
        table = side.by_file().part(part)
        return Labeled(table.features, table.labels[label], table.sources)
    if len(side) != 2:
        raise ValueError(f"{name}: a pair (features, labels) is expected, not {len(side)} values")
    if part is not None:
        raise ValueError(f"{name}: arrays have no {part!r} part; give an Embeddings table, or its columns")
    features, labels = side
    check_labels(features, labels, name)
    return Labeled(features, np.asarray(labels), np.arange(len(features)))


def check_labels(features: Any, labels: Any, name: str) -> None:
    """Raises ValueError if there are no features (N, D), or not one label each."""
    if getattr(features, "ndim", None) != 2:
        shape = getattr(features, "shape", None)
        got = type(features).__name__ if shape is None else f"the shape {tuple(shape)}"
        raise ValueError(
            f"{name}: features (N, D) are expected, such as Pretrained.embed(...).features, not {got}"
        )
    if not len(features):
        raise ValueError(f"{name}: there is no vector")
    if np.shape(labels) != (len(features),):
        raise ValueError(f"{name}: {len(features)} vectors, and labels of the shape {np.shape(labels)}")


def shared_labels(
    gallery: VideoDataset | DecodedSet | Embeddings,
    queries: VideoDataset | DecodedSet | Embeddings,
    label: str | None = None,
) -> tuple[str, ...]:
    """The labels that gallery and queries share; warns of the others.

    Args:
        gallery: The table to search, or to train on.
        queries: The table to evaluate.
        label: A single label to check; None for all.

    Raises:
        ValueError: They do not share the label, or share no label; or a label's classes differ in content or
            order, so that one number would mean two classes.

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
            side = "gallery" if name in gallery.classes else "queries"
            warnings.warn(f"{name}: not judged: a label of the {side} alone", stacklevel=3)
    names = tuple(both) if label is None else (label,)
    for name in names:
        classes, query_classes = gallery.classes[name], queries.classes[name]
        if classes != query_classes:
            sides = (
                ("gallery", set(classes) - set(query_classes)),
                ("queries", set(query_classes) - set(classes)),
            )
            alone = [
                f"{len(only)} in the {side} alone: {', '.join(sorted(only)[:5])}"
                for side, only in sides
                if only
            ]
            how = "; ".join(alone) or "in another order"
            raise ValueError(f"label {name}: gallery and queries number their classes differently ({how})")
    return names
