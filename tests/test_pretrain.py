"""The loop: it learns, it can be repeated, stopped, saved and loaded."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from cvrl_lite import pretrain
from cvrl_lite.datasets import DecodedSet, DecodedVideo, Entry, Sampling
from cvrl_lite.pretrain import loop

SMALL = pretrain.Recipe(
    steps=4,
    batch=8,
    widths=(4, 8, 8, 8),
    precision="float32",
    augmentation=pretrain.recipe.Augmentation(size=32, cells=8),
    sampling=Sampling(others=1),
    save_every=2,
)


@pytest.fixture(scope="module")
def data() -> DecodedSet:
    random = np.random.default_rng(0)

    def video(number: int) -> DecodedVideo:
        picture = random.integers(
            0, 256, (36, 36, 3), dtype=np.uint8
        )  # each its own, so that it can be found
        vectors = np.broadcast_to(random.integers(-40, 40, (1, 2, 5, 5)), (60, 2, 5, 5)).astype(np.int16)
        mask = np.ones((60, 5, 5), bool)
        entry = Entry(Path(f"{number}.mp4"), str(number), {})
        frames = np.broadcast_to(picture, (60, 36, 36, 3))
        return DecodedVideo(entry, frames, vectors, mask, np.arange(60) / 25, np.array([0, 12, 24, 36, 48]))

    return DecodedSet(tuple(video(i) for i in range(16)), (), {})


def read_metrics(folder) -> list[dict]:
    return [json.loads(line) for line in (folder / loop.METRICS).read_text().splitlines()]


@pytest.mark.parametrize("tasks", [("context",), ("motion",), ("context", "motion")])
def test_a_run_writes_metrics_and_a_checkpoint(tasks, data, tmp_path):
    run = pretrain.run(SMALL.replace(tasks=tasks), tmp_path, data)
    metrics = read_metrics(tmp_path)
    assert [m["step"] for m in metrics] == [1, 2, 3, 4]
    expected = {f"{task}_{part}" for task in tasks for part in ("loss", "accuracy")}
    assert expected | {"learning_rate", "clips_per_second", "seconds"} < set(metrics[0]) | {"loss"}
    assert set(metrics[0]) == expected | {"learning_rate", "clips_per_second", "seconds", "step"}
    backbone, recipe = pretrain.load(tmp_path)
    assert recipe == run.recipe
    clip = torch.randn(2, 3, 8, 32, 32)
    run.backbone.eval()
    assert torch.allclose(backbone.pool(backbone(clip)), run.backbone.pool(run.backbone(clip)), atol=1e-6)


def test_context_matching_learns_to_find_its_key_frame(data):
    recipe = SMALL.replace(
        tasks=("context",),
        steps=80,
        batch=16,
        learning_rate=4e-3,
        widths=(16, 24, 48, 48),
        augmentation=pretrain.recipe.Augmentation(
            size=32, cells=8, least_area=0.9, brightness=0.1, hue=0.0, saturation=0.0, grey=0.0, flip=0.0
        ),
    )
    torch.manual_seed(0)
    accuracies = []
    original = loop._steps

    def spy(*arguments):
        for metrics in original(*arguments):
            accuracies.append(metrics["context_accuracy"])
            yield metrics

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "_steps", spy)
        pretrain.run(recipe, None, data)
    assert np.mean(accuracies[-10:]) > np.mean(accuracies[:10]) + 0.25


def test_the_same_seed_gives_the_same_losses(data, tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        pretrain.run(SMALL.replace(seed=seed), tmp_path / name, data)
    losses = {
        name: [(m["context_loss"], m["motion_loss"]) for m in read_metrics(tmp_path / name)] for name in "abc"
    }
    assert losses["a"] == losses["b"] != losses["c"]


def test_context_joins_in_late(data, tmp_path):
    pretrain.run(SMALL.replace(context_from=0.5), tmp_path, data)
    assert ["context_loss" in m for m in read_metrics(tmp_path)] == [False, False, True, True]


def test_ctrl_c_leaves_a_usable_checkpoint(data, tmp_path, monkeypatch):
    original = loop._steps

    def interrupted(*arguments):
        for number, metrics in enumerate(original(*arguments)):
            if number == 3:
                raise KeyboardInterrupt
            yield metrics

    monkeypatch.setattr(loop, "_steps", interrupted)
    run = pretrain.run(SMALL.replace(steps=100), tmp_path, data)
    assert run.interrupted and run.steps == 3
    pretrain.load(tmp_path)


def test_a_missing_checkpoint_says_which_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"model\.safetensors"):
        pretrain.load(tmp_path)


def test_a_recipe_survives_its_json():
    recipe = pretrain.recipes.laptop(("motion",), seed=5)
    assert pretrain.Recipe.from_json(recipe.to_json()) == recipe


@pytest.mark.parametrize(
    "wrong", [{"tasks": ()}, {"tasks": ("flow",)}, {"precision": "float8"}, {"tasks": ("context", "flow")}]
)
def test_a_recipe_refuses_what_it_cannot_mean(wrong):
    with pytest.raises(ValueError):
        pretrain.Recipe(**wrong)


def test_precision_is_chosen_by_measuring(data, monkeypatch):
    took = {"float32": 1.0, "bfloat16": 0.95}
    monkeypatch.setattr(loop, "seconds_per_step", lambda recipe, sampler: took[recipe.precision])
    assert loop.faster_precision(SMALL, loop.Sampler(data, SMALL.sampling, 0)) == "float32"
    took["bfloat16"] = 0.5
    assert loop.faster_precision(SMALL, loop.Sampler(data, SMALL.sampling, 0)) == "bfloat16"
