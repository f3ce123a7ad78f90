"""Finetuning: it learns what it is shown, from few labels too, and a helper takes part."""

import dataclasses

import numpy as np
import pytest
import torch

from cvrl_lite import evaluate, pretrain, scenes
from cvrl_lite.datasets import MovingScenes, Sampler, Sampling, decode
from cvrl_lite.models import TinyR2Plus1D

HOW = evaluate.Finetuning(
    steps=80, batch=16, dropout=0.0, test_clips=2, sampling=Sampling(frames=4, others=1)
)
HOW = dataclasses.replace(HOW, augmentation=dataclasses.replace(HOW.augmentation, size=32, least_area=1))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("clips")
    scenes.make(root, 48, seed=5, tie=1.0)  # so that the scene gives all away
    both = decode(MovingScenes("train", root), size=36)
    return both


def fresh() -> TinyR2Plus1D:
    torch.manual_seed(0)
    return TinyR2Plus1D((8, 16, 24, 24))


def test_it_learns_the_labels_it_is_shown(data):
    before = [parameter.detach().clone() for parameter in fresh().parameters()]
    backbone = fresh()
    model = evaluate.finetune(backbone, data, "action", HOW)
    probabilities = evaluate.predict(model, data, HOW)
    assert probabilities.shape == (len(data.videos), 8)
    assert np.allclose(probabilities.sum(1), 1, atol=1e-5)
    assert evaluate.accuracy(probabilities, data.labels("action")) > 0.4  # a guess: .125
    assert any(not torch.equal(a, b) for a, b in zip(before, backbone.parameters(), strict=True))
    again = evaluate.predict(evaluate.finetune(fresh(), data, "action", HOW), data, HOW)
    assert np.array_equal(probabilities, again)


def test_files_of_one_source_keep_their_own_labels(data):
    """As in HMDB51, where one film gives clips of several classes."""
    videos = [v for v in data.videos if v.entry.labels["action"] < 2]
    entries = (dataclasses.replace(v.entry, source="one film") for v in videos)
    film = dataclasses.replace(
        data, videos=tuple(dataclasses.replace(v, entry=e) for v, e in zip(videos, entries, strict=True))
    )
    asked = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.nn.functional, "cross_entropy", lambda x, y: asked.extend(y.tolist()) or x.sum())
        evaluate.finetune(fresh(), film, "action", dataclasses.replace(HOW, steps=3))
    batches = Sampler(film, HOW.sampling, HOW.seed).batches(HOW.batch, 3)
    label = {str(v.entry.path): v.entry.labels["action"] for v in videos}
    wanted = [label[name] for batch in batches for name in batch.names]
    assert asked == wanted and set(wanted) == {0, 1}


def test_a_part_of_the_set_is_a_set(data):
    rows = evaluate.drawn(data.labels("action"), 1, seed=0)
    part = evaluate.part_of(data, rows)
    assert [video.entry.labels["action"] for video in part.videos] == data.labels("action")[rows].tolist()
    model = evaluate.finetune(fresh(), part, "action", dataclasses.replace(HOW, steps=30))
    assert evaluate.accuracy(evaluate.predict(model, part, HOW), part.labels("action")) > 0.7


def test_a_helper_takes_part(data):
    recipe = pretrain.recipes.laptop_fast(("motion",)).replace(
        networks={"widths": (8, 16, 24, 24)},
        sampling={"frames": 4},
        augmentation={"size": 32, "cells": 8},
    )
    how = dataclasses.replace(
        HOW, steps=3, augmentation=dataclasses.replace(HOW.augmentation, size=32, cells=8)
    )
    torch.manual_seed(0)
    helper = pretrain.Pretraining(recipe)
    predictor = [parameter.detach().clone() for parameter in helper.motion.parameters()]
    evaluate.finetune(helper.backbone, data, "action", how, helper)
    assert any(not torch.equal(a, b) for a, b in zip(predictor, helper.motion.parameters(), strict=True))
    with pytest.raises(ValueError, match="around the backbone"):
        evaluate.finetune(fresh(), data, "action", how, helper)


def test_the_released_schedule():
    how = evaluate.released()
    rates = [pretrain.optim.learning_rate(step, how) for step in range(0, how.steps, how.steps // 120)]
    assert how.steps == 120 * 1192 and max(rates) == pytest.approx(8e-4, rel=0.01)
    assert rates[0] == pytest.approx(4e-6 * 8, rel=0.01) and np.argmax(rates) == pytest.approx(10, abs=1)
