"""The settings of a pretraining (its recipe) and of a finetuning: frozen records of every number."""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any, Literal

from cvrl_lite.datasets import ClipSampling
from cvrl_lite.models import Networks
from cvrl_lite.pretext import KINDS, ContextConfig, DenseConfig, TaskConfig
from cvrl_lite.pretext.task import from_values, to_values
from cvrl_lite.transforms import Augmentation

TASKS = ("context", "motion", "residual")
JOINT = ("context", "motion")


@dataclass(frozen=True)
class Optimization:
    """Settings of the optimizer and its schedule.

    Attributes:
        method: "adamw", or "sgd" with Nesterov momentum .9.
        learning_rate: The peak learning rate, reached after `warmup` and then lowered to 0 along a cosine.
        warmup: Length of the warm-up, as a share of all steps.
        warmup_from: Learning rate at the start of the warm-up, as a share of the peak.
        weight_decay: Weight decay.
        decay_all: Whether norms and biases are decayed, too. False (ours) is common practice.
        clip_norm: Largest gradient norm; larger gradients are scaled down. None disables clipping.

    Example:
        >>> Optimization(method="sgd", learning_rate=0.02, clip_norm=15.0).weight_decay
        0.05
    """

    method: str = "adamw"
    learning_rate: float = 2e-3
    warmup: float = 0.1
    warmup_from: float = 0.0
    weight_decay: float = 0.05
    decay_all: bool = True
    clip_norm: float | None = None


def joint() -> dict[str, TaskConfig]:
    """The paper's two tasks at their defaults."""
    return {"context": ContextConfig(), "motion": DenseConfig()}


