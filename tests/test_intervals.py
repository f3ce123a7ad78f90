"""Confidence intervals hold the truth as often as they say."""

import numpy as np
import pytest
from scipy.stats import binom, ttest_ind, ttest_rel

from cvrl_lite.evaluate import confidence_interval, difference


@pytest.mark.parametrize(("count", "share"), [(5, 0.9), (12, 0.5), (30, 0.95), (150, 0.7)])
def test_independent_queries_are_covered(count: int, share: float):
    """Exactly, over all numbers of hits; a percentile bootstrap covers .40 and .78 of the first and third."""
    covered = 0.0
    for right in range(count + 1):
        low, high = confidence_interval(np.arange(count) < right)
        covered += binom.pmf(right, count, share) * (low <= share <= high)
    assert 0.915 <= covered <= 0.99


@pytest.mark.parametrize("correlation", [0, 0.5, 1])
@pytest.mark.parametrize("share", [0.5, 0.9, 0.95])
@pytest.mark.parametrize("sources", [5, 10, 30])
def test_clips_of_one_source_are_covered_by_groups(sources: int, share: float, correlation: float):
    """Sources of 1 to 10 clips, each right with a probability drawn from a beta distribution."""
    random = np.random.default_rng(sources)
    covered = 0
    for _ in range(200):
        sizes = random.integers(1, 11, sources)
        if correlation == 0:
            chances = np.full(sources, share)
        elif correlation == 1:
            chances = (random.random(sources) < share).astype(float)
        else:
            chances = random.beta(*(np.array([share, 1 - share]) * (1 / correlation - 1)), sources)
        groups = np.repeat(np.arange(sources), sizes)
        low, high = confidence_interval(random.random(len(groups)) < chances[groups], groups)
        covered += low <= share <= high
    # 200 draws of a coverage of .95 lie above .89 all but once in 10,000 times
    assert covered >= 0.89 * 200


def test_without_groups_clips_of_one_source_are_not_covered():
    random = np.random.default_rng(0)
    held = []
    for _ in range(200):
        groups = np.repeat(np.arange(20), random.integers(1, 11, 20))
        hits = random.random(len(groups)) < random.beta(0.7, 0.3, 20)[groups]
        low, high = confidence_interval(hits)
        held.append(low <= 0.7 <= high)
    assert np.mean(held) < 0.8


@pytest.mark.parametrize("sources", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("by_source", [False, True])
def test_another_hit_lowers_neither_end(sources: int, by_source: bool):
    """Hits join source after source, or each source in turn; from none to all."""
    groups = np.repeat(np.arange(sources), 5) if by_source else np.tile(np.arange(sources), 5)
    ends = np.array([confidence_interval(np.arange(len(groups)) < n, groups) for n in range(len(groups) + 1)])
    shares = np.arange(len(groups) + 1) / len(groups)
    assert (np.diff(ends, axis=0) > -1e-9).all()
    assert (ends[:, 0] < ends[:, 1]).all() and (ends[:, 0] <= shares).all() and (shares <= ends[:, 1]).all()
    assert ends.min() == 0 and ends.max() == 1


def test_levels_and_groups_widen():
    hits, groups = np.arange(60) % 3 > 0, np.arange(60) // 15
    narrow, wide = (confidence_interval(hits, level=level) for level in (0.8, 0.99))
    assert wide[0] < narrow[0] < hits.mean() < narrow[1] < wide[1]
    assert confidence_interval(hits, np.arange(60)) == pytest.approx(confidence_interval(hits))
    assert confidence_interval(hits, [str(group) for group in groups]) == confidence_interval(hits, groups)
    alike = np.sort(hits)
    low, high = confidence_interval(alike, groups)
    assert high - low > 2 * np.subtract(*confidence_interval(alike)[::-1])


def test_where_all_agree_sources_are_counted():
    groups = np.arange(60) // 15
    assert confidence_interval(np.ones(60, bool), groups) == confidence_interval(np.ones(4, bool))
    assert confidence_interval(np.zeros(60, bool), groups) == confidence_interval(np.zeros(4, bool))
    low, high = confidence_interval(np.arange(60) < 9, np.zeros(60))
    assert low < 0.05 and high > 0.8  # one source says next to nothing


def test_what_is_no_share_is_refused():
    with pytest.raises(ValueError, match="3 hits, and groups of 2"):
        confidence_interval(np.ones(3, bool), [1, 2])
    with pytest.raises(ValueError, match=r"one query or more; got \(2, 2\)"):
        confidence_interval(np.ones((2, 2), bool))
    with pytest.raises(ValueError, match="level lies between 0 and 1, got 95"):
        confidence_interval(np.ones(2, bool), level=95)


@pytest.mark.parametrize(("paired", "test"), [(False, ttest_ind), (True, ttest_rel)])
def test_a_difference_has_students_interval(paired: bool, test):
    a, b = np.random.default_rng(0).random((2, 5))
    expected = test(a, b).confidence_interval()
    low, middle, high = difference(a, b, paired=paired)
    assert np.allclose([low, high], [expected.low, expected.high]) and np.isclose(middle, (a - b).mean())


@pytest.mark.parametrize(("a", "b"), [([1.0], [0.5]), ([1.0, 0.5], [0.5]), ([[1.0, 0.5]], [[0.5, 0.2]])])
def test_a_difference_needs_as_many_runs_of_each_kind(a, b):
    with pytest.raises(ValueError, match="two runs or more"):
        difference(a, b)
