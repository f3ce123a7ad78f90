"""Several processes that train one model, as torchrun starts them."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

import torch
import torch.distributed as dist

T = TypeVar("T")


def is_first() -> bool:
    """Whether this is the process that writes and speaks: the only one, or torchrun's first."""
    return int(os.environ.get("RANK", "0")) == 0


def device() -> torch.device:
    """Where this process trains: its own GPU, or the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    return torch.device("cpu")


@contextmanager
def distributed() -> Iterator[torch.device]:
    """Joins the other processes, where torchrun started several; gives the device to train on.

    Processes on GPUs talk through NCCL, others through gloo.

    Raises:
        ConnectionError: One of them ended meanwhile.
    """
    here = device()
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or dist.is_initialized():
        yield here
        return
    cuda = here.type == "cuda"
    if cuda:
        torch.cuda.set_device(here)
    dist.init_process_group("nccl" if cuda else "gloo", device_id=here if cuda else None)
    try:
        yield here
        dist.barrier()  # none leaves, and takes the connection with it, before all are done
    except RuntimeError as error:
        if not isinstance(error, dist.DistError) and "gloo" not in str(error):
            raise
        raise ConnectionError("another process of the training has ended, and says why") from None
    finally:
        dist.destroy_process_group()


def broadcast(value: T) -> T:
    """The value that the first process has, in all of them."""
    if not dist.is_initialized():
        return value
    held = [value]
    dist.broadcast_object_list(held, src=0)
    return held[0]


class GracefulExit:
    """Turns the first Ctrl-C, or a request to end, into a note; the next one is not held back.

    So a step is finished, and a checkpoint written, before a training ends. A note may come at any moment,
    so no process acts on its own: all end at the step at which they learned of it together.

    Attributes:
        received: The signal by which this process was told to stop; 0 before. Only the handler sets it.
        agreed: The signal that one of them got, once all know of it; 0 before.
    """

    def __init__(self) -> None:
        self.received = self.agreed = 0
        self._before: dict[int, Any] = {}
        self._process = os.getpid()

    def __enter__(self) -> GracefulExit:
        if threading.current_thread() is threading.main_thread():  # only there can signals be handled
            self._before = {
                number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)
            }
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.received or os.getpid() != self._process:  # a worker of ours, forked, has nothing to finish
            signal.signal(number, self._before[number])
            signal.raise_signal(number)
        self.received = number
