"""The training loop of pretraining, finetuning and the baselines of the study.

It is independent of the task: a model maps a batch to a loss and metrics, a plan sets the number of steps and
the learning rate, a loader yields batches, and a folder stores metrics and checkpoints. All random numbers of
a step follow from the plan's seed and the step, so a run resumed from weights and optimizer state gives the
same numbers as an uninterrupted one.
"""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from cvrl_lite.datasets import Batch
from cvrl_lite.errors import Diverged
from cvrl_lite.models import synchronized
from cvrl_lite.pretext import all_reduce_sum
from cvrl_lite.progress import track
from cvrl_lite.train.checkpoint import Folder
from cvrl_lite.train.config import Optimization
from cvrl_lite.train.distributed import GracefulExit, processes_sharing
from cvrl_lite.train.optim import learning_rate, make_optimizer

_READ_EVERY = {"cuda": 10}  # steps between reads of the metrics, which wait for the GPU; otherwise 1
_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_EXPLODED = 1e4  # nats; for comparison, guessing among a million keys has a loss of 14


class Plan(Protocol):
    """The settings that the engine reads; `Recipe` and `Finetuning` are plans."""

    @property
    def steps(self) -> int:
        """Number of training steps."""
        ...

    @property
    def batch(self) -> int:
        """Clips per batch, summed over all processes."""
        ...

    @property
    def seed(self) -> int:
        """Seeds everything random."""
        ...

    @property
    def precision(self) -> str:
        """Precision of the forward pass: "float32" or "bfloat16"."""
        ...

    @property
    def optimization(self) -> Optimization:
        """Settings of the optimizer."""
        ...

    @property
    def save_every(self) -> int:
        """Steps between checkpoints."""
        ...

    @property
    def keep(self) -> int:
        """Number of checkpoints to keep."""
        ...


class Loader(Protocol):
    """A source of batches; see `datasets.MemoryLoader.batches`."""

    def batches(
        self, size: int, steps: int, *, first: int = 0, share: tuple[int, int] = (0, 1)
    ) -> Iterator[Batch]:
        """The batches from `first` on."""
        ...


@dataclass(frozen=True)
class Callback:
    """A function to call every few steps, and after the last one.

    Attributes:
        every: Steps between calls.
        call: Called with the number of steps done, the model, and the inputs of the step (in pretraining,
            the augmented views). It returns metrics that are added to those of the step, and may leave the
            model in evaluation mode. In distributed training only rank 0 calls it.

    Example:
        >>> def norm(step, model, inputs):
        ...     return {"norm": sum(weights.detach().norm().item() for weights in model.parameters())}
        >>> check = Callback(every=50, call=norm)
        >>> list(check.call(50, nn.Linear(2, 2), None))
        ['norm']
    """

    every: int
    call: Callable[[int, nn.Module, Any], Mapping[str, float]]


@dataclass(frozen=True)
class Outcome:
    """The outcome of `Trainer.fit`.

    Attributes:
        steps: Steps done, including those of earlier runs.
        seconds: Time spent in this run.
        ended_by: The signal that ended it early, SIGINT or SIGTERM; 0 if it ran to the end.
    """

    steps: int
    seconds: float
    ended_by: int


@dataclass(frozen=True)
class _Unread:
    """A step whose metrics are still on the device."""

    step: int
    rate: float
    names: tuple[str, ...]
    replaced: int
    metrics: dict[str, Tensor]


