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

_CHECKUP = 50  # steps from one look at the features' health to the next
_ENOUGH = 8  # clips that can tell a collapse; N of them span N - 1 directions at most


@dataclass(frozen=True)
class Run:
    """The outcome of a pretraining.

    Attributes:
        recipe: With the values really used.
        model: Backbone and tasks.
        steps: Steps done; fewer than the recipe's after an interruption.
        seconds: Time spent on them this time.
        skipped: Files that could not be used, with the reason.
        ended_by: The signal that ended it early, SIGINT or SIGTERM; 0 if none did.
        folder: Where checkpoint and metrics are; None if none were asked for.
        resumed_from: Steps that were done before; all of them where the run had finished already.
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
        """Whether Ctrl-C, or a request to end, came before its last step."""
        return self.ended_by != 0

    @property
    def backbone(self) -> VideoBackbone:
        """What pretraining is for."""
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

    Started by torchrun, it is one of several processes that train one model; each gets its part of every
    batch, and the first one alone writes.

    Args:
        recipe: What to train.
        out: The run's folder; see `checkpoint`. Where it holds a run of the same recipe, that run goes on
            from its last checkpoint, with the same numbers as if it had never stopped; a finished one is
            loaded, and its data are not read again.
        data: The decoded training data, where they are at hand already; else the recipe's are read.
        workers: Processes that read files, where the recipe's data are not decoded into memory.
        callbacks: What else to do every few steps, such as a check on labeled clips.
        tensorboard: Whether the metrics go to `out`/tensorboard, too.

    Returns:
        The run, also after Ctrl-C or SIGTERM, with the checkpoint written.

    Raises:
        ValueError: No video of the data is usable, or too few are to match their context; the folder holds
            another run, one on other data, or damaged files; or the batch cannot be shared by the processes.
        Diverged: A loss or the gradient is not finite; the message names the step, the part and the files.
        MemoryError: Memory ran out. The last checkpoint is kept.
        ImportError: TensorBoard is not installed.
        BlockingIOError: Another process is training into the folder.
        ChildProcessError: A worker was killed. The last checkpoint is kept.
        OSError: A file cannot be written, as on a full disk. The last checkpoint is kept.
    """
    if tensorboard:
        if out is None:
            raise ValueError("tensorboard needs a folder to write to")
        summary_writer()  # if it is missing, say so before the data are read
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
    """The engine with a fresh model of a recipe.

    Args:
        recipe: What to train; its precision is settled.
        sampler: Yields its batches.
        device: Where it trains.
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
    """The faster precision of a recipe, and seconds a step; see `precision.faster_precision`."""
    at_once = {name: {"start": 0.0} for name in recipe.tasks}

    def trainer_in(name: str) -> Trainer:  # with every task from its first step on
        return trainer_for(recipe.replace(precision=name, tasks=at_once), sampler, device)

    return precision.faster_precision(trainer_in, device)


def _precision(recipe: Recipe, sampler: MemoryLoader | FileLoader, device: torch.device) -> str:
    """What "auto" comes to."""
    if recipe.steps <= precision.SHORTEST:
        return "float32"  # the trial would take longer than the training
    return faster_precision(recipe, sampler, device)[0]


def _finished(recipe: Recipe, folder: Folder, device: torch.device, *, writes: bool) -> Run:
    """A run that had reached its last step, as its folder has it."""
    model = on_device(recipe, device)
    folder.restore(model, make_optimizer(model, recipe.optimization))
    if writes:
        folder.remove_partial()
        folder.finish(model)  # again, as it may have been ended right before
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
