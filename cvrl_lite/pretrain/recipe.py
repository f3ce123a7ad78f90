"""What a training is: one frozen record of every choice, and the functions that give good ones."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any

from cvrl_lite.augment import Augmentation
from cvrl_lite.datasets import Sampling

TASKS = ("context", "motion")


@dataclass(frozen=True)
class Recipe:
    """All that decides a training.

    Attributes:
        tasks: `("context",)`, `("motion",)` or both.
        data: `"moving_scenes"`, or the path of any folder of videos.
        source: For a folder: which files were cut from one video; see `datasets.VideoFolder`.
        seed: Of initial weights, samples, augmentation and dropout.
        steps: Batches.
        batch: Samples a batch.
        learning_rate: Highest rate of AdamW, reached after `warmup` and lowered to 0 along a cosine.
        warmup: Share of the steps.
        weight_decay: Of AdamW.
        context_temperature: Of context matching's InfoNCE.
        motion_temperature: Of motion prediction's.
        context_weight: Of the context loss.
        motion_weight: Of the motion loss.
        context_from: Share of the steps after which context matching joins in, when both are trained.
        widths: Channels of the backbone's blocks.
        decoded: Side in pixels of the squares kept in memory.
        sampling: How samples are cut.
        augmentation: How views differ.
        precision: `"float32"`, `"bfloat16"`, or `"auto"`: what a probe of a few steps shows faster.
        save_every: Steps between checkpoints.
    """

    tasks: tuple[str, ...] = TASKS
    data: str = "moving_scenes"
    source: str | None = None
    seed: int = 0
    steps: int = 800
    batch: int = 80
    learning_rate: float = 2e-3
    warmup: float = 0.1
    weight_decay: float = 0.05
    context_temperature: float = 0.1
    motion_temperature: float = 0.1
    context_weight: float = 1.0
    motion_weight: float = 1.0
    context_from: float = 0.0
    widths: tuple[int, int, int, int] = (24, 48, 96, 96)
    decoded: int = 72
    sampling: Sampling = field(default_factory=Sampling)
    augmentation: Augmentation = field(default_factory=Augmentation)
    precision: str = "auto"
    save_every: int = 200

    def __post_init__(self) -> None:
        if not self.tasks or set(self.tasks) - set(TASKS):
            raise ValueError(f"tasks are some of {', '.join(TASKS)}; got {self.tasks}")
        if self.precision not in ("auto", "float32", "bfloat16"):
            raise ValueError(f"precision is auto, float32 or bfloat16; got {self.precision}")

    def replace(self, **changes: Any) -> Recipe:
        """The same recipe with other values."""
        return dataclasses.replace(self, **changes)

    def to_json(self) -> str:
        """All values as a JSON object."""
        return json.dumps(dataclasses.asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        """The recipe that `to_json` wrote."""
        values = json.loads(text)
        for name in ("tasks", "widths"):
            values[name] = tuple(values[name])
        values["sampling"] = Sampling(**values["sampling"])
        values["augmentation"] = Augmentation(**values["augmentation"])
        return cls(**values)
