"""The logs of trainings too long for a notebook: experiments/*.jsonl, one line for each run.

Axes: S seeds.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

import cvrl_lite


def runs(name: str, **values: object) -> list[dict[str, Any]]:
    """Runs of a log, in the order of their seeds.

    Args:
        name: Of a file in experiments/, without its ending.
        **values: What a line has to say of a run, such as `model="joint"`.

    Example:
        >>> [run["seed"] for run in runs("joint", model="context")]
        [0, 1, 2]
    """
    file = cvrl_lite.data_path("README.md").parents[1] / "experiments" / f"{name}.jsonl"
    found = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    chosen = [run for run in found if values.items() <= run.items()]
    return sorted(chosen, key=lambda run: run["seed"])


def scores(name: str, model: str, *keys: str) -> np.ndarray:
    """What the runs of a model score, by seed.

    Args:
        name: Of a file in experiments/, without its ending.
        model: Of the runs.
        *keys: The way to one score, such as `"action", "R@1"`.

    Returns:
        (S,) shares, 0..1.

    Raises:
        ValueError: The log has no run of that model.

    Example:
        >>> scores("joint", "context", "scene", "R@1").round(2).tolist()
        [0.88, 0.91, 0.86]
    """
    found = []
    for run in runs(name, model=model):
        value = run["scores"]
        for key in keys:
            value = value[key]
        found.append(value)
    if not found:
        raise ValueError(f"experiments/{name}.jsonl has no run of {model!r}")
    return np.array(found)
