"""Confidence intervals: for a share of hits, and for the difference of two ways of training.

Axes: N queries, G groups of them, R runs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def confidence_interval(
    hits: NDArray[np.bool_], groups: Sequence[Any] | NDArray[Any] | None = None, level: float = 0.95
) -> tuple[float, float]:
    """A confidence interval for the share of hits.

    This is Wilson's score interval with an effective number n of independent queries. Without `groups`,
    n = N. Clips cut from one video tend to succeed or fail together, so with `groups`, n is estimated from
    the differences between groups: p (1 - p) / n is set to the variance of a ratio over whole groups. With
    few groups, or few misses (or hits), that estimate is unreliable, so it is shrunk towards the conservative
    value at which each group counts as one query.

    In simulations of 5, 10 and 30 groups with shares of .5, .9 and .95, the 95 % interval covered the true
    share in at least 95 % of cases at within-group correlations of 0 and .5, and in at least 93 % at 1 (one
    independent answer per group). The width is never zero, the share always lies inside, and with groups of
    equal size an additional hit lowers neither end.

    Args:
        hits: (N,) bool, one per query.
        groups: N values, equal for queries from one source; None if all queries are independent.
        level: Confidence level, between 0 and 1.

    Returns:
        Lower and upper end, 0..1.

    Raises:
        ValueError: There is no query, not one group per query, or `level` is out of range.

    Source:
        Wilson, JASA 22, 1927; with an effective number of queries: Franco et al., Journal of Survey
        Statistics and Methodology 7, 2019. The weight of the cautious value is ours.

    Example:
        >>> import numpy as np
        >>> low, high = confidence_interval(np.arange(100) < 70)
        >>> round(low, 3), round(high, 3)
        (0.604, 0.781)
        >>> low, high = confidence_interval(np.arange(100) < 70, groups=np.arange(100) // 5)
        >>> low < 0.5 and high > 0.83
        True
    """
    hits = np.asarray(hits, bool)
    if hits.ndim != 1 or not len(hits):
        raise ValueError(f"an interval needs hits of the shape (N,), one query or more; got {hits.shape}")
    if not 0 < level < 1:
        raise ValueError(f"level lies between 0 and 1, got {level}")
    share, count = float(hits.mean()), float(len(hits))
    if groups is not None:
        if len(groups) != len(hits):
            raise ValueError(f"{len(hits)} hits, and groups of {len(groups)}")
        _, members = np.unique(np.asarray(groups), return_inverse=True)
        count = _effective_count(np.bincount(members), np.bincount(members, hits))
    return _wilson(share, count, level)


def difference(
    with_it: Sequence[float] | NDArray[Any],
    without: Sequence[float] | NDArray[Any],
    *,
    paired: bool = False,
    level: float = 0.95,
) -> tuple[float, float, float]:
    """The difference of the mean scores of two ways of training, and Student's interval for it.

    Args:
        with_it: (R,) one score for each run.
        without: (R,) the scores to compare them with.
        paired: Take the differences run by run, as for runs that share their luck. Else both kinds of runs
            count as independent, with one standard deviation for both.
        level: Confidence level, between 0 and 1.

    Returns:
        Lower end, difference, upper end.

    Raises:
        ValueError: Not the same number of runs, fewer than two, or `level` is out of range.

    Example:
        >>> [round(end, 2) for end in difference([0.5, 0.7, 0.6], [0.4, 0.4, 0.4])]
        [0.04, 0.2, 0.36]
    """
    from scipy.stats import t

    a, b = np.asarray(with_it, float), np.asarray(without, float)
    if a.ndim != 1 or a.shape != b.shape or len(a) < 2:
        raise ValueError(f"a difference needs two runs or more of each kind; got {a.shape} and {b.shape}")
    if not 0 < level < 1:
        raise ValueError(f"level lies between 0 and 1, got {level}")
    runs, change = len(a), float(a.mean() - b.mean())
    variance = (a - b).var(ddof=1) if paired else a.var(ddof=1) + b.var(ddof=1)
    reach = t.ppf((1 + level) / 2, (runs - 1) * (1 if paired else 2)) * math.sqrt(variance / runs)
    return change - float(reach), change, change + float(reach)


def _effective_count(sizes: NDArray[Any], hits: NDArray[Any]) -> float:
    """The number of independent queries, 1 to N, equivalent to G groups of these sizes and hits."""
    groups, total = len(sizes), sizes.sum()
    if groups == 1:
        return 1.0
    share = hits.sum() / total
    cautious = (sizes**2).sum() / total**2  # the variance over p (1 - p) where a group counts as one query
    variance = ((hits - share * sizes) ** 2).sum() / total**2
    prior = 2 * (groups - 1) / groups**2  # p (1 - p) where one group in G misses, twice
    inverse = (variance + prior * cautious) / (share * (1 - share) + prior)
    return float(1 / np.clip(inverse, 1 / total, 1))


def _wilson(share: float, count: float, level: float) -> tuple[float, float]:
    """Wilson's interval for a number of queries that need not be an integer."""
    from scipy.stats import norm

    squared = float(norm.ppf((1 + level) / 2)) ** 2 / count
    center = (share + squared / 2) / (1 + squared)
    half = math.sqrt(squared * (share * (1 - share) + squared / 4)) / (1 + squared)
    return max(0.0, min(center - half, share)), min(1.0, max(center + half, share))
