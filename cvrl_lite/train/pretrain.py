"""Pretraining: the engine with a recipe's model, data and pretext tasks."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cvrl_lite.datasets import Batch, DecodedSet, FileLoader, MemoryLoader, Skipped
from cvrl_lite.models import VideoBackbone
from cvrl_lite.pretext import collapsed
from cvrl_lite.processes import report_killed_workers
from cvrl_lite.train import precision
from cvrl_lite.train.checkpoint import Folder
from cvrl_lite.train.config import Recipe
from cvrl_lite.train.data import check_sources, fingerprint, sampler_for, videos_of
from cvrl_lite.train.distributed import broadcast, distributed, processes_sharing
from cvrl_lite.train.engine import Callback, Trainer
from cvrl_lite.train.model import Pretraining, on_device, start_from
from cvrl_lite.train.optim import make_optimizer
from cvrl_lite.train.tensorboard import summary_writer, writing_to
from cvrl_lite.transforms import Views, augment

_CHECKUP = 50  # steps between checks of the features' health
_ENOUGH = 8  # clips needed to detect a collapse; N clips span at most N - 1 directions


@dataclass(frozen=True)
class Run:
    """The outcome of a pretraining.

    Attributes:
        recipe: The recipe, with the precision that was used.
        model: Backbone and tasks.
        steps: Steps done; fewer than the recipe's after an interruption.
        seconds: Time spent in this run.
        skipped: Files that could not be used, with the reason.
        ended_by: The signal that ended it early, SIGINT or SIGTERM; 0 if it ran to the end.
        folder: The run's folder; None if nothing was written.
        resumed_from: Steps done by earlier runs; all of them if the run had already finished.

    Example:
        >>> from cvrl_lite.train import recipes
        >>> recipe = recipes.laptop_fast()
        >>> run = Run(recipe, Pretraining(recipe), 60, 31.5, skipped=(), ended_by=0, folder=Path("runs/a"))
        >>> run.interrupted, type(run.backbone).__name__
        (False, 'TinyR2Plus1D')
    """

    recipe: Recipe
    model: Pretraining
    steps: int
    seconds: float
    skipped: tuple[Skipped, ...]
    ended_by: int
    folder: Path | None
    resumed_from: int = 0

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C or SIGTERM stopped it before its last step."""
        return self.ended_by != 0

    @property
    def backbone(self) -> VideoBackbone:
        """The pretrained backbone."""
        return self.model.backbone


def pretrain(
    recipe: Recipe,
    out: str | os.PathLike[str] | None = None,
    data: DecodedSet | None = None,
    *,
    workers: int = 0,
    callbacks: Sequence[Callback] = (),
    tensorboard: bool = False,
) -> Run:
    """Trains a backbone, or resumes a training that was interrupted.

    Under torchrun, several processes train one model: each gets its part of every batch, and only rank 0
    writes.

    Args:
        recipe: What to train.
        out: The run's folder; see `checkpoint`. If it holds a run of the same recipe, training resumes from
            the last checkpoint with the numbers of an uninterrupted run; a finished run is loaded without
            reading its data.
        data: The training data, already decoded; None reads the recipe's data.
        workers: Processes that read files, if the data are not decoded into memory.
        callbacks: Functions to call every few steps, such as a check on labeled clips.
        tensorboard: Whether metrics are also written to `out`/tensorboard.

    Returns:
        The run. It is also returned after Ctrl-C or SIGTERM, once a checkpoint is written.

    Raises:
        ValueError: No video is usable, or too few for context matching; the folder holds another run, a run
            on other data, or damaged files; or the batch cannot be divided evenly among the processes.
        Diverged: A loss or the gradient is not finite; the message names the step, the part and the files.
        MemoryError: Memory ran out. The last checkpoint is kept.
        ImportError: TensorBoard is not installed.
        BlockingIOError: Another process is training into the folder.
        ChildProcessError: A worker was killed. The last checkpoint is kept.
        OSError: A file cannot be written, as on a full disk. The last checkpoint is kept.

    Example:
        >>> from cvrl_lite import data_path, datasets
        >>> from cvrl_lite.train import recipes
        >>> names = ("sample.mp4", "sample_watch.mp4")
        >>> videos = datasets.VideoDataset(datasets.Entry(data_path(name), name, {}) for name in names)
        >>> data = datasets.decode(videos, size=32, cells=8, cache=False)
        >>> recipe = recipes.laptop_fast().replace(steps=2, batch=2, decoded_size=32, decoded_cells=8)
        >>> run = pretrain(recipe.replace(precision="float32"), data=data)
        >>> run.steps, run.interrupted
        (2, False)
    """
    if tensorboard:
        if out is None:
            raise ValueError("tensorboard needs a folder to write to")
        summary_writer()  # raises before the data are read
    with distributed() as device, report_killed_workers(), ExitStack() as stack:
        rank, _ = processes_sharing(recipe.batch)
        folder = Folder(out) if out is not None else None
        writes = folder if rank == 0 else None
        if writes:
            stack.enter_context(writes.claimed())
        recipe = broadcast(writes.enter(recipe) if writes else recipe)
        source = videos_of(recipe) if data is None else data
        files = None if isinstance(source, DecodedSet) else fingerprint(source.entries)
        if folder and files and folder.last_step() == recipe.steps:
            folder.check_data(files, of="files")
            return _finished(recipe, folder, device, writes=rank == 0)

        sampler = sampler_for(recipe, source, workers)
        check_sources(recipe, len({entry.source for entry in sampler.entries}))
        if writes:
            writes.check_data(fingerprint(sampler.entries))
        if recipe.precision == "auto":
            recipe = recipe.replace(precision=_precision(recipe, sampler, device))
        trainer = trainer_for(recipe, sampler, device)
        model: Any = trainer.model
        done = trainer.resume(folder) if folder else 0
        if recipe.init and not done:
            start_from(model.backbone, recipe.init)
        log = None
        if writes:
            writes.begin(recipe)
            if done < recipe.steps:
                writes.note(fingerprint(sampler.entries), files=files, skipped=sampler.skipped)
            if tensorboard:
                log = stack.enter_context(writing_to(writes.path, done))
        checks = (Callback(_CHECKUP, _health), *callbacks)
        end = trainer.fit(done, folder, callbacks=checks, log=log)
    path = folder.path if folder else None
    return Run(recipe, model, end.steps, end.seconds, sampler.skipped, end.ended_by, path, done)


