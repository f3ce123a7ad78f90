"""InfoNCE against a slow loop and analytic cases; both tasks learn, and do not see what they may not."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cvrl_lite.pretext import ContextMatching, MotionPrediction, different_sources, info_nce


def slow_info_nce(queries, keys, temperature, valid, allowed):
    """The definition, pair by pair, in plain Python floats."""

    def cosine(a, b):
        dot = sum(x * y for x, y in zip(a, b, strict=True))
        return dot / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))

    losses, hits = [], []
    for i, query in enumerate(queries.tolist()):
        if not valid[i]:
            continue
        scores = {
            j: cosine(query, key) / temperature
            for j, key in enumerate(keys.tolist())
            if j == i or allowed[i][j]
        }
        losses.append(math.log(sum(math.exp(s) for s in scores.values())) - scores[i])
        hits.append(max(scores, key=lambda j: scores[j]) == i)
    return sum(losses) / len(losses), sum(hits) / len(hits)


@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(2, 6),
    more=st.integers(0, 5),
    width=st.integers(2, 5),
    temperature=st.floats(0.05, 2),
    seed=st.integers(0, 10_000),
)
def test_info_nce_equals_its_definition(rows, more, width, temperature, seed):
    random = torch.Generator().manual_seed(seed)
    queries = torch.randn(rows, width, generator=random)
    keys = torch.randn(rows + more, width, generator=random)
    valid = torch.rand(rows, generator=random) < 0.7
    valid[0] = True
    allowed = torch.rand(rows, rows + more, generator=random) < 0.7
    loss, accuracy = info_nce(queries, keys, temperature, valid, allowed=allowed)
    expected = slow_info_nce(queries, keys, temperature, valid.tolist(), allowed.tolist())
    assert float(loss) == pytest.approx(expected[0], rel=1e-4, abs=1e-5)
    assert float(accuracy) == pytest.approx(expected[1])


def test_info_nce_of_equal_keys_is_the_log_of_their_number():
    loss, _ = info_nce(torch.ones(3, 4), torch.ones(7, 4), 0.1)
    assert float(loss) == pytest.approx(math.log(7), rel=1e-5)


def test_info_nce_sees_directions_only():
    x = torch.randn(4, 8)
    y = torch.randn(6, 8)
    assert torch.allclose(info_nce(x, y, 0.1)[0], info_nce(x * 9, y * 0.2, 0.1)[0], atol=1e-5)


def test_info_nce_without_valid_rows_is_zero_and_has_gradients():
    x = torch.randn(3, 4, requires_grad=True)
    loss, accuracy = info_nce(x, torch.randn(3, 4), 0.1, torch.zeros(3, dtype=torch.bool))
    loss.backward()
    assert float(loss.detach()) == float(accuracy) == 0.0
    assert x.grad is not None and not x.grad.any()


@pytest.mark.parametrize("shapes", [((3, 4), (2, 4)), ((3, 4), (3, 5)), ((3,), (3,))])
def test_info_nce_refuses_shapes_that_cannot_pair(shapes):
    with pytest.raises(ValueError, match="queries"):
        info_nce(torch.zeros(shapes[0]), torch.zeros(shapes[1]), 0.1)


def test_rows_of_one_video_are_not_each_others_negatives():
    pairs = different_sources(torch.tensor([0, 1, 0]))
    assert pairs.tolist() == [[True, True, False], [True, True, True], [False, True, True]]


def test_context_matching_leaves_its_own_video_out():
    torch.manual_seed(0)
    task = ContextMatching(8).eval()
    maps, frames = torch.randn(3, 8, 2, 4, 4), torch.randn(3, 3, 32, 32)
    together, _ = task(maps, frames, torch.tensor([0, 0, 0]))
    apart, _ = task(maps, frames, torch.tensor([0, 1, 2]))
    assert float(together) == pytest.approx(0.0, abs=1e-6)  # nothing is left to be told apart from
    assert float(apart) > 0.01


def test_motion_prediction_compares_every_point_with_every_other():
    torch.manual_seed(0)
    task = MotionPrediction(8, grid=(2, 4, 4), points=(1, 4, 4)).eval()
    maps, motion = torch.zeros(2, 8, 2, 4, 4), torch.zeros(2, 3, 3, 8, 16, 16)
    for head in (task.predicted_head, task.target_head):  # equal outputs: the loss counts the keys
        torch.nn.init.zeros_(head[3].weight)
        torch.nn.init.ones_(head[4].bias)
    loss, _ = task(maps, motion, torch.ones(2, dtype=torch.bool), torch.tensor([0, 1]))
    assert float(loss) == pytest.approx(math.log(2 * 3 * 16), rel=1e-4)
    loss, _ = task(maps, motion, torch.ones(2, dtype=torch.bool), torch.tensor([5, 5]))
    assert float(loss) == pytest.approx(math.log(3 * 16), rel=1e-4)


def test_motion_prediction_can_be_learned():
    torch.manual_seed(0)
    task = MotionPrediction(8, grid=(2, 4, 4), points=(1, 4, 4))
    maps, motion = torch.randn(4, 8, 2, 4, 4), torch.randn(4, 2, 3, 8, 16, 16)
    valid, sources = torch.tensor([True, True, True, False]), torch.arange(4)
    optimiser = torch.optim.AdamW(task.parameters(), 2e-3)
    for _ in range(60):
        loss, accuracy = task(maps, motion, valid, sources)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert float(accuracy) > 0.5
    assert all(p.grad is not None for p in task.parameters())
