"""What a training is: one frozen record of every choice."""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass, field
from typing import Any, Literal

from cvrl_lite.datasets import ClipSampling
from cvrl_lite.pretext import NEGATIVES
from cvrl_lite.transforms import Augmentation

TASKS = ("context", "motion", "residual")
JOINT = ("context", "motion")
BACKBONES = ("tiny", "c3d", "r3d26", "r2plus1d26")
OBJECTIVES = ("info_nce", "features", "vectors")


@dataclass(frozen=True)
class Networks:
    """Which networks are trained, and how wide.

    Attributes:
        backbone: "tiny", with tiny encoders; "c3d", "r3d26" or "r2plus1d26", with the paper's encoders.
        widths: Channels of the tiny backbone's blocks.
        hidden: Width inside the projection heads.
        projection: Width of what the losses compare.
        predictor_width: Of the Transformer, and of its feed-forward steps.
        heads: Attention heads.
        encoder_layers: Layers that mix the clip's tokens.
        decoder_layers: Layers that read them for each future point.
        dropout: In the Transformer.
        content: What a query starts as: "place" (ours) or "zero" (released); see `MotionPredictor`.
        transformer: False: each place is predicted from itself alone, by two linear layers.
    """

    backbone: str = "tiny"
    widths: tuple[int, int, int, int] = (24, 48, 96, 96)
    hidden: int = 256
    projection: int = 128
    predictor_width: int = 96
    heads: int = 4
    encoder_layers: int = 1
    decoder_layers: int = 2
    dropout: float = 0.1
    content: Literal["place", "zero"] = "place"
    transformer: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "widths", tuple(self.widths))  # JSON has lists only


@dataclass(frozen=True)
class Optimization:
    """How the weights move.

    Attributes:
        method: "adamw", or "sgd" with Nesterov momentum .9.
        learning_rate: The highest, reached after `warmup` and lowered to 0 along a cosine.
        warmup: Share of the steps.
        warmup_from: Where the warm-up starts, as a share of the highest rate.
        weight_decay: Of all weights, or of those `decay_all` leaves.
        decay_all: False keeps the decay from norms and biases (ours, as is common).
        clip_norm: Longest gradient; None lets all pass.
    """

    method: str = "adamw"
    learning_rate: float = 2e-3
    warmup: float = 0.1
    warmup_from: float = 0.0
    weight_decay: float = 0.05
    decay_all: bool = True
    clip_norm: float | None = None


