"""The loop: it learns, it can be repeated, stopped, saved and loaded."""

import dataclasses
import importlib
import json
import os
import signal
import threading
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from cvrl_lite import train
from cvrl_lite.cli import main
from cvrl_lite.datasets import ClipSampling, DecodedSet, DecodedVideo, Entry, MovingScenes, moving_scenes
from cvrl_lite.errors import Diverged
from cvrl_lite.models import weights_digest
from cvrl_lite.pretext import RegressionConfig
from cvrl_lite.train import engine, precision
from cvrl_lite.train.checkpoint import read_checkpoint

pretraining = importlib.import_module("cvrl_lite.train.pretrain")  # its function hides it

SMALL = train.Recipe(
    steps=4,
    batch=8,
    networks=train.Networks(widths=(4, 8, 8, 8), hidden=16, projection=8),
    precision="float32",
    augmentation=train.config.Augmentation(size=32, cells=8),
    sampling=ClipSampling(num_negative_windows=1),
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
    return [json.loads(line) for line in (folder / train.METRICS).read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("tasks", [("context",), ("motion",), ("context", "motion")])
def test_a_run_writes_metrics_and_a_checkpoint(tasks, data, tmp_path):
    run = train.pretrain(SMALL.replace(tasks=tasks), tmp_path, data)
    metrics = read_metrics(tmp_path)
    assert [m["step"] for m in metrics] == [1, 2, 3, 4]
    expected = {f"{task}_{part}" for task in tasks for part in ("loss", "accuracy")}
    always = {"learning_rate", "clips_per_second", "seconds", "step", "replaced", "gradient_norm"}
    assert set(metrics[0]) == expected | always
    backbone, recipe = read_checkpoint(tmp_path)
    assert recipe == run.recipe
    clip = torch.randn(2, 3, 8, 32, 32)
    run.backbone.eval()
    assert torch.allclose(backbone(clip), run.backbone(clip), atol=1e-6)
    environment = json.loads((tmp_path / "environment.json").read_text(encoding="utf-8"))
    assert environment["packages"]["torch"] == torch.__version__ and environment["device"]
    assert [p.name for p in sorted(tmp_path.glob("step-*"))] == [
        "step-00000004.pt",
        "step-00000004.safetensors",
    ]


def test_context_matching_learns_to_find_its_key_frame(data, tmp_path):
    recipe = SMALL.replace(
        tasks=("context",),
        steps=80,
        batch=16,
        optimization=train.Optimization(learning_rate=4e-3),
        networks=train.Networks(widths=(16, 24, 48, 48)),
        augmentation=train.config.Augmentation(
            size=32,
            cells=8,
            min_scale=0.9,
            brightness=0.1,
            hue=0.0,
            saturation=0.0,
            grayscale_prob=0.0,
            hflip=0.0,
        ),
    )
    train.pretrain(recipe, tmp_path, data)
    accuracies = [m["context_accuracy"] for m in read_metrics(tmp_path)]
    assert np.mean(accuracies[-10:]) > np.mean(accuracies[:10]) + 0.25


def test_the_same_seed_gives_the_same_losses(data, tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        train.pretrain(SMALL.replace(seed=seed), tmp_path / name, data)
    losses = {
        name: [(m["context_loss"], m["motion_loss"]) for m in read_metrics(tmp_path / name)] for name in "abc"
    }
    assert losses["a"] == losses["b"] != losses["c"]


def test_context_joins_in_late(data, tmp_path):
    train.pretrain(SMALL.replace(tasks={"context": {"start": 0.5}}), tmp_path, data)
    assert ["context_loss" in m for m in read_metrics(tmp_path)] == [False, False, True, True]


UNTIMED = ("clips_per_second", "seconds")


def untimed(folder) -> list[dict]:
    return [{k: v for k, v in m.items() if k not in UNTIMED} for m in read_metrics(folder)]


def test_ctrl_c_leaves_a_checkpoint_and_the_run_goes_on_exactly(data, tmp_path):
    long = SMALL.replace(steps=40, save_every=7)
    whole = train.pretrain(long, tmp_path / "whole", data)
    threading.Timer(0.6, os.kill, (os.getpid(), signal.SIGINT)).start()
    first = train.pretrain(long, tmp_path / "parts", data)
    assert first.interrupted and 0 < first.steps < 40
    read_checkpoint(tmp_path / "parts")
    second = train.pretrain(long, tmp_path / "parts", data)
    assert not second.interrupted and second.steps == 40
    assert untimed(tmp_path / "parts") == untimed(tmp_path / "whole")
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, second.model.state_dict()[name]), name


def test_ctrl_c_while_the_processes_talk_is_heard_at_the_next_step(data, tmp_path, monkeypatch):
    calls = []

    def talk(mine):
        calls.append(mine)
        if len(calls) == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return mine.detach()

    monkeypatch.setattr(engine, "all_reduce_sum", talk)
    run = train.pretrain(SMALL.replace(steps=9), tmp_path, data)
    assert run.interrupted and run.steps == 3
    assert (tmp_path / "step-00000003.pt").exists()


def test_replaced_files_are_counted_a_step(data, tmp_path, monkeypatch):
    original = pretraining.MemoryLoader.batches

    def batches(*words, **more):
        for number, batch in enumerate(original(*words, **more), 1):
            yield dataclasses.replace(batch, replaced=number)

    monkeypatch.setattr(pretraining.MemoryLoader, "batches", batches)
    train.pretrain(SMALL, tmp_path, data)
    assert [m["replaced"] for m in read_metrics(tmp_path)] == [1, 2, 3, 4]


def test_a_run_that_lost_its_last_steps_does_them_again(data, tmp_path):
    """As after a kill: metrics beyond the checkpoint, the last line cut short, a checkpoint half written."""
    recipe = SMALL.replace(steps=9, save_every=4)
    train.pretrain(recipe, tmp_path / "whole", data)
    train.pretrain(recipe, tmp_path / "parts", data)
    expected = untimed(tmp_path / "whole")
    folder = tmp_path / "parts"
    for file in folder.glob("step-00000009*"):
        file.unlink()
    (folder / "model.safetensors").unlink()
    for name in (".step-00000009.77.pt", ".model.safetensors.77.partial", ".step-00000008.pt.77.partial"):
        (folder / name).write_bytes(b"half")
    (folder / ".notes").write_text("the user's", encoding="utf-8")
    assert not list(folder.glob("step-*"))  # the end keeps one checkpoint only
    (folder / "step-00000008.safetensors").write_bytes(b"half")  # its partner is not there
    with open(folder / "metrics.jsonl", "a", encoding="utf-8") as file:
        file.write('{"step": 10, "conte')
    train.pretrain(recipe, folder, data)
    assert untimed(folder) == expected
    assert [file.name for file in folder.glob(".*")] == [".notes"]


def test_a_finished_run_is_loaded_not_repeated(data, tmp_path):
    first = train.pretrain(SMALL, tmp_path, data)
    before = (tmp_path / "metrics.jsonl").read_text(encoding="utf-8")
    second = train.pretrain(SMALL, tmp_path, data)
    assert second.steps == 4 and (tmp_path / "metrics.jsonl").read_text(encoding="utf-8") == before
    for name, value in first.model.state_dict().items():
        assert torch.equal(value, second.model.state_dict()[name])


def test_a_finished_run_of_files_is_loaded_without_decoding_them(tmp_path, monkeypatch, capsys):
    moving_scenes.make(tmp_path / "clips", 8, seed=0, workers=1)
    (tmp_path / "clips/broken.mp4").write_text("no video", encoding="utf-8")
    words = ["pretrain", "--recipe", "laptop_fast", "--folder", str(tmp_path / "clips"), "--steps", "2"]
    words += ["--batch", "4", "--out", str(tmp_path / "run")]
    assert main(words) == 1
    weights = (tmp_path / "run/model.safetensors").read_bytes()
    monkeypatch.setattr(pretraining, "sampler_for", lambda *_: pytest.fail("it reads the files"))
    capsys.readouterr()
    assert main(words) == 1
    said = capsys.readouterr()
    assert said.out == f"{tmp_path}/run: had finished before: 2 steps (float32)\n"
    assert "broken.mp4: not used" in said.err
    assert (tmp_path / "run/model.safetensors").read_bytes() == weights
    (tmp_path / "clips/broken.mp4").unlink()
    assert main(words) == 2
    assert "holds a run on other data" in capsys.readouterr().err


def test_a_folder_with_another_run_is_refused(data, tmp_path):
    train.pretrain(SMALL, tmp_path, data)
    other = SMALL.replace(seed=3, networks={"hidden": 12})
    with pytest.raises(ValueError, match=r"another recipe \(seed: 0, not 3; networks.hidden: 16, not 12\)"):
        train.pretrain(other, tmp_path, data)
    assert len(read_metrics(tmp_path)) == 4


@pytest.mark.parametrize("part", ["motion", "images"])
def test_a_training_that_diverges_says_where(part, data, tmp_path):
    recipe = SMALL.replace(optimization={"learning_rate": 1e30 if part == "images" else 2e-3})
    if part == "motion":
        recipe = recipe.replace(tasks={"motion": {"temperature": 1e-7}})
    with pytest.raises(
        Diverged, match=r"step \d: (motion_loss|gradient_norm|context_loss) is .*holds \d+\.mp4, "
    ):
        train.pretrain(recipe, tmp_path, data)


def test_old_checkpoints_are_removed(data, tmp_path):
    seen = []
    original = train.checkpoint.Folder.save

    def spy(self, step, *arguments):
        original(self, step, *arguments)
        seen.append(len(list(self.path.glob("step-*.pt"))))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train.checkpoint.Folder, "save", spy)
        train.pretrain(SMALL.replace(steps=7, save_every=1, keep=3), tmp_path, data)
    assert seen == [1, 2, 3, 3, 3, 3, 1]


@pytest.mark.parametrize("method", ["adamw", "sgd"])
def test_norms_and_biases_can_be_kept_from_decay(method):
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3))
    how = train.Optimization(method=method, decay_all=False, weight_decay=0.1)
    groups = train.optim.make_optimizer(model, how).param_groups
    decays = {p.shape: group["weight_decay"] for group in groups for p in group["params"]}
    assert decays == {(3, 4): 0.1, (3,): 0.0}
    everything = train.optim.make_optimizer(model, dataclasses.replace(how, decay_all=True))
    assert [group["weight_decay"] for group in everything.param_groups] == [0.1]


