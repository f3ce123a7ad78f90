"""How sure a share of hits is.

Axes: N queries, G groups of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_DRAWS = 5000


def confidence_interval(
    hits: NDArray[np.bool_], groups: Sequence[Any] | NDArray[Any] | None = None, level: float = 0.95
) -> tuple[float, float]:
    """Between which values the share of hits would lie with other queries of the same kind.

    Queries that are independent get Wilson's interval. Clips cut from one video succeed or fail together, so
    that N of them say less than N: with `groups`, whole groups are drawn again, with replacement, and the
    ends are the quantiles of 5000 such shares, a little further out than `level` asks, as few groups need
    (Hesterberg's expanded percentiles). Where all queries agree, no draw differs, and each group counts as
    one query.

    Args:
        hits: (N,) bool, one a query.
        groups: N values, the same where two queries come from one source; None: all are independent.
        level: How often the interval is to hold the true share, between 0 and 1.

    Returns:
        Lower and upper end, 0..1. A single group of several queries tells nothing: 0 and 1.

    Raises:
        ValueError: There is no query, not one group a query, or `level` is out of range.

    Source:
        Wilson, JASA 22, 1927; Hesterberg, What teachers should know about the bootstrap, 2015, section 5.3.

    Example:
        >>> import numpy as np
        >>> low, high = confidence_interval(np.arange(100) < 70)
        >>> round(low, 3), round(high, 3)
        (0.604, 0.781)
        >>> low, high = confidence_interval(np.arange(100) < 70, groups=np.arange(100) // 5)
        >>> low < 0.55 and high > 0.85
        True
    """
    hits = np.asarray(hits, bool)
    if hits.ndim != 1 or not len(hits):
        raise ValueError(f"an interval needs hits of the shape (N,), one query or more; got {hits.shape}")
    if not 0 < level < 1:
        raise ValueError(f"level lies between 0 and 1, got {level}")
    if groups is None:
        return _wilson(int(hits.sum()), len(hits), level)
    if len(groups) != len(hits):
        raise ValueError(f"{len(hits)} hits, and groups of {len(groups)}")
    _, members = np.unique(np.asarray(groups), return_inverse=True)
    sizes, right = np.bincount(members), np.bincount(members, hits)
    count = len(sizes)
    if count == len(hits) or hits.all() or not hits.any():
        return _wilson(count if hits.all() else int(hits.sum()), count, level)
    if count == 1:
        return 0.0, 1.0
    return _drawn_again(sizes, right, level)


def _wilson(hits: int, count: int, level: float) -> tuple[float, float]:
    from scipy.stats import binomtest

    found = binomtest(hits, count).proportion_ci(level, method="wilson")
    return float(found.low), float(found.high)


def _drawn_again(sizes: NDArray[Any], right: NDArray[Any], level: float) -> tuple[float, float]:
    """Ends of a bootstrap of G groups with so many queries and hits each."""
    from scipy.stats import norm, t

    count = len(sizes)
    times = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), _DRAWS)
    shares = times @ right / (times @ sizes)
    tail = norm.cdf(t.ppf((1 - level) / 2, count - 1) * math.sqrt(count / (count - 1)))
    low, high = np.quantile(shares, [tail, 1 - tail])
    return float(low), float(high)
