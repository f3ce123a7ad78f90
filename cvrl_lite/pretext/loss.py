"""InfoNCE, with its matrix of logits whole or in blocks.

Axes: N queries, M keys, D projection width.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from cvrl_lite.pretext.gather import all_reduce_sum, processes, shared_mean

BLOCK = 2**22
"""Number of logits that the tasks hold at a time, 16 MB in float32."""

_MIN_ROWS = 256  # per block on a GPU, where smaller products are inefficient; .8 GB at 800,000 keys


class PairMask(Protocol):
    """Which keys each query is compared with: an (N, M) bool tensor, or an object that is indexed like one.

    Such an object can compute rows when they are needed, so that no N x M matrix is held.

    Example:
        >>> class SameHalf:  # of ten keys
        ...     def __getitem__(self, rows):
        ...         return (rows[:, None] < 5) == (torch.arange(10) < 5)
        >>> loss, accuracy = info_nce(torch.eye(10), torch.eye(10), allowed=SameHalf())
        >>> float(accuracy)
        1.0
    """

    def __getitem__(self, rows: Tensor, /) -> Tensor:
        """The rows of some queries, (n,) int64, as (n, M) bool."""


def info_nce(
    queries: Tensor,
    keys: Tensor,
    temperature: float = 0.1,
    *,
    valid: Tensor | None = None,
    allowed: PairMask | None = None,
    block: int | None = None,
) -> tuple[Tensor, Tensor]:
    """InfoNCE: each query has to be matched to its own key among all keys.

    In distributed training, `queries` are those of this process and `keys` those of all processes in rank
    order (see `gather`): row i of rank r has key r N + i as its positive.

    Args:
        queries: (N, D) float.
        keys: (M, D) float, M >= N times the number of processes. Row i's positive is key i; all further keys
            are its negatives.
        temperature: Divides the cosine similarity, above 0; small values emphasize the hardest negatives.
        valid: (N,) bool; rows that count. None counts all.
        allowed: Pairs to compare, an (N, M) bool tensor or a `PairMask`; None compares all. Positives are
            always compared.
        block: Number of logits to hold at a time, on a GPU at least 256 rows. They are recomputed in the
            backward pass, which costs a third more arithmetic. None holds the whole N x M matrix.

    Returns:
        The mean loss over the valid rows, in nats, and the share of them whose own key scores highest.
        Both are 0 if no row is valid. In distributed training, the share is over all processes' rows, and the
        loss is this process's part of the mean over them (see `shared_mean`).

    Raises:
        ValueError: There are fewer keys than queries, their widths differ, or `valid` or `allowed` has
            another shape.

    Source:
        The released code; van den Oord et al. 2018 (arXiv 1807.03748) for the loss.

    Example:
        >>> loss, accuracy = info_nce(torch.eye(4), torch.eye(4))
        >>> bool(loss < 0.001), float(accuracy)
        (True, 1.0)
        >>> torch.allclose(info_nce(torch.eye(4), torch.eye(4), block=8)[0], loss, atol=1e-6)
        True
        >>> alone = torch.zeros(4, 4, dtype=torch.bool)  # no negatives
        >>> float(info_nce(torch.eye(4), torch.eye(4), allowed=alone)[0])
        0.0
    """
    rank, world = processes()
    _check(queries, keys, valid, allowed, world)
    rows = torch.arange(len(queries), device=queries.device)
    with torch.autocast(queries.device.type, enabled=False):
        units, others = _unit(queries), _unit(keys)
        if valid is not None:
            units, rows = units[valid], rows[valid]
        targets = rank * len(queries) + rows
        if block is None:
            loss, hits = _whole(units, others, temperature, rows, targets, allowed)
        else:
            loss, hits = _Blocks.apply(  # type: ignore[no-untyped-call]
                units, others, temperature, rows, targets, allowed, block
            )
    count = hits.new_tensor(float(len(rows)))
    return shared_mean(loss, count), (all_reduce_sum(hits) / all_reduce_sum(count).clamp(min=1)).float()


def _whole(
    queries: Tensor,
    keys: Tensor,
    temperature: float,
    rows: Tensor,
    targets: Tensor,
    allowed: PairMask | None,
) -> tuple[Tensor, Tensor]:
    """The sum of the rows' losses, and the number of rows whose own key scores highest."""
    logits = queries @ keys.T / temperature
    if allowed is not None:
        logits = logits.masked_fill(_left_out(allowed, rows, targets), float("-inf"))
    hits = (logits.argmax(1) == targets).sum().to(logits.dtype)
    return F.cross_entropy(logits, targets, reduction="sum"), hits


