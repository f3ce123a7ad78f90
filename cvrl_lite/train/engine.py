"""The training loop: batches, one forward pass, the tasks' losses, metrics and checkpoints."""

from __future__ import annotations

import math
import os
import signal
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from cvrl_lite.datasets import Batch, DecodedSet, FileLoader, MemoryLoader, Skipped
from cvrl_lite.errors import Diverged
from cvrl_lite.models import VideoBackbone, synchronized
from cvrl_lite.pretext import all_reduce_sum, collapsed, processes
from cvrl_lite.processes import killed_workers_told
from cvrl_lite.progress import track
from cvrl_lite.train.checkpoint import Folder
from cvrl_lite.train.config import Recipe
from cvrl_lite.train.data import check_sources, fingerprint, sampler_for
from cvrl_lite.train.distributed import GracefulExit, broadcast, distributed
from cvrl_lite.train.model import Pretraining, on_device
from cvrl_lite.train.optim import learning_rate, make_optimizer
from cvrl_lite.transforms import Views, augment

_CHECKUP = 50  # steps from one look at the features' health to the next
_ENOUGH = 8  # clips that can tell a collapse; N of them span N - 1 directions at most
_STOPS = (signal.SIGTERM, signal.SIGINT)
_EXPLODED = 1e4  # nats; the loss of a blind guess among a million keys is 14


@dataclass(frozen=True)
class Run:
    """The outcome of a training.

    Attributes:
        recipe: With the values really used.
        model: Backbone and tasks.
        steps: Steps done; fewer than the recipe's after an interruption.
        seconds: Time spent on them this time.
        skipped: Files that could not be used, with the reason.
        ended_by: The signal that ended it early, SIGINT or SIGTERM; 0 where none did.
        folder: Where checkpoint and metrics are; None where none were asked for.
    """

    recipe: Recipe
    model: Pretraining
    steps: int
    seconds: float
    skipped: tuple[Skipped, ...]
    ended_by: int
    folder: Path | None

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
) -> Run:
    """Trains, or goes on with a training that was broken off.

    Started by torchrun, it is one of several processes that train one model; each gets its part of every
    batch, and the first one alone writes.

    Args:
        recipe: What to train.
        out: The run's folder; see `checkpoint`. Where it holds a run of the same recipe, that run goes on
            from its last checkpoint, with the same numbers as if it had never stopped.
        data: The decoded training data, where they are at hand already; else the recipe's are read.
        workers: Processes that read files, where the recipe's data are not kept in memory.

    Returns:
        The run, also after Ctrl-C or SIGTERM, with the checkpoint written.

    Raises:
        ValueError: No video of the data is usable, or too few are to match their context; the folder holds
            another run, one on other data, or damaged files; or the batch cannot be shared by the processes.
        Diverged: A loss or the gradient is not finite; the message names the step, the part and the files.
        BlockingIOError: Another process is training into the folder.
        ChildProcessError: A worker was killed. The last checkpoint is kept.
        OSError: A file cannot be written, as on a full disk. The last checkpoint is kept.
    """
    with distributed() as device, killed_workers_told(), ExitStack() as stack:
        rank, world = processes()
        if recipe.batch % world:
            raise ValueError(f"a batch of {recipe.batch} cannot be shared by {world} processes")
        folder = Folder(out) if out is not None else None
        if folder and rank == 0:
            stack.enter_context(folder.claimed())
        recipe = broadcast(folder.enter(recipe) if folder and rank == 0 else recipe)
        sampler = sampler_for(recipe, data, workers)
        check_sources(recipe, len({entry.source for entry in sampler.entries}))
        if folder and rank == 0:
            folder.check_data(fingerprint(sampler.entries))
        if recipe.precision == "auto":
            recipe = recipe.replace(precision=broadcast(faster_precision(recipe, sampler, device)))
        training = _Training(recipe, sampler, device)
        writes = folder if rank == 0 else None
        done = training.resume(folder) if folder else 0
        if writes:
            writes.begin(recipe)
            writes.cut_metrics(done)
            if done < recipe.steps:
                writes.note(fingerprint(sampler.entries))
        start = time.perf_counter()
        with GracefulExit() as stop:
            steps = training.steps(done, stop)
            for metrics in track(steps, "training", recipe.steps - done) if rank == 0 else steps:
                done += 1
                last = done == recipe.steps or stop.agreed
                if writes:
                    writes.add_metrics(metrics | {"seconds": round(time.perf_counter() - start, 3)})
                    if last or done % recipe.save_every == 0:
                        keep = 1 if done == recipe.steps else recipe.keep
                        writes.save(done, training.model, training.optimizer, keep)
        seconds = time.perf_counter() - start
        if writes:
            writes.finish(training.model)
    path = folder.path if folder else None
    ended_by = stop.agreed if done < recipe.steps else 0
    return Run(recipe, training.model, done, seconds, sampler.skipped, ended_by, path)