class Trainer:
    """Trains a model step by step.

    Args:
        model: Called as `model(inputs, progress)`, where `progress` is the share of the training done, 0..1.
            It returns the loss () and metrics by name, each a tensor (). It is moved to the device.
        plan: Steps, batch, seed, precision, optimization, checkpoints.
        loader: Yields the batches.
        device: The device to train on.
        prepare: Turns a batch on the device into the model's inputs, outside autocast.
        find_unused_parameters: Passed to DistributedDataParallel: whether a step may leave parameters
            without a gradient.

    Raises:
        ValueError: The batch cannot be divided evenly among the processes.

    Example:
        >>> from cvrl_lite.train.config import Finetuning
        >>> class Noise:
        ...     def batches(self, size, steps, *, first=0, share=(0, 1)):
        ...         for _ in range(first, steps):
        ...             yield Batch(torch.rand(size, 4), *torch.zeros(5, size))
        >>> class Energy(nn.Linear):
        ...     def forward(self, inputs, progress):
        ...         return super().forward(inputs).square().mean(), {}
        >>> how = {"device": torch.device("cpu"), "prepare": lambda batch: batch.clip}
        >>> trainer = Trainer(Energy(4, 1), Finetuning(steps=3, batch=2), Noise(), **how)
        >>> trainer.fit(0).steps
        3
    """

    def __init__(
        self,
        model: nn.Module,
        plan: Plan,
        loader: Loader,
        *,
        device: torch.device,
        prepare: Callable[[Batch], Any],
        find_unused_parameters: bool = False,
    ) -> None:
        self.rank, self.world = processes_sharing(plan.batch)
        self.plan, self.loader, self.device, self.prepare = plan, loader, device, prepare
        self.model = synchronized(model.to(device))
        self.model.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        self.optimizer = make_optimizer(self.model, plan.optimization)
        self.called: nn.Module = self.model
        if self.world > 1:
            self.called = DistributedDataParallel(self.model, find_unused_parameters=find_unused_parameters)
        self._unread: list[_Unread] = []
        self._last_read = time.perf_counter()

    def resume(self, folder: Folder) -> int:
        """Loads the folder's last checkpoint and returns its step."""
        done = folder.restore(self.model, self.optimizer)
        if self.world > 1:
            dist.barrier()  # all processes must have read before rank 0 writes
        return done

    def fit(
        self,
        done: int = 0,
        folder: Folder | None = None,
        *,
        callbacks: Sequence[Callback] = (),
        log: Callable[[Mapping[str, Any]], None] | None = None,
        description: str = "training",
    ) -> Outcome:
        """Trains to the plan's end, or until Ctrl-C or SIGTERM.

        Args:
            done: Steps done before, as returned by `resume`.
            folder: Receives metrics and checkpoints; only rank 0 writes.
            callbacks: Functions to call every few steps.
            log: Also receives the metrics of each step, in rank 0.
            description: Label of the progress bar.

        Raises:
            Diverged: A loss or the gradient norm is not finite; the message names the step and the files.
            MemoryError: Model and batch do not fit into memory.
        """
        plan, began = self.plan, time.perf_counter()
        writes = folder if self.rank == 0 else None
        if writes:
            writes.cut_metrics(done)
        with GracefulExit() as stop, report_out_of_memory(plan.batch // self.world, self.device):
            self.model.train()
            self._last_read = time.perf_counter()
            batches = self.batches(done)
            for batch in track(batches, description, plan.steps - done) if self.rank == 0 else batches:
                inputs = self.step(done, batch)
                done += 1
                last = done == plan.steps
                due = [callback for callback in callbacks if last or done % callback.every == 0]
                save = last or done % plan.save_every == 0
                read_now = done % _READ_EVERY.get(self.device.type, 1) == 0
                stop_now = self.world == 1 and stop.received  # several processes agree at their next read
                if not (due or save or read_now or stop_now):
                    continue
                for metrics in self.read(stop):
                    if due and metrics["step"] == done and self.rank == 0:
                        for callback in due:
                            metrics |= callback.call(done, self.model, inputs)
                        self.model.train()
                    metrics["seconds"] = round(time.perf_counter() - began, 3)
                    if writes:
                        writes.add_metrics(metrics)
                    if log and self.rank == 0:
                        log(metrics)
                if writes and (save or stop.agreed):
                    writes.save(done, self.model, self.optimizer, 1 if last else plan.keep)
                self._last_read = time.perf_counter()
                if stop.agreed:
                    break
        if writes:
            writes.finish(self.model)
        ended_by = stop.agreed if done < plan.steps else 0
        return Outcome(done, time.perf_counter() - began, ended_by)

    def batches(self, first: int = 0) -> Iterator[Batch]:
        """This process's part of the plan's batches, from `first` on."""
        share = (self.rank, self.world)
        return self.loader.batches(self.plan.batch, self.plan.steps, first=first, share=share)

    def step(self, step: int, batch: Batch) -> Any:
        """Runs one step: forward, backward, update. Its metrics stay on the device.

        Args:
            step: Its number, from 0.
            batch: This process's part of the batch.

        Returns:
            The model's inputs.
        """
        plan, rate = self.plan, learning_rate(step, self.plan)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        torch.manual_seed(step_seed(plan.seed, step, self.rank))  # dropout
        inputs = self.prepare(batch.to(self.device))
        with torch.autocast(self.device.type, torch.bfloat16, enabled=plan.precision == "bfloat16"):
            loss, metrics = self.called(inputs, step / plan.steps)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        longest = plan.optimization.clip_norm
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), math.inf if longest is None else longest)
        self.optimizer.step()
        kept = {name: value.detach().float() for name, value in metrics.items()} | {"gradient_norm": norm}
        self._unread.append(_Unread(step + 1, rate, batch.names, batch.replaced, kept))
        return inputs

    def read(self, stop: GracefulExit) -> Iterator[dict[str, Any]]:
        """The metrics of all steps since the last read, averaged over the processes; waits for the device.

        Processes also exchange received signals here; a signal that arrives later is sent at the next read.

        Args:
            stop: Its `agreed` is set if any process received a signal.

        Yields:
            One dictionary per step.

        Raises:
            Diverged: A loss or the gradient norm of a step is not finite. Earlier steps are yielded first.
        """
        unread, self._unread = self._unread, []
        received = [float(stop.received == number) for number in _SIGNALS]
        counts = torch.tensor([*received, *(float(step.replaced) for step in unread)], device=self.device)
        values = [value for step in unread for value in step.metrics.values()]
        shared = all_reduce_sum(torch.cat([counts, torch.stack(values)])).tolist()
        took = time.perf_counter() - self._last_read
        stop.agreed = next((n for n, count in zip(_SIGNALS, shared, strict=False) if count), 0)
        replaced = shared[len(_SIGNALS) : len(counts)]
        means = iter([value / self.world for value in shared[len(counts) :]])
        for step, files in zip(unread, replaced, strict=True):
            numbers = {name: next(means) for name in step.metrics}
            for name, value in numbers.items():
                if not math.isfinite(value) or (name.endswith("loss") and value > _EXPLODED):
                    names = ", ".join(step.names[:8]) + (" ..." if len(step.names) > 8 else "")
                    raise Diverged(f"step {step.step}: {name} is {value:g}; the batch holds {names}")
            numbers = {name: round(value, 5) for name, value in numbers.items()}
            numbers |= {"replaced": int(files), "learning_rate": step.rate}
            speed = round(self.plan.batch * len(unread) / took, 1)
            yield {"step": step.step} | numbers | {"clips_per_second": speed}


