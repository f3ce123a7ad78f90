"""InfoNCE against a slow loop and analytic cases; both tasks learn, and do not see what they may not."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cvrl_lite.models import MotionPredictor
from cvrl_lite.pretext import (
    ContextMatching,
    DensePrediction,
    MotionRegression,
    info_nce,
)
from cvrl_lite.transforms import Views


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
    loss, accuracy = info_nce(queries, keys, temperature, valid=valid, allowed=allowed)
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


@pytest.mark.parametrize("block", [None, 8])
def test_info_nce_without_valid_rows_is_zero_and_has_gradients(block):
    x = torch.randn(3, 4, requires_grad=True)
    loss, accuracy = info_nce(x, torch.randn(3, 4), valid=torch.zeros(3, dtype=torch.bool), block=block)
    loss.backward()
    assert float(loss.detach()) == float(accuracy) == 0.0
    assert x.grad is not None and not x.grad.any()


@pytest.mark.parametrize("shapes", [((3, 4), (2, 4)), ((3, 4), (3, 5)), ((3,), (3,))])
def test_info_nce_refuses_shapes_that_cannot_pair(shapes):
    with pytest.raises(ValueError, match="queries"):
        info_nce(torch.zeros(shapes[0]), torch.zeros(shapes[1]), 0.1)


@pytest.mark.parametrize("block", [None, 8])
def test_info_nce_refuses_masks_of_another_shape(block):
    x, true = torch.eye(3), torch.ones(3, 3, dtype=torch.bool)
    both = info_nce(x, x, block=block)[0], info_nce(x, x, valid=true[0], allowed=true, block=block)[0]
    assert torch.isclose(*both)
    with pytest.raises(ValueError, match=r"valid says of each query .*\(3,\) bool; got \(1, 3\)"):
        info_nce(x, x, valid=true[:1], block=block)
    with pytest.raises(ValueError, match=r"allowed says of each pair .*\(3, 3\) bool; got \(3,\)"):
        info_nce(x, x, allowed=true[0], block=block)


class Rows:
    """Pairs that are computed row by row, as the tasks do."""

    def __init__(self, allowed):
        self.allowed, self.most = allowed, 0

    def __getitem__(self, rows):
        self.most = max(self.most, len(rows))
        return self.allowed[rows]


@given(
    rows=st.integers(1, 9),
    more=st.integers(0, 7),
    block=st.integers(1, 60),
    seed=st.integers(0, 10_000),
    masked=st.booleans(),
)
def test_blocks_equal_the_whole_matrix(rows, more, block, seed, masked):
    random = torch.Generator().manual_seed(seed)
    draw = lambda *shape: torch.randn(*shape, generator=random, dtype=torch.float64)  # noqa: E731
    valid = torch.rand(rows, generator=random) < 0.7
    allowed = torch.rand(rows, rows + more, generator=random) < 0.6
    found = []
    start = draw(rows, 5), draw(rows + more, 5)
    for size in (None, block):
        for pairs in (allowed, Rows(allowed)) if masked else (None,):
            queries, keys = (part.clone().requires_grad_() for part in start)
            loss, accuracy = info_nce(queries, keys, 0.2, valid=valid, allowed=pairs, block=size)
            (3 * loss).backward()
            found.append((loss.detach(), accuracy.double(), queries.grad, keys.grad))
            if size is not None and isinstance(pairs, Rows):
                assert pairs.most <= max(1, block // len(keys))
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            assert torch.allclose(a, b, atol=1e-12)


@pytest.mark.parametrize("block", [None, 500])
def test_float32_gives_the_loss_and_the_gradients_of_float64(block):
    torch.manual_seed(0)
    exact = torch.randn(60, 16, dtype=torch.float64), torch.randn(90, 16, dtype=torch.float64)
    valid, allowed = torch.rand(60) < 0.8, torch.rand(60, 90) < 0.7
    found = []
    for start, size in ((exact, None), (tuple(part.float() for part in exact), block)):
        queries, keys = (part.clone().requires_grad_() for part in start)
        loss, accuracy = info_nce(queries, keys, valid=valid, allowed=allowed, block=size)
        loss.backward()
        found.append([part.double() for part in (loss.detach(), accuracy, queries.grad, keys.grad)])
    for a, b in zip(*found, strict=True):
        assert torch.allclose(a, b, rtol=1e-4, atol=1e-6)


def test_blocks_hold_no_matrix():
    queries, keys = torch.randn(400, 8), torch.randn(3000, 8)
    sizes = []
    with torch.autograd.graph.saved_tensors_hooks(lambda x: sizes.append(x.numel()) or x, lambda x: x):
        info_nce(queries.requires_grad_(), keys.requires_grad_(), block=30_000)
    assert max(sizes) <= 3000 * 8


def views_of(motion=None, valid=None, sources=(), keyframe=None) -> Views:
    """Views with windows (B, 1 + N, 3, 8, 16, 16) whose points (B, 1 + N, 16) hold vectors, or none."""
    sources = torch.as_tensor(sources)
    if motion is None:
        motion = torch.zeros(len(sources), 1, 3, 8, 16, 16)
    mask = torch.ones_like(motion[:, :, 0], dtype=torch.bool)
    if valid is not None:
        cells = valid.unflatten(2, (1, 4, 4)).repeat_interleave(4, 3).repeat_interleave(4, 4)
        mask = cells.expand_as(mask).clone()
    return Views(torch.zeros(len(sources), 3, 8, 32, 32), keyframe, motion, sources, mask)


def test_context_matching_leaves_its_own_video_out():
    torch.manual_seed(0)
    task = ContextMatching(8).eval()
    maps, frames = torch.randn(3, 8, 2, 4, 4), torch.randn(3, 3, 32, 32)
    with pytest.warns(UserWarning, match="from one source"):
        together, _ = task((maps, maps), views_of(sources=[0, 0, 0], keyframe=frames))
    apart, _ = task((maps, maps), views_of(sources=[0, 1, 2], keyframe=frames))
    assert float(together) == pytest.approx(0.0, abs=1e-6)  # nothing is left to be told apart from
    assert float(apart) > 0.01


def test_context_matching_can_go_both_ways():
    """The symmetric loss is the mean of the loss and of that with the roles exchanged."""
    torch.manual_seed(0)
    task = ContextMatching(8).eval()
    maps, frames = torch.randn(5, 8, 2, 4, 4), torch.randn(5, 3, 32, 32)
    inputs = (maps, maps), views_of(sources=torch.arange(5), keyframe=frames)
    clips, keys = task.partners(*inputs)
    expected = (info_nce(clips, keys, 0.1)[0] + info_nce(keys, clips, 0.1)[0]) / 2
    one_way, _ = task(*inputs)
    task.symmetric = True
    both, _ = task(*inputs)
    assert torch.allclose(both, expected, atol=1e-6) and not torch.allclose(both, one_way, atol=1e-3)


def motion_task(**how) -> DensePrediction:
    torch.manual_seed(0)
    return DensePrediction(MotionPredictor(8, grid=(2, 4, 4), points=(1, 4, 4)), **how)


def all_valid(batch: int, windows: int) -> torch.Tensor:
    return torch.ones(batch, windows, 16, dtype=torch.bool)


def count_keys(task: DensePrediction, valid, sources) -> float:
    """With equal outputs everywhere, the loss is the log of the number of keys."""
    for head in (task.predicted_head, task.target_head):
        torch.nn.init.zeros_(head[3].weight)
        torch.nn.init.ones_(head[4].bias)
    maps, motion = torch.zeros(len(valid), 8, 2, 4, 4), torch.zeros(*valid.shape[:2], 3, 8, 16, 16)
    return math.exp(float(task.eval()((maps, maps), views_of(motion, valid, sources)).loss))


def test_motion_prediction_compares_every_point_with_every_other():
    assert count_keys(motion_task(), all_valid(2, 3), [0, 1]) == pytest.approx(2 * 3 * 16, rel=1e-4)
    assert count_keys(motion_task(), all_valid(2, 3), [5, 5]) == pytest.approx(3 * 16, rel=1e-4)


@pytest.mark.parametrize(
    ("negatives", "keys"),
    [
        (("places",), 16),
        (("windows",), 1 + 2 * 16),
        (("videos",), 1 + 3 * 16),
        (("places", "windows"), 3 * 16),
        ((), 1),
    ],
)
def test_each_kind_of_negative_can_be_left_out(negatives, keys):
    found = count_keys(motion_task(negatives=negatives), all_valid(2, 3), [0, 1])
    assert found == pytest.approx(keys, rel=1e-4)


def test_points_without_vectors_are_neither_query_nor_key():
    valid = all_valid(2, 3)
    valid[0, 0, :5] = False
    valid[1, 2, 3:] = False
    assert count_keys(motion_task(), valid, [0, 1]) == pytest.approx(6 * 16 - 5 - 13, rel=1e-4)
    valid[:, 0] = False
    task = motion_task()
    maps, views = torch.randn(2, 8, 2, 4, 4), views_of(torch.randn(2, 3, 3, 8, 16, 16), valid, [0, 1])
    loss, metrics = task((maps, maps), views)
    loss.backward()
    assert float(loss.detach()) == float(metrics["accuracy"]) == 0.0
    assert task.partners((maps, maps), views) is None


def test_an_unknown_kind_of_negatives_and_an_unknown_source_are_refused():
    with pytest.raises(ValueError, match="negatives"):
        motion_task(negatives=("points",))
    with pytest.raises(ValueError, match="source"):
        motion_task(source="flow")


def test_residuals_are_predicted_from_residuals_or_not_at_all():
    task, motion = motion_task(source="residual").eval(), torch.randn(2, 1, 3, 8, 16, 16)
    maps = torch.randn(2, 8, 2, 4, 4)
    blank = views_of(torch.zeros_like(motion), sources=[0, 1])
    with pytest.raises(ValueError, match="residuals"):
        task((maps, maps), blank)
    views = replace(blank, residual=motion, residual_mask=blank.mask)
    expected = motion_task().eval()((maps, maps), views_of(motion, sources=[0, 1])).loss
    assert torch.equal(task((maps, maps), views).loss, expected)


def learn(task, steps, *inputs):
    optimizer = torch.optim.AdamW(task.parameters(), 2e-3)
    found = []
    for _ in range(steps):
        loss, metrics = task(*inputs)
        (measure,) = metrics.values()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append((float(loss.detach()), float(measure)))
    return found


def test_motion_prediction_can_be_learned():
    task, valid = motion_task(), all_valid(4, 2)
    valid[3, 0] = False
    maps, motion = torch.randn(4, 8, 2, 4, 4), torch.randn(4, 2, 3, 8, 16, 16)
    views = views_of(motion, valid, torch.arange(4))
    assert learn(task, 60, (maps, maps), views)[-1][1] > 0.5
    assert all(p.grad is not None for p in task.parameters())


@pytest.mark.parametrize("loss", ["cosine", "smooth_l1"])
@pytest.mark.parametrize("target", ["vectors", "features"])
def test_regression_learns_to_explain_its_target(target, loss):
    torch.manual_seed(0)
    task = MotionRegression(MotionPredictor(8, grid=(2, 4, 4), points=(1, 4, 4)), target, loss)
    maps, motion = torch.randn(4, 8, 2, 4, 4), torch.randn(4, 1, 3, 8, 1, 1).expand(4, 1, 3, 8, 16, 16)
    found = learn(task, 150, (maps, maps), views_of(motion, sources=torch.arange(4)))
    assert found[-1][0] < 0.5 * found[0][0] and found[-1][1] > 0.4 > found[0][1]


def test_the_cosine_of_vectors_asks_for_their_pattern_and_not_for_their_speed():
    """The same motion three times as fast is the same target; another direction is another one."""
    torch.manual_seed(0)
    task = MotionRegression(MotionPredictor(8, grid=(2, 4, 4), points=(1, 4, 4)), "vectors").eval()
    maps, motion = torch.randn(2, 8, 2, 4, 4), torch.randn(2, 1, 3, 8, 16, 16)

    def loss(motion: torch.Tensor) -> float:
        return task((maps, maps), views_of(motion, sources=[0, 1])).loss.item()

    assert loss(3 * motion) == pytest.approx(loss(motion), rel=1e-5)
    assert loss(-motion) == pytest.approx(4 - loss(motion), rel=1e-5)  # |a - b|^2 + |a + b|^2 of unit vectors


def test_the_cosine_of_vectors_leaves_out_cells_without_one():
    torch.manual_seed(0)
    task = MotionRegression(MotionPredictor(8, grid=(2, 4, 4), points=(1, 4, 4)), "vectors").eval()
    maps, motion = torch.randn(2, 8, 2, 4, 4), torch.randn(2, 1, 3, 8, 16, 16)
    views = views_of(motion, sources=[0, 1])
    views.mask[:, :, 2, 5, 9] = False
    before = task((maps, maps), views).loss.item()
    motion[:, :, :, 2, 5, 9] = 100.0
    assert task((maps, maps), views).loss.item() == before


def test_regression_reads_each_points_own_cells():
    """A vector changed in one cell changes the target of the one point that covers it, where it is valid."""
    torch.manual_seed(0)
    task = MotionRegression(
        MotionPredictor(8, grid=(2, 4, 4), points=(1, 4, 4)), "vectors", "smooth_l1"
    ).eval()
    maps, motion = torch.randn(1, 8, 2, 4, 4), torch.zeros(1, 1, 3, 8, 16, 16)
    views = views_of(motion, sources=[0])

    def loss() -> float:
        return float(task((maps, maps), views).loss)

    before = loss()
    motion[0, 0, 0, 5, 6, 9] = 50.0  # row 1, column 2 of the points
    assert loss() > before
    views.mask[0, 0, :, 4:8, 8:12] = False  # all of that point's cells
    without = loss()
    motion[0, 0, 0, 5, 6, 9] = -50.0
    assert loss() == without
    views.mask[0, 0, :, 4:8, 8:12], views.mask[0, 0, 5, 6, 9] = True, False
    hidden = loss()
    motion[0, 0, 0, 5, 6, 9] = 0.0
    assert loss() == hidden
