"""All metrics for all labels."""

from __future__ import annotations

import warnings

import numpy as np

from cvrl_lite.datasets import DecodedSet
from cvrl_lite.evaluate.inputs import as_table, check_networks, shared_labels
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
        gallery: The training split: its features, or data for `model` to embed.
        queries: The split to report on, in the same form.
        model: The network to judge, if data are given.
        part: "context", "motion", or None for the whole features.

    Returns:
        For each of the `shared_labels` its scores by name, `"R@1"`, `"R@5"`, ..., `"linear"`, 0..1, with
        one row per file. If the gallery has a single class, `linear` is left out with a warning. The probe
        uses the default penalty of `linear_probe`, C = 1.

    Raises:
        ValueError: As in `shared_labels` and `Embeddings.part`, or a feature is not finite.
        TypeError: Data are given without a model.

    Example:
        >>> table = Embeddings.from_arrays(np.eye(4), {"way": np.array([0, 0, 1, 1])})
        >>> scores(table, table)["way"]["R@1"]
        1.0
    """
    tables = [as_table(data, model, name) for data, name in ((gallery, "gallery"), (queries, "queries"))]
    check_networks(tables)
    x, y = (table.by_file().part(part) for table in tables)
    ks = [k for k in KS if k <= len(x)]
    result = {}
    for name in shared_labels(x, y):
        result[name] = retrieval(x, y, name, ks=ks)
        if len(np.unique(x.labels[name])) > 1:
            result[name]["linear"] = linear_probe(x, y, name)
        else:
            warnings.warn(f"{name}: no linear probe: the gallery shows one class alone", stacklevel=2)
    return result


def chance(gallery: DecodedSet) -> dict[str, dict[str, float]]:
    """Chance level of each label: one over the number of classes.

    Example:
        >>> chance(DecodedSet((), (), {"scene": ("bricks", "dots"), "action": tuple("abcde")}))["action"]
        {'R@1': 0.2, 'linear': 0.2}
    """
    return {
        name: {"R@1": 1 / len(names), "linear": 1 / len(names)} for name, names in gallery.classes.items()
    }