def test_the_rate_warms_up_and_falls_to_nothing():
    recipe = SMALL.replace(steps=100, optimization={"learning_rate": 1.0, "warmup": 0.1, "warmup_from": 0.01})
    rates = [train.optim.learning_rate(step, recipe) for step in range(100)]
    assert rates[0] == pytest.approx(0.01 + 0.99 / 10) and rates[9] == 1.0
    assert all(a < b for a, b in pairwise(rates[:10]))
    assert all(a > b for a, b in pairwise(rates[10:])) and rates[-1] < 0.001


def test_a_gradient_can_be_clipped(data, tmp_path):
    """With all gradients clipped to almost nothing, plain SGD moves almost nothing."""
    how = train.Optimization(method="sgd", learning_rate=1e-2, weight_decay=0.0, clip_norm=1e-9)
    run = train.pretrain(SMALL.replace(optimization=how), tmp_path, data)
    torch.manual_seed(SMALL.seed)
    fresh = train.Pretraining(SMALL)
    for (name, a), b in zip(fresh.named_parameters(), run.model.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-8), name
    assert all(m["gradient_norm"] > 1e-3 for m in read_metrics(tmp_path))  # as it was before


@pytest.mark.parametrize("target", ["features", "vectors"])
def test_regression_takes_the_place_of_comparison(target, data, tmp_path):
    train.pretrain(SMALL.replace(tasks={"motion": RegressionConfig(target=target)}), tmp_path, data)
    assert all("motion_explained" in m for m in read_metrics(tmp_path))


