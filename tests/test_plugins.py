"""Backbones and tasks from outside the package: trained, stored, resumed, loaded and embedded with."""

import json
import re
from pathlib import Path

import numpy as np
import parallel_data
import plugged
import pytest
import torch

import cvrl_lite
from cvrl_lite import train
from cvrl_lite.cli import main
from cvrl_lite.datasets import moving_scenes
from cvrl_lite.models import wrap

RECIPE = parallel_data.RECIPES["all"].replace(
    steps=3, batch=6, save_every=2, networks={"backbone": "plugged:r3d18", "backbone_kwargs": {"width": 2}}
)


@pytest.fixture(scope="module")
def data():
    return parallel_data.data()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    moving_scenes.make(folder, 8, seed=0, workers=1)
    return folder


def test_an_r3d18_is_trained_resumed_loaded_and_embeds(data, folder, tmp_path):
    run = train.pretrain(RECIPE, tmp_path / "run", data)
    assert len([m for m in run.backbone.modules() if isinstance(m, torch.nn.Conv3d)]) == 1 + 16 + 3
    stored = json.loads((tmp_path / "run" / "recipe.json").read_text(encoding="utf-8"))["networks"]
    assert (stored["backbone"], stored["backbone_kwargs"]) == ("plugged:r3d18", {"width": 2})
    for file in (tmp_path / "run").glob("step-00000003*"):
        file.rename(tmp_path / file.name)  # what was saved last is lost
    again = train.pretrain(RECIPE, tmp_path / "run", data)
    assert again.steps == 3
    for name, value in run.model.state_dict().items():
        assert torch.equal(value, again.model.state_dict()[name]), name
    table = cvrl_lite.load(tmp_path / "run").embed(folder)
    assert table.features.shape == (8, 16) and np.isfinite(table.features).all()


def test_two_maps_are_two_parts_and_one_map_is_the_whole():
    clip = torch.randn(2, 3, 8, 32, 32)
    both, one = plugged.two_maps().eval(), plugged.r3d18(2).eval()
    assert both(clip).shape == (2, 16) and one(clip).shape == (2, 16) and not one.parts
    for part in both.parts.values():
        assert torch.allclose(both(clip)[:, part].norm(dim=1), torch.ones(2), atol=1e-5)
    assert [tuple(part.shape[1:]) for part in both.feature_maps(clip)] == [(6, 1, 4, 4), (10, 2, 4, 4)]
    assert both.map_size(8, 32) == (2, 4, 4) and one.map_size(8, 32) == (1, 2, 2)
    assert one.feature_maps(clip)[0] is one.feature_maps(clip)[1] or torch.equal(*one.feature_maps(clip))


@pytest.mark.parametrize(
    ("network", "channels"),
    [
        (torch.nn.Conv3d(3, 8, 3), 9),
        (torch.nn.Conv3d(3, 8, 3), (8, 8)),
        (torch.nn.Sequential(torch.nn.AdaptiveAvgPool3d(1), torch.nn.Flatten()), 3),
    ],
)
def test_a_network_that_returns_something_else_is_told_so(network, channels):
    with pytest.raises(ValueError, match=r"has to return \(B, \d, t, h, w\).*it returned \["):
        wrap(network, channels=channels)(torch.zeros(1, 3, 8, 16, 16))


@pytest.mark.parametrize(
    ("backbone", "arguments", "message"),
    [
        ("plugged:unannotated", {}, "annotation -> VideoBackbone"),
        ("os:system", {"command": "true"}, "annotation -> VideoBackbone"),
        ("plugged:r3d18", {"depth": 3}, "unexpected keyword argument 'depth'"),
        ("plugged:r3d19", {}, "plugged has no r3d19"),
        ("no_such_module:r3d18", {}, "cannot be imported"),
    ],
)
def test_what_makes_no_backbone_is_refused(backbone, arguments, message):
    recipe = RECIPE.replace(networks={"backbone": backbone, "backbone_kwargs": arguments})
    with pytest.raises(ValueError, match=message):
        recipe.networks.build_backbone()


