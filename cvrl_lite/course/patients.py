"""Made-up vectors for notebook 06: networks that are healthy, collapsed, or go by a shortcut."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

Pair = tuple[Tensor, Tensor]
"""Vectors of left and of right patches, (64, 32) each."""

# (Mean cosine of strangers, how many of 64 find their own), with the cue and without it, and the diagnosis.
_CASES = (
    ((0.5, 60), (0.5, 40), "healthy"),
    ((0.99, 1), (0.99, 1), "collapsed"),
    ((0.99, 40), (0.5, 1), "collapsed"),
    ((0.2, 60), (0.2, 10), "shortcut"),
    ((0.8, 60), (0.5, 58), "healthy"),
    ((0.2, 60), (0.2, 38), "healthy"),
    ((0.2, 60), (0.98, 58), "healthy"),
    ((0.2, 24), (0.2, 2), "shortcut"),
    ((0.2, 18), (0.2, 16), "healthy"),
)


def made_up_pair(cosine: float, right: int) -> Pair:
    """Left and right vectors (64, 32) with a mean cosine of strangers, of which so many find their own.

    Args:
        cosine: 0..1.
        right: 0..64.
    """
    own = F.normalize(torch.randn(64, 31, generator=torch.Generator().manual_seed(0)), dim=1)
    left = torch.cat([torch.full((64, 1), cosine**0.5), (1 - cosine) ** 0.5 * own], 1)
    partner = torch.cat([torch.arange(right), torch.arange(right, 64).roll(1)])
    return left, left[partner]


def patients() -> list[tuple[str, Pair, Pair, str]]:
    """Patients: what is measured of them in words, the vectors with the cue, those without it, the diagnosis.

    Example:
        >>> words, seen, bare, diagnosis = patients()[0]
        >>> words, diagnosis
        ('mean cosine of strangers 0.5, accuracy 0.94, without the cue 0.62', 'healthy')
    """
    found = []
    for (cosine, right), (bare_cosine, bare_right), diagnosis in _CASES:
        words = f"mean cosine of strangers {cosine}, accuracy {right / 64:.2f}, "
        words += f"without the cue {bare_right / 64:.2f}"
        found.append((words, made_up_pair(cosine, right), made_up_pair(bare_cosine, bare_right), diagnosis))
    return found
