"""Three measures that detect a collapsed representation without labels.

Axes: N samples, D features.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_COLLAPSED = 2.0  # directions; noise alone spreads over more


def alignment(queries: Tensor, keys: Tensor) -> Tensor:
    """The mean squared distance of positive pairs of unit vectors, 0 (identical) to 4 (opposite).

    Args:
        queries: (N, D) float, of any length.
        keys: (N, D) float; row i belongs to query i.

    Source:
        Wang and Isola, *Understanding contrastive representation learning through alignment and uniformity
        on the hypersphere* (ICML 2020).

    Example:
        >>> alignment(torch.eye(3), 2 * torch.eye(3)).item()
        0.0
    """
    return (F.normalize(queries.float(), dim=1) - F.normalize(keys.float(), dim=1)).square().sum(1).mean()


def uniformity(vectors: Tensor) -> Tensor:
    """How evenly unit vectors fill the sphere: the log of the mean of exp(-2 d^2) over all pairs.

    0 means that all vectors are identical; below -3 is well spread (-4 is the limit in many dimensions).

    Args:
        vectors: (N, D) float, of any length, N at least 2.

    Source:
        As `alignment`.

    Example:
        >>> round(uniformity(torch.ones(4, 3)).item(), 3), round(uniformity(torch.eye(3)).item(), 3)
        (0.0, -4.0)
    """
    return F.pdist(F.normalize(vectors.float(), dim=1)).square().mul(-2).exp().mean().log()


def effective_rank(vectors: Tensor) -> Tensor:
    """The effective number of directions of vectors, 1 to D: the exponential of their spectral entropy.

    Args:
        vectors: (N, D) float; their mean is subtracted first.

    Source:
        Roy and Vetterli, *The effective rank* (EUSIPCO 2007).

    Example:
        >>> round(effective_rank(torch.cat([torch.eye(4), -torch.eye(4)])).item(), 3)
        4.0
    """
    centered = vectors.float() - vectors.float().mean(0)
    values = torch.linalg.svdvals(centered)
    if values.sum() <= 1e-6 * max(1.0, float(vectors.float().norm())):
        return torch.ones_like(values[0])  # all vectors are identical
    share = values / values.sum()
    rank: Tensor = torch.special.entr(share).sum().exp()
    return rank


def collapsed(rank: float) -> bool:
    """Whether an effective rank indicates a collapse.

    Example:
        >>> collapsed(1.02), collapsed(41.7)
        (True, False)
    """
    return rank < _COLLAPSED