@dataclass(frozen=True)
class Recipe:
    """All settings of a training.

    Attributes:
        tasks: A config for each task, by the name that the log shows; see `pretext.TaskConfig`. Paper:
            "context" and "motion".
        data: "moving_scenes", "hard_scenes" (see `moving_scenes.hard_set`), "ucf101", "hmdb51", "kinetics",
            or the path of any folder of videos.
        root: The folder of UCF101, HMDB51, Kinetics, or of another set of MovingScenes.
        source: For a folder of videos: a pattern for files cut from one video; see `datasets.VideoFolder`.
        init: A shipped network or a run whose backbone the training starts from; None starts from scratch.
        fold: For UCF101 and HMDB51: which of the three official splits.
        in_memory: Whether all videos are decoded once before the training, or read from their files for each
            batch. None decodes them if they fit, see `datasets.fits_in_memory`. Batches are the same.
        seed: Seeds initial weights, samples, augmentation and dropout.
        steps: Number of training steps.
        batch: Samples per batch, summed over all processes.
        optimization: Settings of the optimizer.
        networks: Settings of the networks.
        decoded_size: Side in pixels of the squares that are decoded.
        decoded_cells: Vector cells along that side.
        sampling: How samples are cut from videos.
        augmentation: Strength of the augmentation.
        precision: "float32", "bfloat16", or "auto" for the faster one in a trial of a few steps.
        compiled: Whether the networks are compiled by torch.compile.
        save_every: Steps between checkpoints.
        keep: Number of checkpoints to keep.

    Raises:
        ValueError: A value is invalid, or no task would ever be trained.

    Example:
        >>> recipe = Recipe(steps=100, batch=16)
        >>> changed = recipe.replace(seed=1, networks={"dropout": 0.0})
        >>> changed.differences(recipe)
        ['seed: 1, not 0', 'networks.dropout: 0.0, not 0.1']
        >>> Recipe.from_json(recipe.to_json()) == recipe
        True
    """

    tasks: dict[str, TaskConfig] = field(default_factory=joint)
    data: str = "moving_scenes"
    root: str | None = None
    source: str | None = None
    init: str | None = None
    fold: int = 1
    in_memory: bool | None = None
    seed: int = 0
    steps: int = 800
    batch: int = 80
    optimization: Optimization = field(default_factory=Optimization)
    networks: Networks = field(default_factory=Networks)
    decoded_size: int = 72
    decoded_cells: int = 14
    sampling: ClipSampling = field(default_factory=ClipSampling)
    augmentation: Augmentation = field(default_factory=Augmentation)
    precision: str = "auto"
    compiled: bool = False
    save_every: int = 200
    keep: int = 2

    def __post_init__(self) -> None:
        for name in ("data", "root"):  # JSON has no paths
            place = getattr(self, name)
            object.__setattr__(self, name, None if place is None else os.fspath(place))
        self._check_tasks()
        for name, least in (("seed", 0), ("steps", 1), ("batch", 1), ("save_every", 1), ("keep", 1)):
            number = getattr(self, name)
            if not isinstance(number, int) or number < least:
                raise ValueError(f"{name} is a whole number, at least {least}; got {number}")
        if self.fold not in (1, 2, 3):
            raise ValueError(f"fold is 1, 2 or 3; got {self.fold}")
        for name, value, allowed in (
            ("precision", self.precision, ("auto", "float32", "bfloat16")),
            ("optimization.method", self.optimization.method, ("adamw", "sgd")),
        ):
            if value not in allowed:
                raise ValueError(f"{name} is one of {', '.join(allowed)}; got {value}")

    def _check_tasks(self) -> None:
        tasks = self.tasks
        if not isinstance(tasks, dict) or not tasks:
            raise ValueError(f"tasks are a dict of at least one TaskConfig by its name; got {tasks!r}")
        for name, task in tasks.items():
            if not isinstance(name, str) or not name.isidentifier():
                raise ValueError(f"a task's name is a word of letters, digits and _; got {name!r}")
            if not isinstance(task, TaskConfig):
                raise ValueError(f"tasks.{name} is a TaskConfig; got {task!r}")
        if not any(task.weight > 0 and task.start == 0 for task in tasks.values()):
            names = " and ".join(tasks)
            raise ValueError(f"no task is trained from the start: {names} has weight 0, or joins in later")

    @property
    def needs_residuals(self) -> bool:
        """Whether a task reads residuals."""
        return any(task.needs_residuals for task in self.tasks.values())

    def replace(self, **changes: Any) -> Recipe:
        """A copy of the recipe with some values changed.

        A dict changes some values of a part: `networks={"dropout": 0}`, `tasks={"context": {"weight": 0.5}}`.
        In `tasks`, a config adds or replaces a task; `tasks=("motion",)` keeps only the named ones.

        Raises:
            ValueError: A field does not exist, or its value is invalid.
        """
        changed = {name: _changed(name, getattr(self, name, None), value) for name, value in changes.items()}
        try:
            return dataclasses.replace(self, **changed)
        except TypeError:
            names = {part.name for part in dataclasses.fields(self)}
            unknown = [name for name in changes if name not in names]
            raise ValueError(f"a recipe has no {', '.join(unknown)}") from None

    def to_json(self) -> str:
        """All values as a JSON object."""
        return json.dumps(self.to_values(), indent=2)

    def to_values(self) -> dict[str, Any]:
        """All values as JSON types: dicts, lists, numbers and strings.

        Raises:
            ValueError: A task's class is defined inside a function, and could not be found again.
        """
        return dataclasses.asdict(self) | {
            "tasks": {name: to_values(task, KINDS) for name, task in self.tasks.items()}
        }

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        """Reads a recipe written by `to_json`. Modules that define its tasks are imported.

        Raises:
            ValueError: The text is not a recipe.
        """
        values = json.loads(text)
        parts = {
            "networks": Networks,
            "optimization": Optimization,
            "sampling": ClipSampling,
            "augmentation": Augmentation,
        }
        needed = ("tasks", *parts)
        if not isinstance(values, dict) or not all(isinstance(values.get(name), dict) for name in needed):
            raise ValueError(f"a recipe is a JSON object with the objects {', '.join(needed)}")
        tasks = {name: from_values(task, KINDS) for name, task in values["tasks"].items()}
        try:
            made: dict[str, Any] = {name: kind(**values[name]) for name, kind in parts.items()}
            return cls(**values | made | {"tasks": tasks})
        except TypeError as error:  # an unknown name, or a value of another type
            raise ValueError(str(error)) from None

    def differences(self, other: Recipe) -> list[str]:
        """The differences from another recipe, such as "steps: 100, not 200".

        A precision of "auto" equals any precision. `in_memory` is ignored, because it does not change
        results.
        """
        own, others = self.to_values() | {"in_memory": None}, other.to_values() | {"in_memory": None}
        for name in self.tasks | other.tasks:  # tasks of two kinds differ by that alone
            kinds = [values["tasks"].get(name, {"kind": "none"})["kind"] for values in (own, others)]
            if kinds[0] != kinds[1]:
                own["tasks"][name], others["tasks"][name] = kinds
        own, others = flat(own), flat(others)
        if "auto" in (self.precision, other.precision):
            others["precision"] = self.precision
        pairs = {name: (own.get(name), others.get(name)) for name in own | others}
        return [f"{name}: {one}, not {another}" for name, (one, another) in pairs.items() if one != another]


