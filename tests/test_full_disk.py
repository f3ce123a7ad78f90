"""A disk that takes no more: one line that names the file, what was whole stays, nothing half is left.

A limit on the size of files stands for it: writes beyond it fail as on a full disk, with another number.
"""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager, redirect_stdout

import numpy as np
import parallel_data
import pytest

from cvrl_lite import datasets, train
from cvrl_lite.cli import main
from cvrl_lite.codec import encode, load
from cvrl_lite.course import figures
from cvrl_lite.datasets import moving_scenes
from cvrl_lite.errors import one_line
from cvrl_lite.files import FULL
from cvrl_lite.train.checkpoint import Folder

resource = pytest.importorskip("resource", reason="limits of file sizes are a Unix matter")
RECIPE = parallel_data.RECIPES["all"].replace(steps=6, save_every=2, keep=2)


@contextmanager
def files_of_at_most(size: int):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    root = tmp_path_factory.mktemp("clips")
    moving_scenes.make(root, 3, seed=1, workers=1)
    return root


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("part", ["state", "weights", "metrics"])
def test_a_training_keeps_its_last_whole_checkpoint(part, tmp_path, monkeypatch):
    whole = train.pretrain(RECIPE, tmp_path / "whole", parallel_data.data())
    state, weights = (
        (tmp_path / f"whole/step-00000006.{end}").stat().st_size for end in ("pt", "safetensors")
    )
    assert weights < state
    save, add, out = Folder.save, Folder.add_metrics, tmp_path / "parts"

    def full_at_step_4(self, step, *more):
        with files_of_at_most((state if part == "state" else weights) - 1 if step == 4 else state * 2):
            save(self, step, *more)

    def full_at_step_3(self, metrics):
        with files_of_at_most((out / "metrics.jsonl").stat().st_size + 40 if metrics["step"] == 3 else state):
            add(self, metrics)

    name, changed = ("add_metrics", full_at_step_3) if part == "metrics" else ("save", full_at_step_4)
    monkeypatch.setattr(Folder, name, changed)
    with pytest.raises(OSError) as said:
        train.pretrain(RECIPE, out, parallel_data.data())
    file = {"state": "step-00000004.pt", "weights": "step-00000004.safetensors", "metrics": "metrics.jsonl"}
    assert one_line(said.value) == f"{out / file[part]}: File too large" and said.value.errno in FULL
    kept = [
        "environment.json",
        "metrics.jsonl",
        "recipe.json",
        "step-00000002.pt",
        "step-00000002.safetensors",
    ]
    assert names(out) == kept
    monkeypatch.undo()
    again = train.pretrain(RECIPE, out, parallel_data.data())
    assert again.steps == 6
    for one, other in zip(whole.model.parameters(), again.model.parameters(), strict=True):
        assert np.array_equal(one.detach(), other.detach())


@pytest.mark.parametrize("command", ["extract", "transcode"])
def test_a_batch_stops_at_once(command, clips, tmp_path, capsys):
    for name, clip in zip("abc", sorted(clips.rglob("*.mp4")), strict=True):
        (tmp_path / "in").mkdir(exist_ok=True)
        shutil.copy(clip, tmp_path / f"in/{name}.mp4")
    words = [command, str(tmp_path / "in"), "--out", str(tmp_path / "out")]
    with files_of_at_most(20_000):
        assert main(words) == 2
    out, err = capsys.readouterr()
    suffix = ".npz" if command == "extract" else ""
    assert err == f"cvrl-lite: {tmp_path}/out/a.mp4{suffix}: File too large\n" and not out
    assert names(tmp_path / "out") == []
    assert main(words) == 0 and len(names(tmp_path / "out")) == 3


def test_nothing_cut_short_looks_whole(tmp_path):
    """Wherever the disk ends, from the first byte to the last that is in a buffer until the end."""
    frames = np.random.default_rng(0).integers(0, 256, (6, 48, 48, 3), dtype=np.uint8)
    for suffix in ("mp4", "mkv", "avi", "ts"):
        path = tmp_path / f"a.{suffix}"
        encode(frames, path)
        size = path.stat().st_size
        path.unlink()
        for limit in (0, 1000, size // 2, size - 700, size - 1):
            with files_of_at_most(limit), pytest.raises(OSError, match=r"File too large: .*a\."):
                encode(frames, path)
            assert names(tmp_path) == []


def test_a_set_and_its_cache_of_decoded_videos(clips, tmp_path, capsys):
    with files_of_at_most(20_000):
        assert main(["scenes", "--out", str(tmp_path / "set"), "--clips", "3"]) == 2
        line = capsys.readouterr().err
        assert line.startswith(f"cvrl-lite: {tmp_path}/set/train/00000.mp4") and line.count("\n") == 1
        with pytest.raises(OSError, match=r"File too large: .*\.safetensors"):
            datasets.decode(datasets.VideoFolder(clips), cache=tmp_path / "cache")
    assert names(tmp_path / "cache") == [] and not list((tmp_path / "set").rglob(".*"))
    assert main(["scenes", "--out", str(tmp_path / "set"), "--clips", "3"]) == 0
    assert len(datasets.decode(datasets.VideoFolder(clips), cache=tmp_path / "cache").videos) == 3


def test_figures_and_failures(clips, tmp_path, capsys):
    figure = tmp_path / "old.png"
    figure.write_bytes(b"of yesterday")
    with files_of_at_most(5000), pytest.raises(OSError, match=r"File too large: .*old\.png"):
        figures.save(figures.new("Much to see"), figure, dpi=200)
    assert figure.read_bytes() == b"of yesterday" and names(tmp_path) == ["old.png"]
    (tmp_path / "a.mp4").write_text("no video", encoding="utf-8")
    with files_of_at_most(10):
        assert main(["extract", str(tmp_path / "a.mp4"), "--out", str(tmp_path / "out")]) == 2
    assert "failures.csv: File too large" in capsys.readouterr().err and names(tmp_path / "out") == []


def test_a_folder_in_a_files_place_is_named_and_stays_unless_it_is_empty(clips, tmp_path, capsys):
    clip = next(clips.rglob("*.mp4"))
    place = tmp_path / f"{clip.name}.npz"
    place.mkdir()
    (place / "mine").touch()
    words = ["extract", str(clip), "--out", str(tmp_path), "--what", "motion"]
    assert main(words) == 2
    assert capsys.readouterr().err == f"cvrl-lite: {place}: Is a directory\n"
    assert names(tmp_path) == ["failures.csv", "mine"]
    (place / "mine").unlink()
    assert main(words) == 0 and load(place).motion is not None


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
def test_output_into_a_full_file_is_told(clips, capsys):
    with open("/dev/full", "w", encoding="utf-8") as full, redirect_stdout(full):
        assert main(["inspect", str(next(clips.rglob("*.mp4")))]) == 2
    assert capsys.readouterr().err == "cvrl-lite: standard output: No space left on device\n"