class _Training:
    """A model with its optimizer, going step by step.

    Every random number of a step comes from the seed and the step's number, so that nothing but weights
    and optimizer has to be kept to go on exactly.
    """

    def __init__(self, recipe: Recipe, sampler: MemoryLoader | FileLoader, device: torch.device) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.sampler, self.device = recipe, sampler, device
        self.rank, self.world = processes()
        self.model = synchronized(on_device(recipe, device))
        self.optimizer = make_optimizer(self.model, recipe.optimization)
        if recipe.compiled:
            self.model.compile()
        self._called: nn.Module = self.model
        if self.world > 1:
            self._called = DistributedDataParallel(self.model, find_unused_parameters=self.model.partly_used)

    def resume(self, folder: Folder) -> int:
        """Takes up the folder's last checkpoint; the steps done."""
        done = folder.restore(self.model, self.optimizer)
        if self.world > 1:
            dist.barrier()  # all have read before the first one writes
        return done

    def steps(self, first: int, stop: GracefulExit) -> Iterator[dict[str, Any]]:
        """Does the steps from `first` on, until all agree to stop, and yields each one's metrics."""
        recipe = self.recipe
        self.model.train()
        batches = self.sampler.batches(recipe.batch, recipe.steps, first=first, share=(self.rank, self.world))
        began = time.perf_counter()
        for step, batch in enumerate(batches, first):
            rate = learning_rate(step, recipe)
            parts = self._step(step, rate, batch, stop)
            now = time.perf_counter()
            metrics = {"step": step + 1, **parts, "learning_rate": rate}
            yield metrics | {"clips_per_second": round(recipe.batch / (now - began), 1)}
            if stop.agreed:
                return
            began = time.perf_counter()

    def _step(self, step: int, rate: float, batch: Batch, stop: GracefulExit) -> dict[str, float]:
        recipe = self.recipe
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        state = np.random.SeedSequence((recipe.seed, step, self.rank)).generate_state(1, np.uint64)
        torch.manual_seed(int(state[0] >> np.uint64(1)))  # of dropout
        views = augment(batch.to(self.device), recipe.augmentation)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=recipe.precision == "bfloat16"):
            loss, parts = self._called(views, step / recipe.steps)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        longest = recipe.optimization.clip_norm
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), math.inf if longest is None else longest)
        # A process that was told to stop tells the others; what is heard later waits for the next step.
        asked = [stop.received == number for number in _STOPS]
        counts = torch.tensor([*map(float, asked), float(batch.replaced)], device=self.device)
        shared = all_reduce_sum(torch.cat([torch.stack([*parts.values()]).float(), counts]))
        means, (*askers, replaced) = (shared[:-3] / self.world).tolist(), shared[-3:].tolist()
        stop.agreed = next((number for number, count in zip(_STOPS, askers, strict=True) if count), 0)
        numbers = dict(zip((*parts, "gradient_norm"), [*means, float(norm)], strict=True))
        for name, value in numbers.items():
            if not math.isfinite(value) or (name.endswith("loss") and value > _EXPLODED):
                files = ", ".join(batch.names[:8]) + (" ..." if len(batch.names) > 8 else "")
                raise Diverged(f"step {step + 1}: {name} is {value:g}; the batch holds {files}")
        self.optimizer.step()
        numbers = {name: round(value, 5) for name, value in numbers.items()} | {"replaced": int(replaced)}
        due = (step + 1) % _CHECKUP == 0 or step + 1 == recipe.steps
        if due and self.rank == 0 and len(views.clip) > 1:
            numbers |= self._checkup(step + 1, views)
        return numbers

    def _checkup(self, step: int, views: Views) -> dict[str, float]:
        """The health of the features, with a warning where they have collapsed."""
        health = self.model.health(views)
        if len(views.clip) >= _ENOUGH and collapsed(health["feature_rank"]):
            warnings.warn(
                f"step {step}: the features have collapsed: all clips of the batch lie along "
                f"{health['feature_rank']:.1f} directions",
                stacklevel=2,
            )
        return health


def seconds_per_step(
    recipe: Recipe, sampler: MemoryLoader | FileLoader, device: torch.device, steps: int = 3
) -> float:
    """Time of a step: the shortest of a few real ones of a fresh model, after one to warm up."""
    # It ends before its last step, which looks at the features' health.
    at_once = {name: {"start": 0.0} for name in recipe.tasks}
    training = _Training(recipe.replace(steps=steps + 2, tasks=at_once), sampler, device)
    clock, times = time.perf_counter(), []
    for _ in islice(training.steps(0, GracefulExit()), steps + 1):
        times.append(time.perf_counter() - clock)
        clock = time.perf_counter()
    return min(times[1:])  # whatever else the machine does makes steps longer, never shorter


def emulates_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 is out of the question here: processors without instructions for it take ten times as
    long as in float32, and more. Measured on a small convolution, in milliseconds.
    """
    if device.type != "cpu":
        return False
    took = {}
    for precision in (torch.float32, torch.bfloat16):
        layer = nn.Conv3d(16, 16, 3, padding=1, dtype=precision)
        clips, times = torch.zeros(4, 16, 4, 16, 16, dtype=precision), []
        with torch.no_grad():
            for _ in range(5):
                clock = time.perf_counter()
                layer(clips)
                times.append(time.perf_counter() - clock)
        took[precision] = min(times)
    return took[torch.bfloat16] > 3 * took[torch.float32]


def faster_precision(recipe: Recipe, sampler: MemoryLoader | FileLoader, device: torch.device) -> str:
    """`"bfloat16"` where a few steps in it take less than .9 of the time of float32."""
    if broadcast(emulates_bfloat16(device)):  # all have to go the same way from here
        return "float32"  # a few steps to find that out would take minutes
    took = {
        precision: seconds_per_step(recipe.replace(precision=precision), sampler, device)
        for precision in ("float32", "bfloat16")
    }
    return "bfloat16" if took["bfloat16"] < 0.9 * took["float32"] else "float32"
