"""Finetuning: it learns what it is shown, from few labels too, and a helper takes part."""

import dataclasses
import warnings

import numpy as np
import pytest
import torch

from cvrl_lite import evaluate, train
from cvrl_lite.datasets import ClipSampling, MemoryLoader, MovingScenes, Timeline, decode, moving_scenes
from cvrl_lite.models import TinyR2Plus1D

HOW = train.Finetuning(
    steps=80, batch=16, dropout=0.0, test_clips=2, sampling=ClipSampling(frames=4, num_negative_windows=1)
)
HOW = dataclasses.replace(HOW, augmentation=dataclasses.replace(HOW.augmentation, size=32, min_scale=1))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("clips")
    moving_scenes.make(root, 48, seed=5, tie=1.0, workers=1)  # so that the scene gives all away
    both = decode(MovingScenes("train", root), size=36)
    return both


def fresh() -> TinyR2Plus1D:
    torch.manual_seed(0)
    return TinyR2Plus1D((8, 16, 24, 24))


def test_it_learns_the_labels_it_is_shown(data):
    before = [parameter.detach().clone() for parameter in fresh().parameters()]
    backbone = fresh()
    model = train.finetune(backbone, data, "action", HOW)
    probabilities = train.predict(model, data, HOW)
    assert probabilities.shape == (len(data.videos), 8)
    assert np.allclose(probabilities.sum(1), 1, atol=1e-5)
    assert train.accuracy(probabilities, data.labels("action")) > 0.4  # a guess: .125
    assert any(not torch.equal(a, b) for a, b in zip(before, backbone.parameters(), strict=True))
    short = dataclasses.replace(HOW, steps=8)
    once, again = (train.predict(train.finetune(fresh(), data, "action", short), data, short) for _ in "ab")
    assert np.array_equal(once, again)


def test_files_of_one_source_keep_their_own_labels(data):
    """As in HMDB51, where one film gives clips of several classes."""
    videos = [v for v in data.videos if v.entry.labels["action"] < 2]
    entries = (dataclasses.replace(v.entry, source="one film") for v in videos)
    film = dataclasses.replace(
        data, videos=tuple(dataclasses.replace(v, entry=e) for v, e in zip(videos, entries, strict=True))
    )
    seen = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.nn.functional, "cross_entropy", lambda x, y: seen.extend(y.tolist()) or x.sum())
        train.finetune(fresh(), film, "action", dataclasses.replace(HOW, steps=3))
    batches = MemoryLoader(film, HOW.sampling, HOW.seed).batches(HOW.batch, 3)
    label = {str(v.entry.path): v.entry.labels["action"] for v in videos}
    expected = [label[name] for batch in batches for name in batch.names]
    assert seen == expected and set(expected) == {0, 1}


def test_a_part_of_the_set_is_a_set(data):
    rows = evaluate.sample_per_class(data.labels("action"), 1, seed=0)
    part = data.subset(rows)
    assert [video.entry.labels["action"] for video in part.videos] == data.labels("action")[rows].tolist()
    model = train.finetune(fresh(), part, "action", dataclasses.replace(HOW, steps=30))
    assert train.accuracy(train.predict(model, part, HOW), part.labels("action")) > 0.7


def test_a_helper_takes_part(data):
    recipe = train.recipes.laptop_fast(("motion",)).replace(
        networks={"widths": (8, 16, 24, 24)},
        sampling={"frames": 4},
        augmentation={"size": 32, "cells": 8},
    )
    how = dataclasses.replace(
        HOW, steps=3, augmentation=dataclasses.replace(HOW.augmentation, size=32, cells=8)
    )
    torch.manual_seed(0)
    helper = train.Pretraining(recipe)
    motion = helper.tasks["motion"]
    predictor = [parameter.detach().clone() for parameter in motion.parameters()]
    train.finetune(helper.backbone, data, "action", how, helper)
    assert any(not torch.equal(a, b) for a, b in zip(predictor, motion.parameters(), strict=True))
    with pytest.raises(ValueError, match="around the backbone"):
        train.finetune(fresh(), data, "action", how, helper)


def shortened(data, row: int, frames: int):
    """The set with one video cut to its first frames."""
    video = data.videos[row]
    cut = {name: getattr(video, name)[:frames] for name in ("frames", "vectors", "mask", "times")}
    videos = list(data.videos)
    videos[row] = dataclasses.replace(video, keys=video.keys[video.keys < frames], **cut)
    return dataclasses.replace(data, videos=tuple(videos))


def test_short_videos_are_named_before_the_training(data):
    short = shortened(data, 3, 5)
    name = short.videos[3].entry.path
    kept = train.long_enough(short, HOW.sampling)
    assert len(kept.videos) == len(data.videos) - 1
    assert [file.path for file in kept.skipped] == [name] and "shorter than a clip" in kept.skipped[0].reason
    with pytest.warns(UserWarning, match=rf"{name}: not trained on: too short"):
        model = train.finetune(fresh(), short, "action", dataclasses.replace(HOW, steps=1))
    with pytest.raises(ValueError, match=rf"{name}: shorter than a clip"):
        train.predict(model, short, HOW)
    assert len(train.predict(model, kept, HOW)) == len(kept.videos)
    with pytest.raises(ValueError, match="no video is usable"):
        train.long_enough(data, ClipSampling(frames=99))


def test_vectors_are_read_for_a_helper_alone(data):
    bare = (dataclasses.replace(v, vectors=v.vectors[:0], mask=v.mask[:0]) for v in data.videos)
    how = dataclasses.replace(HOW, steps=2)
    with_them, without = (
        train.predict(train.finetune(fresh(), part, "action", how), data, how)
        for part in (data, dataclasses.replace(data, videos=tuple(bare)))
    )
    assert np.array_equal(with_them, without)
    with pytest.raises(ValueError, match="label is one of scene, action; got mood"):
        train.finetune(fresh(), data, "mood", how)


def test_a_clip_alone_needs_no_room_behind_it(data):
    """Released: 16 frames, every fourth, so 61 of them; with the future window behind it would be 71."""
    how = train.released()
    times = np.arange(70) / 25
    assert len(Timeline(times[:61], np.array([0]), how.sampling).starts) == 1
    assert Timeline(times[:60], np.array([0]), how.sampling).lacks
    assert Timeline(times, np.array([0]), train.recipes.ucf101_c3d().sampling).lacks
    alone = dataclasses.replace(HOW, steps=1, sampling=train.clip_alone(HOW.sampling))
    frames = int(np.searchsorted(data.videos[3].times, HOW.sampling.stride * 3)) + 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train.finetune(fresh(), shortened(data, 3, frames), "action", alone)


def test_the_released_schedule():
    how = train.released()
    rates = [train.optim.learning_rate(step, how) for step in range(0, how.steps, how.steps // 120)]
    assert how.steps == 120 * 1192 and max(rates) == pytest.approx(8e-4, rel=0.01)
    assert rates[0] == pytest.approx(4e-6 * 8, rel=0.01) and np.argmax(rates) == pytest.approx(10, abs=1)
    card = train.released(3570, dataset="hmdb51")
    assert card.steps == 120 * 446 and card.optimization.learning_rate == pytest.approx(2e-4 * 8)
    assert (how.optimization.weight_decay, card.optimization.weight_decay) == (3e-3, 2e-3)
