"""The base classes of pretext tasks: a module with a loss, and the frozen config that builds it.

Axes: B batch, N rows, D projection width.
"""

from __future__ import annotations

import dataclasses
import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from cvrl_lite.models import Networks
from cvrl_lite.models.importing import imported
from cvrl_lite.transforms import Views

FeatureMaps = tuple[Tensor, Tensor]
"""A backbone's maps, of the context part and of the motion part; they may be one and the same."""


class TaskOutput(NamedTuple):
    """The output of a task for a batch.

    Attributes:
        loss: (), to be minimized.
        metrics: Numbers for the log by name, (), each without gradients.

    Example:
        >>> output = TaskOutput(torch.tensor(0.5), {"accuracy": torch.tensor(0.9)})
        >>> float(output.loss), list(output.metrics)
        (0.5, ['accuracy'])
    """

    loss: Tensor
    metrics: dict[str, Tensor]


class PretextTask(nn.Module, ABC):
    """A module that turns feature maps and views into a loss.

    Example:
        >>> class Energy(PretextTask):
        ...     def forward(self, maps, views):
        ...         return TaskOutput(maps[1].square().mean(), {})
        >>> Energy()((torch.ones(2, 8), torch.ones(2, 8)), None).loss
        tensor(1.)
    """

    _looked = False  # whether `warn_of_one_source` has checked

    @abstractmethod
    def forward(self, maps: FeatureMaps, views: Views) -> TaskOutput:
        """The loss and the metrics of a batch.

        Args:
            maps: The backbone's maps of the clips; see `VideoBackbone`.
            views: The augmented batch that the clips belong to.
        """

    def warn_of_one_source(self, sources: Tensor) -> None:
        """Warns once of a batch in which no two samples are from different videos, so that none are compared.

        On a CPU every batch is checked. On a GPU only the first one is, because a check waits for the device.
        A compiled task checks none, because a branch on values would break its graph.

        Args:
            sources: (N,) int64, of the samples of all processes.
        """
        if self._looked or torch.compiler.is_compiling():
            return
        alike = bool((sources == sources[:1]).all())
        self._looked = alike or sources.device.type != "cpu"
        if alike:
            warnings.warn(
                f"all {len(sources)} samples of a batch are from one source, so {type(self).__name__} has no "
                "other video to compare with and its loss is 0: give files of different videos different "
                "sources, by Entry(source=...) or the pattern VideoFolder(source=...)",
                stacklevel=5,  # this method, forward and two of torch's below the caller
            )

    def partners(self, maps: FeatureMaps, views: Views) -> tuple[Tensor, Tensor] | None:
        """Positive pairs, (N, D) and (N, D), row by row; None if the task has none.

        They are used to log `alignment`, without gradients.
        """
        return None


@dataclass(frozen=True)
class TaskInputs:
    """The sizes that a task is built for.

    Attributes:
        networks: Widths and kinds of networks.
        context_channels: Channels of the backbone's map of the context part.
        motion_channels: Channels of its map of the motion part.
        grid: Times, rows and columns of the motion part's map.
        window: Vector maps of a window.
        cells: Their side in cells.
        vector_channels: Channels of the views' vector maps.

    Example:
        >>> from cvrl_lite.pretext import ContextConfig
        >>> inputs = TaskInputs(Networks(), 96, 96, grid=(2, 4, 4), window=8, cells=16)
        >>> type(ContextConfig().build(inputs)).__name__
        'ContextMatching'
    """

    networks: Networks
    context_channels: int
    motion_channels: int
    grid: tuple[int, int, int]
    window: int
    cells: int
    vector_channels: int = 3


@dataclass(frozen=True)
class TaskConfig(ABC):
    """The settings of a task. A recipe holds one for each task, under the name used in the log.

    To add a task, write a `PretextTask` and a frozen dataclass derived from this class, and put one of the
    latter into a recipe: `recipe.replace(tasks={"order": FrameOrder(weight=0.5)})`.

    Attributes:
        weight: Weight of the loss in the sum of all tasks' losses, at least 0.
        start: Share of the training, 0 to below 1, after which the task starts.

    Class attributes that a task may override: `reads`, which of the maps "context" and "motion" it reads;
    `min_sources`, the smallest number of different videos in the data.

    Raises:
        ValueError: A value is invalid.

    Example:
        >>> from cvrl_lite.pretext import ContextConfig, DenseConfig
        >>> ContextConfig(weight=0.5).weight, DenseConfig(start=0.25).reads
        (0.5, ('motion',))
        >>> ContextConfig(start=1.5)
        Traceback (most recent call last):
        ValueError: a task's start is a share of the steps, below 1; got 1.5
    """

    weight: float = 1.0
    start: float = 0.0

    reads: ClassVar[tuple[str, ...]] = ("context", "motion")
    min_sources: ClassVar[int] = 1

    def __post_init__(self) -> None:
        if not self.weight >= 0:
            raise ValueError(f"a task's weight is at least 0; got {self.weight}")
        if not 0 <= self.start < 1:
            raise ValueError(f"a task's start is a share of the steps, below 1; got {self.start}")

    @property
    def needs_residuals(self) -> bool:
        """Whether the task needs residuals."""
        return False

    @property
    def partly_trained(self) -> bool:
        """Whether some of the task's parameters get no gradient."""
        return False

    @abstractmethod
    def build(self, inputs: TaskInputs) -> PretextTask:
        """Builds the task for these inputs."""


def to_values(config: TaskConfig, kinds: Mapping[str, type[TaskConfig]]) -> dict[str, Any]:
    """Converts a config to plain values: its fields, and its class under "kind", a name or "module:Class".

    Args:
        config: The config; its class must be importable.
        kinds: Classes that have short names.

    Raises:
        ValueError: The class is defined inside a function, and could not be found again.
    """
    cls = type(config)
    path = f"{cls.__module__}:{cls.__qualname__}"
    kind = next((name for name, registered in kinds.items() if registered is cls), path)
    if "<locals>" in kind:
        raise ValueError(f"{kind}: a recipe stores tasks whose class lies at the top of a module")
    return {"kind": kind, **dataclasses.asdict(config)}


def from_values(values: Any, kinds: Mapping[str, type[TaskConfig]]) -> TaskConfig:
    """Restores a config from the result of `to_values`.

    Raises:
        ValueError: The values are not a config, or its class cannot be imported.
    """
    if not isinstance(values, Mapping) or not isinstance(values.get("kind"), str):
        raise ValueError(f"a task is an object with a kind, one of {', '.join(kinds)} or module:Class")
    fields = dict(values)
    kind = fields.pop("kind")
    cls = kinds[kind] if kind in kinds else imported(kind)
    if not (isinstance(cls, type) and issubclass(cls, TaskConfig)):
        raise ValueError(f"{kind}: a task is one of {', '.join(kinds)}, or a TaskConfig as module:Class")
    try:
        return cls(**fields)
    except TypeError as error:  # an unknown name, or a value of another type
        raise ValueError(f"{kind}: {error}") from None
