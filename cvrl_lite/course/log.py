"""What was measured in advance: logs of trainings (experiments/*.jsonl, one line for each run), and speeds.

Axes: S seeds.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

import cvrl_lite


def _root() -> Path:
    """The folder of the whole course."""
    return cvrl_lite.data_path("README.md").parents[1]


def runs(name: str, **values: object) -> list[dict[str, Any]]:
    """Runs of a log, in the order of their seeds.

    Args:
        name: Of a file in experiments/, without its ending.
        **values: What a line has to say of a run, such as `model="joint"`.

    Example:
        >>> [run["seed"] for run in runs("joint", model="context")]
        [0, 1, 2]
    """
    file = _root() / "experiments" / f"{name}.jsonl"
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
        [0.88, 0.83, 0.91]
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


def measured(row: str) -> list[float]:
    """The numbers in the first row of that name among the tables of docs/benchmarks.md.

    Raises:
        ValueError: No table has such a row.

    Example:
        >>> len(measured("MPEG-4 320x240"))
        5
    """
    for line in (_root() / "docs" / "benchmarks.md").read_text(encoding="utf-8").splitlines():
        if line.startswith(f"| {row} |"):
            return [float(number) for number in re.findall(r"\d+\.?\d*", line.split("|", 2)[2])]
    raise ValueError(f"docs/benchmarks.md has no row {row!r}")


def measured_on_a_gpu() -> float:
    """Clips a second that R(2+1)D-26 with both tasks is trained on, at best, on the GPU that was measured."""
    runs_of = json.loads((_root() / "benchmarks" / "gpu_h100.json").read_text(encoding="utf-8"))["runs"]
    return max(float(row["clips_per_second"]) for run in runs_of for row in run["steps"])
