"""What the processes of a distributed training give each other. In a single process nothing is exchanged.

Axes: W processes, N rows of one process.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


def processes() -> tuple[int, int]:
    """This process's number, from 0, and how many train together."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank(), dist.get_world_size()
    return 0, 1


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        ctx.num_rows = len(rows)
        parts = [torch.empty_like(rows) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        # Each process's loss reads the rows of all; the gradients of this process's rows add up.
        total = gradients[0].contiguous().clone()
        dist.all_reduce(total)
        return total[dist.get_rank() * ctx.num_rows :][: ctx.num_rows]


def gather(rows: Tensor) -> Tensor:
    """The rows of all processes, with gradients that flow back to the process they came from.

    A process gets the *sum* of the gradients that its rows have in all processes' losses. Under
    DistributedDataParallel, which averages the gradients of parameters, that makes them those of the mean
    loss. (The released code also divides the sum by the number of processes, which makes them too small.)

    Args:
        rows: (N, ...) of any dtype, the same shape in all processes.

    Returns:
        (W N, ...), process 0 first; `rows` itself if there is one process.

    Example:
        >>> gather(torch.ones(2, 3)).shape
        torch.Size([2, 3])
    """
    if processes()[1] == 1 or not rows.numel():
        return rows
    if rows.dtype == torch.bool:
        return gather(rows.to(torch.uint8)).bool()
    gathered: Tensor = _Gather.apply(rows)  # type: ignore[no-untyped-call]
    return gathered


def shared_mean(total: Tensor, count: Tensor) -> Tensor:
    """A sum over this process's rows as its part of the mean over all processes' rows.

    It is scaled so that the *mean* over the processes is the mean over all rows: what
    DistributedDataParallel's averaging of gradients expects.

    Args:
        total: (), the sum, with gradients.
        count: (), how many rows it has.
    """
    return total * (processes()[1] / all_reduce_sum(count.to(total.dtype)).clamp(min=1))


def all_reduce_sum(value: Tensor) -> Tensor:
    """The sum over all processes, without gradients."""
    if processes()[1] == 1:
        return value.detach()
    value = value.detach().clone()
    dist.all_reduce(value)
    return value