class _Blocks(torch.autograd.Function):
    """As `_whole`, for some rows of the matrix at a time.

    `torch.utils.checkpoint` around each block would need no backward here, but takes 1.1 to 1.5 times as long
    on a CPU, and 1.3 to 3.5 times the memory (docs/benchmarks.md): it holds several matrices per block, and
    the gradient of one block in addition to that of all keys.
    """

    @staticmethod
    def forward(
        ctx: Any,
        queries: Tensor,
        keys: Tensor,
        temperature: float,
        rows: Tensor,
        targets: Tensor,
        allowed: PairMask | None,
        block: int,
    ) -> tuple[Tensor, Tensor]:
        ctx.temperature, ctx.allowed = temperature, allowed
        ctx.step = max(_MIN_ROWS if queries.is_cuda else 1, block // max(1, len(keys)))
        lse, loss, hits = queries.new_empty(len(rows)), queries.new_zeros(()), queries.new_zeros(())
        buffer = queries.new_empty(min(ctx.step, len(rows)), len(keys))  # one for all blocks
        for start in range(0, len(rows), ctx.step):
            part = slice(start, start + ctx.step)
            logits = _logits(queries[part], keys, temperature, rows[part], targets[part], allowed, buffer)
            own = targets[part, None]
            lse[part] = logits.logsumexp(1)
            loss += (lse[part] - logits.gather(1, own)[:, 0]).sum()
            hits += (logits.argmax(1) == own[:, 0]).sum()
        ctx.save_for_backward(queries, keys, rows, targets, lse)
        ctx.mark_non_differentiable(hits)
        return loss, hits

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        queries, keys, rows, targets, lse = ctx.saved_tensors
        to_queries, to_keys = torch.empty_like(queries), torch.zeros_like(keys)
        buffer = queries.new_empty(min(ctx.step, len(rows)), len(keys))
        for start in range(0, len(rows), ctx.step):
            part = slice(start, start + ctx.step)
            logits = _logits(
                queries[part], keys, ctx.temperature, rows[part], targets[part], ctx.allowed, buffer
            )
            share = logits.sub_(lse[part, None]).exp_()  # softmax
            own = targets[part, None]
            share.scatter_add_(1, own, share.new_full(own.shape, -1.0))
            share *= gradients[0] / ctx.temperature
            torch.mm(share, keys, out=to_queries[part])
            to_keys.addmm_(share.T, queries[part])
        return to_queries, to_keys, None, None, None, None, None


def _logits(
    queries: Tensor,
    keys: Tensor,
    temperature: float,
    rows: Tensor,
    targets: Tensor,
    allowed: PairMask | None,
    buffer: Tensor,
) -> Tensor:
    """A block of the matrix, computed in `buffer`."""
    logits = torch.mm(queries, keys.T, out=buffer[: len(queries)])
    logits /= temperature
    if allowed is not None:
        logits.masked_fill_(_left_out(allowed, rows, targets), float("-inf"))
    return logits


def _left_out(allowed: PairMask, rows: Tensor, targets: Tensor) -> Tensor:
    """The pairs that are not compared, (n, M) bool; positives are always compared."""
    return (~allowed[rows]).scatter_(1, targets[:, None], False)


def _unit(rows: Tensor) -> Tensor:
    """Rows scaled to length 1, in at least float32."""
    return F.normalize(rows if rows.dtype == torch.float64 else rows.float(), dim=1)


def _check(queries: Tensor, keys: Tensor, valid: Tensor | None, allowed: PairMask | None, world: int) -> None:
    shapes = f"got {tuple(queries.shape)} and {tuple(keys.shape)}"
    if queries.ndim != 2 or keys.ndim != 2 or queries.shape[1] != keys.shape[1] or len(keys) < len(queries):
        raise ValueError(f"info_nce takes queries (N, D) and keys (M, D), M >= N; {shapes}")
    if len(keys) < world * len(queries):
        raise ValueError(f"in {world} processes, info_nce takes the gathered keys of all of them; {shapes}")
    if valid is not None and valid.shape != queries.shape[:1]:
        raise ValueError(
            f"valid says of each query whether it counts, ({len(queries)},) bool; got {tuple(valid.shape)}"
        )
    if isinstance(allowed, Tensor) and allowed.shape != (len(queries), len(keys)):
        raise ValueError(
            f"allowed says of each pair whether it is compared, ({len(queries)}, {len(keys)}) bool; "
            f"got {tuple(allowed.shape)}"
        )
