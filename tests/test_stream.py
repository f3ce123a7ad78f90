"""Samples read from files: the same as from memory, with any number of workers, from any step on."""

import dataclasses
import json
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch

from cvrl_lite import datasets
from cvrl_lite.datasets import ClipSampling, FileLoader, MemoryLoader, Timeline, moving_scenes

HOW = ClipSampling(num_negative_windows=2)
SQUARE = {"size": 32, "cells": 14}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("clips")
    moving_scenes.make(root, 6, seed=2, workers=1)
    return root


def equal(a, b) -> bool:
    fields = ("clip", "keyframe", "motion", "motion_mask", "sources", "seeds")
    return a.names == b.names and all(torch.equal(getattr(a, f), getattr(b, f)) for f in fields)


@pytest.mark.parametrize("copies", [1, 3])
def test_files_give_what_memory_gives(folder, copies):
    how = dataclasses.replace(HOW, clips_per_video=copies)
    videos = datasets.VideoFolder(folder)
    from_memory = MemoryLoader(datasets.decode(videos, **SQUARE), how, 4)
    from_files = FileLoader(videos, how, 4, **SQUARE)
    pairs = list(zip(from_memory.batches(5, 4), from_files.batches(5, 4), strict=True))
    assert len(pairs) == 4 and all(equal(a, b) for a, b in pairs)


def test_copies_lie_together_and_differ(folder):
    (batch,) = FileLoader(datasets.VideoFolder(folder), ClipSampling(clips_per_video=3), 1, **SQUARE).batches(
        6, 1
    )
    assert batch.sources.tolist() == [batch.sources[0]] * 3 + [batch.sources[3]] * 3
    assert len(set(batch.seeds.tolist())) == 6 and batch.sources[0] != batch.sources[3]


def test_a_training_can_go_on_anywhere_and_be_shared(folder):
    sampler = FileLoader(datasets.VideoFolder(folder), HOW, 0, **SQUARE)
    whole = list(sampler.batches(4, 5))
    assert all(equal(a, b) for a, b in zip(whole[3:], sampler.batches(4, 5, first=3), strict=True))
    parts = [list(sampler.batches(4, 5, share=(rank, 2))) for rank in range(2)]
    for batch, first, second in zip(whole, *parts, strict=True):
        assert batch.names == first.names + second.names
        assert torch.equal(batch.clip, torch.cat([first.clip, second.clip]))
        assert torch.equal(batch.motion, torch.cat([first.motion, second.motion]))


def test_a_broken_file_is_replaced_once_warned_of_and_counted(folder, tmp_path):
    for path in sorted(folder.rglob("*.mp4"))[:4]:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    sampler = FileLoader(datasets.VideoFolder(tmp_path), HOW, 0, **SQUARE)
    broken = sorted(tmp_path.iterdir())[1]
    broken.write_bytes(b"no longer a video")
    for _ in range(2):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            batches = list(sampler.batches(4, 3))
        assert sum(batch.replaced for batch in batches) >= 3  # each of the three rounds meets it
        assert all(str(broken) not in batch.names and len(batch.names) == 4 for batch in batches)
        names = [batch.names for batch in batches]
    assert [str(w.message) for w in caught] == []  # said already
    assert names == [batch.names for batch in sampler.batches(4, 3)]  # the same ones each time
    fresh = FileLoader(datasets.VideoFolder(tmp_path), HOW, 0, **SQUARE)
    assert fresh.skipped[0].path == broken


