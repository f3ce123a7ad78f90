"""Distributed training of one model by several processes, as started by torchrun."""

from __future__ import annotations

import atexit
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

import torch
import torch.distributed as dist

from cvrl_lite.pretext import processes

T = TypeVar("T")


def is_first() -> bool:
    """Whether this process writes files and messages: the only process, or rank 0 of torchrun."""
    return int(os.environ.get("RANK", "0")) == 0


def device() -> torch.device:
    """The device of this process: its own GPU, or the CPU.

    Example:
        >>> device().type in ("cpu", "cuda")
        True
    """
    if torch.cuda.is_available():
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    return torch.device("cpu")


class _Group:
    """The state of the process group.

    The group is created once and stays until the process ends: destroying it while a DistributedDataParallel
    still refers to it can block forever, and so can creating a second one.
    """

    joined = False
    in_use = False


@contextmanager
def distributed() -> Iterator[torch.device]:
    """Joins the process group if torchrun started several processes, and yields the device to train on.

    Processes on GPUs communicate through NCCL, others through gloo. Several trainings in one script share one
    group, which stays until the process ends.

    Raises:
        ConnectionError: Another process ended in the meantime.
    """
    here = device()
    alone = int(os.environ.get("WORLD_SIZE", "1")) == 1
    if alone or _Group.in_use or (dist.is_initialized() and not _Group.joined):
        yield here
        return
    cuda = here.type == "cuda"
    if not _Group.joined:
        if cuda:
            torch.cuda.set_device(here)
        dist.init_process_group("nccl" if cuda else "gloo", device_id=here if cuda else None)
        atexit.register(dist.destroy_process_group)
        _Group.joined = True
    _Group.in_use = True
    try:
        yield here
        dist.barrier()  # a process that exits closes its connections, so wait for all
    except RuntimeError as error:
        if not isinstance(error, dist.DistError) and "gloo" not in str(error):
            raise
        raise ConnectionError("another process of the training has ended, and says why") from None
    finally:
        _Group.in_use = False


def processes_sharing(batch: int) -> tuple[int, int]:
    """This process's rank, and the number of processes that share each batch.

    Raises:
        ValueError: The batch cannot be divided evenly.
    """
    rank, world = processes()
    if batch % world:
        raise ValueError(f"a batch of {batch} cannot be shared by {world} processes")
    return rank, world


def broadcast(value: T) -> T:
    """Sends the value of rank 0 to all processes."""
    if not dist.is_initialized():
        return value
    held = [value]
    dist.broadcast_object_list(held, src=0)
    return held[0]


class GracefulExit:
    """Defers the first SIGINT or SIGTERM, so that a training can write a checkpoint before it ends.

    A second signal takes effect immediately. Signals may reach any process at any time, so processes
    synchronize: all of them end after the step at which they exchange what they received.

    Attributes:
        received: The signal that this process received, or 0. Set only by the handler.
        agreed: The signal that any process received, once all have been informed, or 0.
    """

    def __init__(self) -> None:
        self.received = self.agreed = 0
        self._before: dict[int, Any] = {}
        self._process = os.getpid()

    def __enter__(self) -> GracefulExit:
        if threading.current_thread() is threading.main_thread():  # signals can be handled only there
            self._before = {
                number: signal.signal(number, self._receive) for number in (signal.SIGINT, signal.SIGTERM)
            }
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self.received or os.getpid() != self._process:  # a forked worker has nothing to finish
            signal.signal(number, self._before[number])
            signal.raise_signal(number)
        self.received = number