def trainer_for(recipe: Recipe, sampler: MemoryLoader | FileLoader, device: torch.device) -> Trainer:
    """A trainer with a new model of a recipe.

    Args:
        recipe: What to train; its precision is not "auto".
        sampler: Yields the batches.
        device: The device to train on.
    """
    torch.manual_seed(recipe.seed)
    model = on_device(recipe, device)

    def views(batch: Batch) -> Views:
        return augment(batch, recipe.augmentation)

    trainer = Trainer(
        model, recipe, sampler, device=device, prepare=views, find_unused_parameters=model.partly_used
    )
    if recipe.compiled:
        trainer.model.compile()
    return trainer


def faster_precision(
    recipe: Recipe, sampler: MemoryLoader | FileLoader, device: torch.device
) -> tuple[str, dict[str, float]]:
    """The faster precision of a recipe, and seconds per step; see `precision.faster_precision`."""
    at_once = {name: {"start": 0.0} for name in recipe.tasks}

    def trainer_in(name: str) -> Trainer:  # with every task from its first step on
        return trainer_for(recipe.replace(precision=name, tasks=at_once), sampler, device)

    return precision.faster_precision(trainer_in, device)


def _precision(recipe: Recipe, sampler: MemoryLoader | FileLoader, device: torch.device) -> str:
    """The precision that "auto" selects."""
    if recipe.steps <= precision.SHORTEST:
        return "float32"  # the trial would take longer than the training
    return faster_precision(recipe, sampler, device)[0]


def _finished(recipe: Recipe, folder: Folder, device: torch.device, *, writes: bool) -> Run:
    """Loads a finished run from its folder."""
    model = on_device(recipe, device)
    folder.restore(model, make_optimizer(model, recipe.optimization))
    if writes:
        folder.remove_partial()
        folder.finish(model)  # in case it was interrupted just before writing them
    return Run(recipe, model, recipe.steps, 0.0, folder.skipped(), 0, folder.path, recipe.steps)


def _health(step: int, model: nn.Module, views: Views) -> Mapping[str, float]:
    """The health of the features, with a warning where they have collapsed."""
    assert isinstance(model, Pretraining)
    if len(views.clip) < 2:
        return {}
    health = model.health(views)
    if len(views.clip) >= _ENOUGH and collapsed(health["feature_rank"]):
        warnings.warn(
            f"step {step}: the features have collapsed: all clips of the batch lie along "
            f"{health['feature_rank']:.1f} directions",
            stacklevel=2,
        )
    return health
