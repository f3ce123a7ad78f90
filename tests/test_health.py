"""The numbers that tell a collapse, and the training that logs them."""

import importlib
import json
import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from cvrl_lite import train
from cvrl_lite.datasets import MemoryLoader, MovingScenes, decode, moving_scenes
from cvrl_lite.pretext import alignment, collapsed, effective_rank, uniformity

pretraining = importlib.import_module("cvrl_lite.train.pretrain")  # its function hides it


@given(count=st.integers(2, 12), width=st.integers(2, 9), seed=st.integers(0, 1000))
def test_alignment_and_uniformity_equal_their_definitions(count, width, seed):
    x, y = torch.randn(2, count, width, generator=torch.Generator().manual_seed(seed))
    units = [row / row.norm() for row in x], [row / row.norm() for row in y]
    assert float(alignment(x, y)) == pytest.approx(
        np.mean([float((a - b) @ (a - b)) for a, b in zip(*units, strict=True)]), abs=1e-5
    )
    pairs = [float((a - b) @ (a - b)) for i, a in enumerate(units[0]) for b in units[0][:i]]
    assert float(uniformity(x)) == pytest.approx(np.log(np.mean(np.exp(-2 * np.array(pairs)))), abs=1e-4)


def test_the_extremes():
    same, spread = torch.ones(30, 16), torch.randn(30, 16, generator=torch.Generator().manual_seed(0))
    assert float(alignment(spread, 3 * spread)) == pytest.approx(0, abs=1e-6)
    assert float(alignment(spread, -spread)) == pytest.approx(4, abs=1e-4)
    assert float(uniformity(same)) == pytest.approx(0, abs=1e-5) and float(uniformity(spread)) < -3
    assert float(effective_rank(same)) == 1 and 12 < float(effective_rank(spread)) <= 16
    line = F.pad(torch.randn(30, 1, generator=torch.Generator().manual_seed(1)), (0, 15))
    assert float(effective_rank(line)) == pytest.approx(1, abs=1e-3)
    assert collapsed(1.2) and not collapsed(8.0)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("clips")
    moving_scenes.make(root, 12, seed=4, workers=1)
    return decode(MovingScenes("train", root), residuals=True)


def test_a_training_logs_its_health_and_is_not_changed_by_it(data, tmp_path, monkeypatch):
    recipe = train.recipes.laptop_fast(("context", "motion", "residual")).replace(
        steps=4, batch=6, precision="float32"
    )
    without = train.pretrain(recipe, data=data)
    monkeypatch.setattr(pretraining, "_CHECKUP", 2)
    run = train.pretrain(recipe, tmp_path, data)
    lines = [json.loads(line) for line in (tmp_path / train.METRICS).read_text(encoding="utf-8").splitlines()]
    logged = [line for line in lines if "feature_rank" in line]
    assert [line["step"] for line in logged] == [2, 4]
    for line in logged:
        assert 1 <= line["feature_rank"] <= 6 and -4 < line["feature_uniformity"] <= 0
        assert all(0 <= line[f"{task}_alignment"] <= 4 for task in recipe.tasks)
    for before, after in zip(
        without.model.state_dict().values(), run.model.state_dict().values(), strict=True
    ):
        assert torch.equal(before, after)


DEAD = {("context",): 0, ("motion",): 1, ("residual",): 1, ("context", "motion"): 1}


@pytest.mark.parametrize("tasks", DEAD, ids="-".join)
def test_the_death_of_a_branch_that_is_trained_is_told(tasks, data, monkeypatch):
    """Even of a training shorter than a checkup, and with the other branch alive."""
    recipe = train.recipes.laptop_fast(tasks).replace(steps=1, batch=8, precision="float32")
    backbone = type(recipe.networks.build_backbone())
    feature_maps, dying = backbone.feature_maps, []

    def dead(self, clip):
        maps = feature_maps(self, clip)
        return tuple(0 * part + 1 if place in dying else part for place, part in enumerate(maps))

    monkeypatch.setattr(backbone, "feature_maps", dead)
    if len(tasks) == 1:
        dying.append(1 - DEAD[tasks])  # which no task reads
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train.pretrain(recipe, data=data)
    dying[:] = [DEAD[tasks]]
    with pytest.warns(UserWarning, match=r"step 1: the features have collapsed: .* 1\.0 directions"):
        train.pretrain(recipe, data=data)


def test_a_few_clips_tell_no_collapse(data, tmp_path):
    """Three of them lie along two directions at most, whatever the network."""
    recipe = train.recipes.laptop_fast().replace(steps=1, batch=3, precision="float32")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train.pretrain(recipe, tmp_path, data)
    (line,) = (tmp_path / train.METRICS).read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["feature_rank"] <= 2


def test_a_probe_of_a_few_steps_looks_at_no_health(data, monkeypatch):
    monkeypatch.setattr(train.Pretraining, "health", lambda *_: pytest.fail("it takes time"))
    recipe = train.recipes.laptop_fast(("motion",)).replace(batch=6, precision="float32")
    trainer = pretraining.trainer_for(recipe, MemoryLoader(data, recipe.sampling, 0), train.device())
    assert train.precision.seconds_per_step(trainer, steps=1) > 0
