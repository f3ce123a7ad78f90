"""Finds the faster precision on this machine, by a few trial steps of a throwaway model."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from itertools import islice

import torch
from torch import nn

from cvrl_lite.train.distributed import GracefulExit, broadcast, is_first
from cvrl_lite.train.engine import Trainer, report_out_of_memory

TRIAL_STEPS = 3  # after one warm-up step
SHORTEST = 2 * (1 + TRIAL_STEPS)  # steps of a trial, and of the longest training that skips it

_log = logging.getLogger(__name__)


def seconds_per_step(trainer: Trainer, steps: int = TRIAL_STEPS) -> float:
    """The time of a step in seconds: the minimum over a few steps, after one warm-up step.

    Args:
        trainer: The trainer, which is trained by these steps. Its plan must have more steps.
        steps: Number of timed steps.
    """
    times, clock = [], time.perf_counter()
    with report_out_of_memory(trainer.plan.batch // trainer.world, trainer.device):
        for step, batch in enumerate(islice(trainer.batches(), steps + 1)):
            trainer.step(step, batch)
            list(trainer.read(GracefulExit()))  # waits for the device
            times.append(time.perf_counter() - clock)
            clock = time.perf_counter()
    return min(times[1:])  # other load only makes steps slower


def emulates_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 is far slower than float32 here, as on processors without instructions for it, which
    take ten times as long or more. Measured on a small convolution within milliseconds.

    Example:
        >>> precision = "float32" if emulates_bfloat16(torch.device("cpu")) else "bfloat16"
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


def faster_precision(
    trainer_in: Callable[[str], Trainer], device: torch.device
) -> tuple[str, dict[str, float]]:
    """`"bfloat16"` where a few steps in it take less than .9 of the time of float32.

    The trial is logged, because it may take minutes.

    Args:
        trainer_in: Makes a new trainer in "float32" or "bfloat16".
        device: The device to train on.

    Returns:
        The precision, the same in all processes, and the seconds per step of each precision that was tried;
        empty if the processor lacks instructions for bfloat16.
    """
    if broadcast(emulates_bfloat16(device)):  # all processes must take the same branch
        return "float32", {}  # a few steps to find that out would take minutes
    took: dict[str, float] = {}
    for precision in ("float32", "bfloat16"):
        if is_first():
            _log.info("trying %d steps in %s, to see which precision is faster", 1 + TRIAL_STEPS, precision)
        took[precision] = seconds_per_step(trainer_in(precision))
    if is_first():
        _log.info("a step takes %s", ", ".join(f"{value:.2g} s in {name}" for name, value in took.items()))
    return broadcast("bfloat16" if took["bfloat16"] < 0.9 * took["float32"] else "float32"), took