def step_seed(seed: int, step: int, rank: int = 0) -> int:
    """The seed of a step's dropout.

    Args:
        seed: Seed of the training.
        step: Number of the step, from 0.
        rank: Rank of the process.

    Returns:
        63 bits, for `torch.manual_seed`.

    Example:
        >>> step_seed(0, 1) == step_seed(0, 1), step_seed(0, 1) == step_seed(0, 2)
        (True, False)
    """
    state = np.random.SeedSequence((seed, step, rank)).generate_state(1, np.uint64)
    return int(state[0] >> np.uint64(1))


@contextmanager
def report_out_of_memory(clips: int, device: torch.device) -> Iterator[None]:
    """Turns out-of-memory errors of torch and NumPy into one line with advice.

    Args:
        clips: Clips per batch in one process.
        device: The device that ran out of memory.

    Raises:
        MemoryError: Memory ran out.

    Example:
        >>> with report_out_of_memory(64, torch.device("cpu")):
        ...     torch.empty(2**60)
        Traceback (most recent call last):
        MemoryError: cpu: out of memory with 64 clips a batch and process: take a smaller batch, ...
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        out_of_memory = isinstance(error, (MemoryError, torch.OutOfMemoryError))
        if not out_of_memory and "DefaultCPUAllocator" not in str(error):
            raise
        raise MemoryError(
            f"{device}: out of memory with {clips} clips a batch and process: take a smaller batch, smaller "
            "or fewer frames, or more processes (torchrun); the last checkpoint is kept"
        ) from None
