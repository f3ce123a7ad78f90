"""The folder of a run: what is gone on with, what is refused, and how damaged files are named."""

import dataclasses
import json
import shutil
from pathlib import Path

import parallel_data
import pytest
import torch

from cvrl_lite import train
from cvrl_lite.datasets import DecodedSet
from cvrl_lite.train.checkpoint import read_checkpoint

SMALL = parallel_data.RECIPES["all"].replace(steps=4, save_every=2)


@pytest.fixture(scope="module")
def data() -> DecodedSet:
    return parallel_data.data()


def test_another_precision_is_refused_where_it_is_asked_for(data, tmp_path):
    train.pretrain(SMALL, tmp_path, data)
    with pytest.raises(ValueError, match="precision: float32, not bfloat16"):
        train.pretrain(SMALL.replace(precision="bfloat16"), tmp_path, data)
    assert train.pretrain(SMALL.replace(precision="auto"), tmp_path, data).recipe.precision == "float32"


def lying(data: DecodedSet, folder: str) -> DecodedSet:
    """The same videos in another folder."""
    return dataclasses.replace(
        data,
        videos=tuple(
            dataclasses.replace(v, entry=dataclasses.replace(v.entry, path=Path(folder, v.entry.path)))
            for v in data.videos
        ),
    )


def test_a_run_on_other_data_is_refused_and_moved_data_are_not(data, tmp_path):
    train.pretrain(SMALL, tmp_path, lying(data, "/here"))
    assert train.pretrain(SMALL, tmp_path, lying(data, "/there/now")).steps == 4
    fewer = dataclasses.replace(data, videos=data.videos[:4])
    others = dataclasses.replace(data, videos=data.videos[::-1])
    for other, said in ((fewer, "18 files, .* not 4 files"), (others, "18 files, .* not 18 files")):
        with pytest.raises(ValueError, match=f"holds a run on other data .{said}, names"):
            train.pretrain(SMALL, tmp_path, other)
    environment = json.loads((tmp_path / "environment.json").read_text(encoding="utf-8"))
    del environment["data"]
    (tmp_path / "environment.json").write_text(
        json.dumps(environment), encoding="utf-8"
    )  # as older runs have it
    assert train.pretrain(SMALL, tmp_path, fewer).steps == 4
    assert json.loads((tmp_path / "environment.json").read_text(encoding="utf-8")) == environment


@pytest.mark.parametrize("file", ["model.safetensors", "metrics.jsonl", "step-00000004.pt"])
def test_what_has_lost_its_recipe_is_adopted_by_none(file, data, tmp_path):
    (tmp_path / file).write_bytes(b"of a day's training")
    with pytest.raises(ValueError, match=f"{file}: of a run whose recipe.json is missing"):
        train.pretrain(SMALL, tmp_path, data)
    assert [left.read_bytes() for left in tmp_path.iterdir()] == [b"of a day's training"]


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    train.pretrain(SMALL, folder, data)
    return folder


DAMAGES = {
    "cut": lambda good: good[: len(good) // 2],
    "empty": lambda good: b"",
    "text": lambda good: b'{"steps": 4}',
    "a list": lambda good: b"[1]",
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize(
    "name", ["recipe.json", "model.safetensors", "step-00000004.safetensors", "step-00000004.pt"]
)
def test_a_damaged_file_is_named_in_one_line(name, damage, finished, data, tmp_path):
    folder = shutil.copytree(finished, tmp_path / "run")
    (folder / name).write_bytes(DAMAGES[damage]((folder / name).read_bytes()))
    calls = {
        "recipe.json": [lambda: read_checkpoint(folder), lambda: train.pretrain(SMALL, folder, data)],
        "model.safetensors": [lambda: read_checkpoint(folder)],
    }
    for call in calls.get(name, [lambda: train.pretrain(SMALL, folder, data)]):
        with pytest.raises(ValueError) as said:
            call()
        assert str(said.value).startswith(f"{folder / name}: no ") and "\n" not in str(said.value)


def test_weights_of_another_network_are_refused_in_one_line(finished, tmp_path):
    folder = shutil.copytree(finished, tmp_path / "run")
    for name, changes in (
        ("model.safetensors: no weights", {"widths": (4, 8, 8, 16)}),
        ("recipe.json: no network", {"widths": (4, 8)}),
    ):
        (folder / "recipe.json").write_text(SMALL.replace(networks=changes).to_json(), encoding="utf-8")
        with pytest.raises(ValueError, match=name) as said:
            read_checkpoint(folder)
        assert "\n" not in str(said.value) and len(str(said.value)) < 400
    (folder / "recipe.json").write_text(SMALL.to_json().replace('"seed"', '"sead"'), encoding="utf-8")
    with pytest.raises(ValueError, match=r"recipe.json: no recipe: .*'sead'"):
        read_checkpoint(folder)
    (folder / "recipe.json").write_text(SMALL.to_json(), encoding="utf-8")
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").mkdir()
    with pytest.raises(IsADirectoryError, match=r"model\.safetensors"):
        read_checkpoint(folder)


def test_weights_in_a_runs_folder_are_a_checkpoint_too(finished, tmp_path):
    whole, recipe = read_checkpoint(finished)
    for name in ("model.safetensors", "step-00000004.safetensors"):
        backbone, found = read_checkpoint(finished / name)
        assert found == recipe
        for key, value in whole.state_dict().items():
            assert torch.equal(value, backbone.state_dict()[key])
    with pytest.raises(ValueError, match=r"step-00000004\.pt: a checkpoint is"):
        read_checkpoint(finished / "step-00000004.pt")
    shutil.copy(finished / "model.safetensors", tmp_path / "mine.safetensors")
    with pytest.raises(FileNotFoundError, match=r"mine\.json: a checkpoint needs"):
        read_checkpoint(tmp_path / "mine.safetensors")


def test_metrics_are_cut_by_their_steps_not_by_their_lines(tmp_path):
    folder = train.checkpoint.Folder(tmp_path)
    for step in (1, 2, 5, 6, 7):  # the system lost two in a power failure
        folder.add_metrics({"step": step})
    with open(tmp_path / "metrics.jsonl", "a", encoding="utf-8") as file:
        file.write('7\n{"step": 5, "conte')
    folder.cut_metrics(6)
    assert (tmp_path / "metrics.jsonl").read_text(
        encoding="utf-8"
    ) == '{"step": 1}\n{"step": 2}\n{"step": 5}\n{"step": 6}\n'


def test_context_needs_two_videos_to_match(data, tmp_path):
    one = dataclasses.replace(
        data,
        videos=tuple(
            dataclasses.replace(v, entry=dataclasses.replace(v.entry, source="film")) for v in data.videos
        ),
    )
    for some in (one, dataclasses.replace(data, videos=data.videos[:1])):
        with pytest.raises(ValueError, match="context needs clips of 2 videos, and all are of 1"):
            train.pretrain(SMALL, tmp_path, some)
        assert train.pretrain(SMALL.replace(tasks=("motion",), steps=1), data=some).steps == 1