def test_a_set_that_breaks_altogether_says_so(folder, tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(next(folder.rglob("*.mp4")).read_bytes())
    sampler = FileLoader(datasets.VideoFolder(tmp_path), HOW, 0, **SQUARE)
    path.write_bytes(b"gone")
    with pytest.raises(OSError, match=r"20 files in a row cannot be read, the last: .*a\.mp4"):
        next(sampler.batches(1, 1))


WITH_WORKERS = """
import hashlib, json, sys
from cvrl_lite import datasets
from cvrl_lite.datasets import FileLoader, ClipSampling
found = {}
for workers in (0, 1, 3):
    how = {"size": 32, "cells": 14, "workers": workers, "cache": sys.argv[2]}
    sampler = FileLoader(datasets.VideoFolder(sys.argv[1]), ClipSampling(num_negative_windows=2), 5, **how)
    digest = hashlib.sha256()
    for batch in sampler.batches(4, 4):
        for part in (batch.clip, batch.keyframe, batch.motion, batch.motion_mask, batch.seeds):
            digest.update(part.numpy().tobytes())
    found[workers] = digest.hexdigest()
print(json.dumps(found))
"""


def test_the_number_of_workers_changes_nothing(folder, tmp_path):
    words = [sys.executable, "-c", WITH_WORKERS, str(folder), str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=True)
    assert len(set(json.loads(done.stdout).values())) == 1
    assert any(tmp_path.iterdir())  # the indexes


def test_decoded_arrays_can_stay_on_disk(folder, tmp_path):
    videos = datasets.VideoFolder(folder)
    plain = datasets.decode(videos, residuals=True, **SQUARE)
    datasets.decode(videos, residuals=True, cache=tmp_path, **SQUARE)
    kept = datasets.decode(videos, residuals=True, cache=tmp_path, **SQUARE)
    for a, b in zip(plain.videos, kept.videos, strict=True):
        assert not b.frames.flags.writeable and not b.frames.flags.owndata
        for name in ("frames", "vectors", "mask", "times", "keys", "residuals", "residual_mask"):
            assert np.array_equal(getattr(a, name), getattr(b, name))
    first = sorted(folder.rglob("*.mp4"))[0]
    changed = tmp_path / "changed"
    changed.mkdir()
    (changed / "a.mp4").write_bytes(first.read_bytes())
    before = len(list(tmp_path.glob("*.safetensors")))
    datasets.decode(datasets.VideoFolder(changed), cache=tmp_path, **SQUARE)
    assert len(list(tmp_path.glob("*.safetensors"))) == before + 1


def test_mapped_videos_leave_no_file_open(folder, tmp_path):
    resource = pytest.importorskip("resource", reason="limits of open files are a Unix matter")
    one = datasets.VideoFolder(folder).entries[:1]
    many = datasets.VideoDataset(one * 200, {})
    datasets.decode(many, cache=tmp_path, **SQUARE)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (150, hard))
    try:
        kept = datasets.decode(many, cache=tmp_path, **SQUARE)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert len(kept.videos) == 200 and not kept.skipped


@pytest.mark.parametrize("rate", [25.0, 29.97])
def test_the_released_sampling_counts_frames(rate):
    """16 frames, 4 apart; 8 vector maps from the last frame + 3; I-frames within 5; at least 71 frames."""
    how = ClipSampling(16, 4, 3, window=8, num_negative_windows=3, max_keyframe_distance=5, in_frames=True)
    keys = np.arange(0, 120, 12)
    timeline = Timeline(np.arange(120) / rate, keys, how)
    assert timeline.starts.tolist() == list(range(50))  # 120 - 61 - 2 - 8 + 1
    for seed in range(40):
        cut = timeline.cut((seed,))
        assert np.diff(cut.clip).tolist() == [4] * 15
        assert cut.windows[0] == cut.clip[-1] + 3
        assert all(abs(other - cut.windows[0]) >= 8 for other in cut.windows[1:])
        assert cut.clip[0] - 5 <= cut.key <= cut.clip[-1] + 5
    for frames, usable in ((70, 0), (71, 1)):
        assert len(Timeline(np.arange(frames) / rate, np.array([0]), how).starts) == usable


def test_a_negative_gap_shows_the_present():
    how = ClipSampling(8, 2, -7, window=8, num_negative_windows=1, in_frames=True)
    timeline = Timeline(np.arange(60) / 25, np.array([0]), how)
    cut = timeline.cut((0,))
    assert cut.windows[0] + 7 == cut.clip[-1]  # the window ends with the clip
    early = Timeline(np.arange(60) / 25, np.array([0]), dataclasses.replace(how, gap=-20))
    assert early.starts.min() == 6 and early.cut((1,)).windows[0] >= 0