@dataclass(frozen=True)
class Finetuning:
    """Settings of a finetuning.

    Attributes:
        steps: Number of training steps.
        batch: Clips per batch.
        optimization: Settings of the optimizer.
        dropout: Dropout before the classifier.
        sampling: How clips are cut from videos.
        decoded_size: Side in pixels of the squares that are read from files.
        augmentation: Strength of the augmentation. Leave out flips if labels distinguish left and right.
        test_clips: Clips of a test video whose probabilities are averaged.
        seed: Seeds everything random.
        precision: "float32" or "bfloat16".
        motion_weight: Weight of the motion prediction loss relative to that of the labels, with a helper.
        save_every: Steps between checkpoints, if there is a folder.
        keep: Number of checkpoints to keep.

    Example:
        >>> how = Finetuning(steps=400, batch=16, test_clips=5)
        >>> how.optimization.learning_rate, how.sampling.frames
        (0.001, 8)
    """

    steps: int = 200
    batch: int = 40
    optimization: Optimization = field(default_factory=lambda: Optimization(learning_rate=1e-3))
    dropout: float = 0.3
    sampling: ClipSampling = field(default_factory=lambda: ClipSampling(num_negative_windows=0))
    decoded_size: int = 72
    augmentation: Augmentation = field(default_factory=lambda: Augmentation(min_scale=0.7, hflip=0.0))
    test_clips: int = 10
    seed: int = 0
    precision: str = "float32"
    motion_weight: float = 0.5
    save_every: int = 200
    keep: int = 2


def released(
    videos: int = 9537,
    *,
    batch: int = 8,
    epochs: int = 120,
    seed: int = 6666,
    dataset: Literal["ucf101", "hmdb51"] = "ucf101",
) -> Finetuning:
    """The released schedule for one of the paper's backbones.

    Args:
        videos: Number of training videos, which determines the steps.
        batch: Released: 8.
        epochs: Released: 120.
        seed: Seeds everything random.
        dataset: Whose rate and weight decay: UCF101's are in the released code, HMDB51's in the model card.

    Returns:
        The released numbers with two exceptions (ours): there is no rotation by up to 10 degrees, and the
        cosine ends at 0, not at 1e-6. Clips need no frames after them for motion vectors; with a helper, use
        the `sampling` of a recipe.

    Example:
        >>> how = released(epochs=12)
        >>> how.steps, how.batch, how.optimization.method, how.sampling.frames
        (14304, 8, 'sgd', 16)
    """
    rate, decay = {"ucf101": (1e-4, 3e-3), "hmdb51": (2e-4, 2e-3)}[dataset]
    return Finetuning(
        steps=epochs * max(1, videos // batch),
        batch=batch,
        optimization=Optimization(
            method="sgd",
            learning_rate=rate * batch,
            warmup=10 / epochs,
            warmup_from=0.04,
            weight_decay=decay,
        ),
        dropout=0.3,
        sampling=clip_alone(ClipSampling(frames=16, stride=4, max_keyframe_distance=5, in_frames=True)),
        augmentation=dataclasses.replace(Augmentation.released(), grayscale_prob=0.0),
        seed=seed,
    )


def clip_alone(sampling: ClipSampling) -> ClipSampling:
    """The same clips, from videos as short as one clip: vectors are read at its last frame.

    Example:
        >>> how = clip_alone(ClipSampling(frames=16))
        >>> how.frames, how.gap, how.window
        (16, 0.0, 1)
    """
    return dataclasses.replace(sampling, gap=0.0, window=1, num_negative_windows=0)


def _changed(name: str, part: Any, change: Any) -> Any:
    """A part of a recipe, changed by a dict of some of its values, or by names of tasks."""
    if isinstance(part, dict):
        if isinstance(change, tuple | list):
            if missing := [task for task in change if task not in part]:
                raise ValueError(f"{name} are some of {', '.join(part)}; got {', '.join(map(str, missing))}")
            return {task: part[task] for task in change}
        if isinstance(change, dict):
            return part | {key: _changed(f"{name}.{key}", part.get(key), to) for key, to in change.items()}
    if dataclasses.is_dataclass(part) and not isinstance(part, type) and isinstance(change, dict):
        kinds = {field.name: str(field.type) for field in dataclasses.fields(part)}
        if unknown := [key for key in change if key not in kinds]:
            raise ValueError(f"{name} has no {', '.join(unknown)}; it has {', '.join(sorted(kinds))}")
        changed = {key: _changed(f"{name}.{key}", getattr(part, key), to) for key, to in change.items()}
        for key, value in changed.items():
            _check_kind(f"{name}.{key}", kinds[key], value)
        return dataclasses.replace(part, **changed)
    if dataclasses.is_dataclass(part) and not isinstance(change, type(part) | TaskConfig):
        raise ValueError(
            f"{name} is a {type(part).__name__}, or a dict of some of its values; got {change!r}"
        )
    return change


def _check_kind(name: str, kind: str, value: Any) -> None:
    """Raises ValueError if a value does not have the type in the field's annotation."""
    for word, types in (("bool", bool), ("int", Integral), ("float", Real), ("str", str)):
        if kind.removesuffix(" | None") == word:
            allowed = isinstance(value, types) and isinstance(value, bool) == (word == "bool")
            if not allowed and not (value is None and kind.endswith("None")):
                raise ValueError(f"{name} is of the kind {kind}; got {value!r}")


def flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested values by dotted names: `{"networks": {"hidden": 1}}` as `{"networks.hidden": 1}`."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        plain = list(value) if isinstance(value, tuple) else value
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: plain}
    return found
