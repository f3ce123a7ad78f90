"""Communication between the processes of a distributed training; a no-op in a single process.

Axes: W processes, N rows of one process.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


def processes() -> tuple[int, int]:
    """The rank of this process and the number of processes.

    Example:
        >>> rank, count = processes()
        >>> rank, count  # not started by torchrun
        (0, 1)
    """
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

    A process receives the *sum* of its rows' gradients over all processes' losses. DistributedDataParallel
    then averages the gradients of parameters, so they are those of the mean loss. (The released code also
    divides the sum by the number of processes, which makes them too small.)

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
    """Scales a sum over this process's rows to its part of the mean over all processes' rows.

    The *mean* of the result over processes is the mean over all rows, as required by the gradient averaging
    of DistributedDataParallel.

    Args:
        total: (), the sum, with gradients.
        count: (), the number of rows in it.
    """
    return total * (processes()[1] / all_reduce_sum(count.to(total.dtype)).clamp(min=1))


def all_reduce_sum(value: Tensor) -> Tensor:
    """The sum over all processes, without gradients.

    Example:
        >>> all_reduce_sum(torch.tensor([2.0, 3.0]))
        tensor([2., 3.])
    """
    if processes()[1] == 1:
        return value.detach()
    value = value.detach().clone()
    dist.all_reduce(value)
    return value