def test_a_task_from_outside_is_one_line_in_a_recipe(data, tmp_path):
    recipe = parallel_data.RECIPES["all"].replace(steps=2, tasks={"speed": plugged.SpeedConfig(bias=2.0)})
    assert train.Recipe.from_json(recipe.to_json()) == recipe
    train.pretrain(recipe, tmp_path, data)
    lines = [json.loads(line) for line in (tmp_path / train.METRICS).read_text(encoding="utf-8").splitlines()]
    assert all({"speed_loss", "speed_within_one", "motion_loss", "context_loss"} <= set(m) for m in lines)
    assert json.loads((tmp_path / "recipe.json").read_text(encoding="utf-8"))["tasks"]["speed"] == {
        "kind": "plugged:SpeedConfig",
        "weight": 1.0,
        "start": 0.0,
        "bias": 2.0,
    }
    alone = recipe.replace(tasks=("speed",))
    model = train.Pretraining(alone)
    assert model.partly_used and model.tasks["speed"].line.bias.item() == 2.0


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("plugged:SpeedGuess", "a task is one of"),
        ("plugged:Nothing", "has no Nothing"),
        (3, "object with a kind"),
    ],
)
def test_a_stored_task_that_is_none_is_refused(kind, message):
    values = json.loads(RECIPE.to_json())
    values["tasks"]["speed"] = {"kind": kind}
    with pytest.raises(ValueError, match=message):
        train.Recipe.from_json(json.dumps(values))


TINY = [
    *("--set", "networks.widths=(4,8,8,8)", "--set", "precision=float32", "--set", "augmentation.size=32"),
    *("--set", "augmentation.cells=8", "--batch", "4", "--json"),
]


def test_the_shell_takes_backbones_tasks_and_fields(folder, tmp_path, capsys):
    words = [
        "pretrain",
        "--recipe",
        "ucf101_r2plus1d26",
        "--folder",
        str(folder),
        "--out",
        str(tmp_path / "a"),
    ]
    words += [*TINY, "--backbone", "plugged:r3d18", "--task", "speed=plugged:SpeedConfig"]
    words += ["--set", 'networks.backbone_kwargs={"width": 2}', "--set", "networks.encoders=tiny"]
    words += ["--set", "tasks.speed.weight=.5", "--set", "optimization.clip_norm=none", "--epochs", "1"]
    assert main([*words, "--set", "sampling.stride=1", "--set", "sampling.num_negative_windows=1"]) == 0
    recipe = train.Recipe.from_json((tmp_path / "a" / "recipe.json").read_text(encoding="utf-8"))
    assert recipe.steps == 2 and recipe.batch == 4  # 8 files
    assert recipe.networks.backbone_kwargs == {"width": 2} and recipe.optimization.clip_norm is None
    assert recipe.tasks["speed"] == plugged.SpeedConfig(weight=0.5)
    assert cvrl_lite.load(tmp_path / "a").embed(folder).features.shape == (8, 16)


def test_a_training_starts_from_another_network(folder, tmp_path, capsys):
    first = ["pretrain", "--folder", str(folder), *TINY, "--steps", "1"]
    assert main([*first, "--out", str(tmp_path / "a")]) == 0
    still = ["--set", "optimization.learning_rate=0", "--set", "seed=1"]
    assert main([*first, *still, "--out", str(tmp_path / "b"), "--init", str(tmp_path / "a")]) == 0
    pair = [cvrl_lite.load(tmp_path / name).backbone for name in "ab"]
    for (name, a), b in zip(pair[0].named_parameters(), pair[1].parameters(), strict=True):
        assert torch.equal(a, b), name
    capsys.readouterr()
    assert main([*first, "--out", str(tmp_path / "c"), "--init", "joint"]) == 2
    assert "another form than the recipe's" in capsys.readouterr().err
    assert main([*first, "--out", str(tmp_path / "d"), "--init", "nothing"]) == 2
    assert "nothing: not a run's folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            "--set optimization.learning_rate=fast",
            "learning_rate is of the kind float; got 'fast'",
        ),
        ("--set optimization.rate=1", "optimization has no rate"),
        ("--set steps", "--set is FIELD=VALUE; got steps"),
        ("--set seed=1.5", "seed is a whole number"),
        ("--task context,motion", "--task is NAME=MODULE:CLASS"),
        ("--task speed=plugged:r3d18", "a task is a TaskConfig"),
        ("--epochs 0", "--epochs is above 0"),
        ("--epochs 1 --steps 1", "not allowed with argument"),
        ("--backbone vgg", "networks.backbone is one of tiny"),
        ("--back tiny", "there is no option --back; did you mean --batch or --backbone?"),
    ],
)
def test_a_wrong_word_is_one_line_and_leaves_nothing(words, message, folder, tmp_path, capsys):
    assert main(["pretrain", "--folder", str(folder), "--out", str(tmp_path / "run"), *words.split()]) == 2
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1 and not (tmp_path / "run").exists()


def test_the_documented_loop_of_ones_own_runs(folder, tmp_path, monkeypatch, capsys):
    text = (Path(__file__).parents[1] / "docs" / "own_loop.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.S)
    assert len(code.splitlines()) < 48
    (tmp_path / "videos").symlink_to(folder, target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    assert len(capsys.readouterr().out.splitlines()) == 2  # 8 files: a batch an epoch
    assert (tmp_path / "backbone.pt").exists()