def test_a_missing_checkpoint_says_which_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"model\.safetensors"):
        read_checkpoint(tmp_path)


def test_the_hard_set_may_lie_elsewhere(tmp_path):
    moving_scenes.make(tmp_path, 50, seed=6, workers=1)
    recipe = SMALL.replace(data="hard_scenes", root=str(tmp_path))
    for split in ("train", "val"):
        assert train.data.videos_of(recipe, split).entries == MovingScenes(split, tmp_path).entries


def test_compiled_networks_are_compiled_and_others_not(data, monkeypatch):
    """Not for real: that takes minutes of a C++ compiler."""
    compiled = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda model, *_, **__: compiled.append(model))
    for wanted in (False, True):
        run = train.pretrain(SMALL.replace(steps=1, compiled=wanted), data=data)
        assert compiled == [run.model] * wanted


def test_a_run_that_began_in_memory_goes_on_from_files(tmp_path, monkeypatch):
    """Where samples are read from is no part of a run: batches are the same."""
    moving_scenes.make(tmp_path / "clips", 8, seed=0, workers=1)
    recipe = SMALL.replace(data=str(tmp_path / "clips"), batch=4, steps=4)
    assert recipe.replace(in_memory=False).differences(recipe) == []

    def stop(step: int, *_: object) -> dict[str, float]:
        if step == 2:
            signal.raise_signal(signal.SIGTERM)
        return {}

    whole = train.pretrain(recipe)
    monkeypatch.setenv("CVRL_MEMORY_LIMIT", "8G")
    assert train.pretrain(recipe, tmp_path / "run", callbacks=[train.Callback(1, stop)]).interrupted
    monkeypatch.setenv("CVRL_MEMORY_LIMIT", "0")
    monkeypatch.setattr(pretraining.MemoryLoader, "batches", lambda *_, **__: pytest.fail("from memory"))
    run = train.pretrain(recipe, tmp_path / "run")
    assert run.resumed_from >= 2 and weights_digest(run.model) == weights_digest(whole.model)


def test_a_training_shorter_than_a_trial_has_none(data, monkeypatch):
    monkeypatch.setattr(precision, "faster_precision", lambda *_: pytest.fail("it takes longer"))
    assert train.pretrain(SMALL.replace(precision="auto"), data=data).recipe.precision == "float32"
