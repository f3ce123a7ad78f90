"""Limits on memory and on the cache: what is larger is read from its files, what is oldest makes room."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from cvrl_lite import limits, train
from cvrl_lite.datasets import MovingScenes, VideoDataset, decode, fits_in_memory, moving_scenes
from cvrl_lite.datasets.sizing import decoded_bytes
from cvrl_lite.models import weights_digest

SQUARE = {"size": 32, "cells": 4}


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("clips")
    moving_scenes.make(root, 14, seed=8, workers=1)
    (root / "train/00000.mp4").write_text("no video", encoding="utf-8")
    return root


@pytest.fixture
def elsewhere(tmp_path, monkeypatch) -> Path:
    """Has the clips lie outside the folder of temporary files, and the cache in one of the test's own."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.setenv("CVRL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache/decoded"


def test_a_decoded_set_takes_what_was_estimated(clips):
    videos = MovingScenes("train", clips)
    for residuals in (False, True):
        arrays = [
            getattr(video, name).nbytes
            for video in decode(videos, residuals=residuals, **SQUARE).videos
            for name in ("frames", "vectors", "mask", "times", "residuals", "residual_mask")
        ]
        estimate = decoded_bytes(videos.entries, residuals=residuals, **SQUARE)
        assert estimate == pytest.approx(sum(arrays), rel=0.15)
    assert decoded_bytes((), **SQUARE) == 0


def test_limits_come_from_the_environment(clips, monkeypatch):
    videos = MovingScenes("train", clips)
    needed = decoded_bytes(videos.entries, **SQUARE)
    assert fits_in_memory(videos, **SQUARE) and not fits_in_memory(videos, limit=needed - 1, **SQUARE)
    for limit, fits in ((str(needed - 1), False), (str(needed), True), ("8G", True), ("0", False)):
        monkeypatch.setenv("CVRL_MEMORY_LIMIT", limit)
        assert fits_in_memory(videos, **SQUARE) == fits
    monkeypatch.setenv("CVRL_MEMORY_LIMIT", "much")
    with pytest.raises(ValueError, match="CVRL_MEMORY_LIMIT: expected a number of bytes, such as 20G; got"):
        fits_in_memory(videos, **SQUARE)
    monkeypatch.setenv("CVRL_CACHE_LIMIT", "3 MB")
    assert limits.cache_limit() == 3_000_000


@pytest.mark.parametrize("limit", ["8G", "0"])
def test_sets_of_any_size_train_alike(limit, clips, elsewhere, monkeypatch, expected={}):  # noqa: B006
    """The limit changes where samples come from, and no number; a broken file changes neither."""
    monkeypatch.setenv("CVRL_MEMORY_LIMIT", limit)
    recipe = train.recipes.laptop_fast().replace(
        data="moving_scenes", root=str(clips), steps=2, batch=6, precision="float32"
    )
    recipe = recipe.replace(networks={"widths": (4, 8, 8, 8)}, augmentation={"size": 32, "cells": 8})
    run = train.pretrain(recipe)
    decoded = len(list(elsewhere.glob("*.safetensors")))
    how = train.Finetuning(steps=2, batch=6, dropout=0.0)
    with pytest.warns(UserWarning, match="00000.mp4: not trained on"):
        network = train.finetune(run.backbone, MovingScenes("train", clips), "action", how)
    assert (decoded, len(run.skipped)) == (0 if limit == "0" else 10, 1)
    made = weights_digest(network)
    assert expected.setdefault("digest", made) == made


@pytest.mark.slow  # starts four processes
def test_what_was_used_least_recently_makes_room(clips, elsewhere, monkeypatch):
    """Another process uses its videos as long as it lives, however old they are."""
    everything = MovingScenes("train", clips)
    parts = [everything.subset(range(start, start + 3)) for start in (1, 4, 7)]
    limit = round(2.5 * decoded_bytes(parts[0].entries, **SQUARE))
    monkeypatch.setenv("CVRL_CACHE_LIMIT", str(limit))

    def kept() -> set[Path]:
        return set(elsewhere.glob("*.safetensors"))

    with user_of(parts[0], clips) as other:
        in_use = kept()
        run_alone(parts[1], clips)
        second = kept() - in_use
        run_alone(parts[2], clips)  # those of the process that has ended go, not the older ones in use
        third = kept() - in_use - second
        assert (len(in_use), len(second), len(third)) == (3, 3, 3)
        assert in_use <= kept() and not second <= kept()
        other.kill()
    run_alone(parts[1], clips)  # those of the process that was killed are not in use
    again = kept()
    assert second <= again and not in_use <= again
    assert sum(file.stat().st_size for file in again) < 1.1 * limit
    with pytest.warns(UserWarning, match=r"held in memory: there is no room .*CVRL_CACHE_LIMIT"):
        data = decode(everything, **SQUARE)
    assert len(data.videos) == 10 and kept() == again


USE = """
import sys
from pathlib import Path
from cvrl_lite.datasets import MovingScenes, decode
videos = MovingScenes("train", sys.argv[1]).subset(map(int, sys.argv[2].split(",")))
data = decode(videos, size=32, cells=4, workers=1)
print("ready", flush=True)
sys.stdin.read()
"""


def user_of(part: VideoDataset, root: Path) -> subprocess.Popen:
    """A process that has decoded a part, and goes on until its input ends."""
    names = [entry.path for entry in MovingScenes("train", root).entries]
    numbers = ",".join(str(names.index(entry.path)) for entry in part.entries)
    process = subprocess.Popen(
        [sys.executable, "-c", USE, str(root), numbers],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": tempfile.gettempdir()},
    )
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


def run_alone(part: VideoDataset, root: Path) -> None:
    with user_of(part, root) as process:
        process.communicate("")
    assert process.returncode == 0