@dataclass(frozen=True)
class Recipe:
    """All that decides a training.

    Attributes:
        tasks: Some of "context", "motion" and "residual" (ours), in this order.
        data: "moving_scenes", "hard_scenes" (see `moving_scenes.hard_set`), "ucf101", "hmdb51", "kinetics",
            or the path of any folder of videos.
        root: The folder of UCF101, HMDB51, Kinetics, or of another set of MovingScenes.
        source: For a folder of the user's: which files were cut from one video; see `datasets.VideoFolder`.
        in_memory: Whether all videos are decoded once, before the training. Else they are read from their
            files again and again, by workers.
        seed: Of initial weights, samples, augmentation and dropout.
        steps: Batches.
        batch: Samples a batch, of all processes together.
        optimization: How the weights move.
        context_temperature: Of context matching's InfoNCE.
        motion_temperature: Of motion prediction's.
        residual_temperature: Of residual prediction's.
        context_weight: Of the context loss.
        motion_weight: Of the motion loss.
        residual_weight: Of the residual loss.
        context_from: Share of the steps after which context matching joins in, when both are trained.
        symmetric: Whether key frames have to find their clips, too.
        objective: Of motion prediction: "info_nce", or regression on "features" or on "vectors".
        negatives: Which kinds of negatives motion prediction compares; see `pretext.MotionPrediction`.
        networks: Which.
        decoded: Side in pixels of the squares that are decoded.
        decoded_cells: Vector cells along that side.
        sampling: How samples are cut.
        augmentation: How views differ.
        precision: "float32", "bfloat16", or "auto": what a probe of a few steps shows faster.
        compiled: Whether torch.compile turns the networks into faster code first.
        save_every: Steps between checkpoints.
        keep: How many checkpoints stay.

    Raises:
        ValueError: A value means nothing, or no task would ever be trained.
    """

    tasks: tuple[str, ...] = JOINT
    data: str = "moving_scenes"
    root: str | None = None
    source: str | None = None
    in_memory: bool = True
    seed: int = 0
    steps: int = 800
    batch: int = 80
    optimization: Optimization = field(default_factory=Optimization)
    context_temperature: float = 0.1
    motion_temperature: float = 0.1
    residual_temperature: float = 0.1
    context_weight: float = 1.0
    motion_weight: float = 1.0
    residual_weight: float = 1.0
    context_from: float = 0.0
    symmetric: bool = False
    objective: str = "info_nce"
    negatives: tuple[str, ...] = NEGATIVES
    networks: Networks = field(default_factory=Networks)
    decoded: int = 72
    decoded_cells: int = 14
    sampling: ClipSampling = field(default_factory=ClipSampling)
    augmentation: Augmentation = field(default_factory=Augmentation)
    precision: str = "auto"
    compiled: bool = False
    save_every: int = 200
    keep: int = 2

    def __post_init__(self) -> None:
        for name in ("tasks", "negatives"):  # JSON has lists only
            object.__setattr__(self, name, tuple(getattr(self, name)))
        for name in ("data", "root"):  # and no paths
            place = getattr(self, name)
            object.__setattr__(self, name, None if place is None else os.fspath(place))
        if not self.tasks or self.tasks != tuple(task for task in TASKS if task in self.tasks):
            got = ", ".join(map(str, self.tasks)) or "none"
            raise ValueError(f"tasks are some of {', '.join(TASKS)}, in this order; got {got}")
        if not any(getattr(self, f"{task}_weight") > 0 for task in self.tasks):
            raise ValueError(f"no task is trained: the weight of {' and '.join(self.tasks)} is 0")
        if not 0 <= self.context_from < 1:
            raise ValueError(f"context_from is a share of the steps, below 1; got {self.context_from}")
        for name, least in (("seed", 0), ("steps", 1), ("batch", 1), ("save_every", 1), ("keep", 1)):
            number = getattr(self, name)
            if not isinstance(number, int) or number < least:
                raise ValueError(f"{name} is a whole number, at least {least}; got {number}")
        for name, value, known in (
            ("precision", self.precision, ("auto", "float32", "bfloat16")),
            ("networks.backbone", self.networks.backbone, BACKBONES),
            ("objective", self.objective, OBJECTIVES),
            ("optimization.method", self.optimization.method, ("adamw", "sgd")),
        ):
            if value not in known:
                raise ValueError(f"{name} is one of {', '.join(known)}; got {value}")

    def replace(self, **changes: Any) -> Recipe:
        """The same recipe with other values; `networks={"dropout": 0}` changes one value of a part."""
        for name, change in changes.items():
            if isinstance(change, dict):
                changes[name] = dataclasses.replace(getattr(self, name), **change)
        return dataclasses.replace(self, **changes)

    def to_json(self) -> str:
        """All values as a JSON object."""
        return json.dumps(dataclasses.asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        """The recipe that `to_json` wrote.

        Raises:
            ValueError: The text is no recipe's.
        """
        values = json.loads(text)
        parts = {
            "networks": Networks,
            "optimization": Optimization,
            "sampling": ClipSampling,
            "augmentation": Augmentation,
        }
        if not isinstance(values, dict) or not all(isinstance(values.get(name), dict) for name in parts):
            raise ValueError(f"a recipe is a JSON object with the objects {', '.join(parts)}")
        values["augmentation"].pop("channel_mix", None)  # older recipes name it; it was 0
        try:
            return cls(**values | {name: kind(**values[name]) for name, kind in parts.items()})
        except TypeError as error:  # an unknown name, or a value of another type
            raise ValueError(str(error)) from None

    def differences(self, other: Recipe) -> list[str]:
        """What is not the same in another recipe, such as "steps: 100, not 200".

        A precision of "auto" may become any, and so differs from none.
        """
        mine, theirs = (_flat(dataclasses.asdict(recipe)) for recipe in (self, other))
        if "auto" in (self.precision, other.precision):
            theirs["precision"] = self.precision
        return [f"{name}: {mine[name]}, not {theirs[name]}" for name in mine if mine[name] != theirs[name]]


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        found |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return found
