"""InfoNCE, plain and in blocks.

Axes: N queries, M keys, D projection width.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from cvrl_lite.pretext.gather import all_reduce_sum, processes, shared_mean

Allowed = Callable[[Tensor], Tensor]
"""From numbers of queries (n,) to the keys that may stand in their comparisons, (n, M) bool."""

_BLOCK = 2**22  # logits held at a time, 16 MB in float32
_LEAST_ROWS = 256  # of a block on a GPU, which thinner products leave idle: at 800,000 keys .8 GB


def info_nce(
    queries: Tensor,
    keys: Tensor,
    temperature: float = 0.1,
    valid: Tensor | None = None,
    *,
    allowed: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """InfoNCE: each query has to find its own key among all keys.

    Args:
        queries: (N, D) float.
        keys: (M, D) float, M >= N. Row i's positive is key i; all further keys are its negatives.
        temperature: Divides the cosine; small values look at the hardest negatives only. Above 0.
        valid: (N,) bool; rows that count. All, where it is None.
        allowed: (N, M) bool; pairs that may stand in the comparison. A positive always does.

    Returns:
        The mean loss over the valid rows, in nats, and the share of them whose own key scores highest.
        Both are 0 when no row is valid.

    Raises:
        ValueError: There are fewer keys than queries, their widths differ, or `valid` has another shape.

    Source:
        The released code; van den Oord et al. 2018 (arXiv 1807.03748) for the loss.

    Example:
        >>> loss, accuracy = info_nce(torch.eye(4), torch.eye(4))
        >>> bool(loss < 0.001), float(accuracy)
        (True, 1.0)
    """
    _check(queries, keys, valid)
    with torch.autocast(queries.device.type, enabled=False):
        logits = _unit(queries) @ _unit(keys).T / temperature
    targets = torch.arange(len(queries), device=queries.device)
    if allowed is not None:
        own = torch.zeros_like(allowed)
        own[targets, targets] = True
        logits = logits.masked_fill(~(allowed | own), float("-inf"))
    if valid is not None:
        logits, targets = logits[valid], targets[valid]
    if not len(targets):
        return logits.sum() * 0.0, logits.new_zeros(())
    accuracy = (logits.argmax(1) == targets).float().mean()
    return F.cross_entropy(logits, targets), accuracy


def info_nce_in_blocks(
    queries: Tensor,
    keys: Tensor,
    temperature: float = 0.1,
    valid: Tensor | None = None,
    *,
    allowed: Allowed | None = None,
    block: int = _BLOCK,
) -> tuple[Tensor, Tensor]:
    """`info_nce` without its N x M matrix, and over all processes of a distributed training.

    Some rows of the matrix are held at a time; the way back computes them again. That takes a third more
    arithmetic and a fixed amount of memory.

    Args:
        queries: (N, D) float, this process's.
        keys: (M, D) float, those of all processes. Process r's row i has key r N + i as its positive.
        temperature: As in `info_nce`.
        valid: (N,) bool, as in `info_nce`.
        allowed: Which pairs may stand in the comparison; a positive always does.
        block: Logits to hold at a time; on a GPU at least 256 rows of them.

    Returns:
        The loss and the accuracy. In one process they are those of `info_nce`. In several, the accuracy is
        that of all rows, and the loss is this process's part of the mean; see `shared_mean`.

    Raises:
        ValueError: There are fewer keys than queries, their widths differ, or `valid` has another shape.

    Example:
        >>> loss, accuracy = info_nce_in_blocks(torch.eye(4), torch.eye(4), temperature=0.1, block=8)
        >>> bool(loss < 0.001), float(accuracy)
        (True, 1.0)
    """
    _check(queries, keys, valid)
    rank, _ = processes()
    rows = torch.arange(len(queries), device=queries.device)
    rows = rows if valid is None else rows[valid]
    with torch.autocast(queries.device.type, enabled=False):
        units, others = _unit(queries), _unit(keys)
        loss, hits = _Blocks.apply(  # type: ignore[no-untyped-call]
            units[rows], others, temperature, rows, rank * len(queries), allowed, block
        )
    count = hits.new_tensor(float(len(rows)))
    return shared_mean(loss, count), (all_reduce_sum(hits) / all_reduce_sum(count).clamp(min=1)).float()


class _Blocks(torch.autograd.Function):
    """The sum of the rows' losses, and how many rows find their own key."""

    @staticmethod
    def forward(
        ctx: Any,
        queries: Tensor,
        keys: Tensor,
        temperature: float,
        rows: Tensor,
        first: int,
        allowed: Allowed | None,
        block: int,
    ) -> tuple[Tensor, Tensor]:
        ctx.temperature, ctx.first, ctx.allowed = temperature, first, allowed
        least = _LEAST_ROWS if queries.is_cuda else 1
        ctx.step = max(least, block // max(1, len(keys)))
        ends, loss, hits = queries.new_empty(len(rows)), queries.new_zeros(()), queries.new_zeros(())
        room = queries.new_empty(min(ctx.step, len(rows)), len(keys))  # one for all blocks
        for start in range(0, len(rows), ctx.step):
            part = slice(start, start + ctx.step)
            logits = _logits(queries[part], keys, rows[part], temperature, first, allowed, room)
            targets = (first + rows[part])[:, None]
            ends[part] = logits.logsumexp(1)
            loss += (ends[part] - logits.gather(1, targets)[:, 0]).sum()
            hits += (logits.argmax(1) == targets[:, 0]).sum()
        ctx.save_for_backward(queries, keys, rows, ends)
        ctx.mark_non_differentiable(hits)
        return loss, hits

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        queries, keys, rows, ends = ctx.saved_tensors
        to_queries, to_keys = torch.empty_like(queries), torch.zeros_like(keys)
        room = queries.new_empty(min(ctx.step, len(rows)), len(keys))
        for start in range(0, len(rows), ctx.step):
            part = slice(start, start + ctx.step)
            own = queries[part]
            logits = _logits(own, keys, rows[part], ctx.temperature, ctx.first, ctx.allowed, room)
            share = logits.sub_(ends[part, None]).exp_()
            targets = (ctx.first + rows[part])[:, None]
            share.scatter_add_(1, targets, share.new_full(targets.shape, -1.0))
            share *= gradients[0] / ctx.temperature
            torch.mm(share, keys, out=to_queries[part])
            to_keys.addmm_(share.T, own)
        return to_queries, to_keys, None, None, None, None, None


def _logits(
    queries: Tensor,
    keys: Tensor,
    rows: Tensor,
    temperature: float,
    first: int,
    allowed: Allowed | None,
    room: Tensor,
) -> Tensor:
    """A block of the matrix, made in `room`."""
    logits = torch.mm(queries, keys.T, out=room[: len(queries)])
    logits /= temperature
    if allowed is not None:
        own = (first + rows)[:, None]
        positive = logits.gather(1, own)
        logits.masked_fill_(~allowed(rows), float("-inf")).scatter_(1, own, positive)
    return logits


def _unit(rows: Tensor) -> Tensor:
    """Rows of length 1, in float32 at least."""
    return F.normalize(rows if rows.dtype == torch.float64 else rows.float(), dim=1)


def _check(queries: Tensor, keys: Tensor, valid: Tensor | None) -> None:
    if queries.ndim != 2 or keys.ndim != 2 or queries.shape[1] != keys.shape[1] or len(keys) < len(queries):
        raise ValueError(
            "info_nce takes queries (N, D) and keys (M, D), M >= N; "
            f"got {tuple(queries.shape)} and {tuple(keys.shape)}"
        )
    if valid is not None and valid.shape != queries.shape[:1]:
        raise ValueError(
            f"valid says of each query whether it counts, ({len(queries)},) bool; got {tuple(valid.shape)}"
        )
