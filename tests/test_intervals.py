"""Confidence intervals hold the truth as often as they say."""

import numpy as np
import pytest
from scipy.stats import binom

from cvrl_lite.evaluate import confidence_interval


@pytest.mark.parametrize(("count", "share"), [(5, 0.9), (12, 0.5), (30, 0.95), (150, 0.7)])
def test_independent_queries_are_covered(count: int, share: float):
    """Exactly, over all numbers of hits; a percentile bootstrap covers .40 and .78 of the first and third."""
    covered = 0.0
    for right in range(count + 1):
        low, high = confidence_interval(np.arange(count) < right)
        covered += binom.pmf(right, count, share) * (low <= share <= high)
    assert 0.915 <= covered <= 0.99


@pytest.mark.parametrize(("sources", "share"), [(5, 0.3), (10, 0.5), (20, 0.7), (44, 0.3)])
def test_clips_of_one_source_are_covered_by_groups_and_not_without(sources: int, share: float):
    random = np.random.default_rng(sources)
    by_groups = by_clips = 0
    for _ in range(200):
        sizes = random.integers(1, 6, sources)
        groups = np.repeat(np.arange(sources), sizes)
        hits = random.random(len(groups)) < random.beta(share, 1 - share, sources)[groups]
        (low, high), (near, far) = confidence_interval(hits, groups), confidence_interval(hits)
        by_groups += low <= share <= high
        by_clips += near <= share <= far
    assert by_groups >= 0.88 * 200 > by_clips


def test_levels_and_groups_widen():
    hits, groups = np.arange(60) % 3 > 0, np.arange(60) // 15
    narrow, wide = (confidence_interval(hits, level=level) for level in (0.8, 0.99))
    assert wide[0] < narrow[0] < hits.mean() < narrow[1] < wide[1]
    assert confidence_interval(hits, np.arange(60)) == confidence_interval(hits)
    assert confidence_interval(hits, [str(group) for group in groups]) == confidence_interval(hits, groups)
    alike = np.sort(hits)
    low, high = confidence_interval(alike, groups)
    assert high - low > 2 * np.subtract(*confidence_interval(alike)[::-1])


def test_where_all_agree_sources_are_counted():
    groups = np.arange(60) // 15
    assert confidence_interval(np.ones(60, bool), groups) == confidence_interval(np.ones(4, bool))
    assert confidence_interval(np.zeros(60, bool), groups) == confidence_interval(np.zeros(4, bool))
    assert confidence_interval(np.arange(60) < 9, np.zeros(60)) == (0.0, 1.0)


def test_what_is_no_share_is_refused():
    with pytest.raises(ValueError, match="3 hits, and groups of 2"):
        confidence_interval(np.ones(3, bool), [1, 2])
    with pytest.raises(ValueError, match=r"one query or more; got \(2, 2\)"):
        confidence_interval(np.ones((2, 2), bool))
    with pytest.raises(ValueError, match="level lies between 0 and 1, got 95"):
        confidence_interval(np.ones(2, bool), level=95)
