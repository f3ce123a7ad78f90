"""A set in memory: read by several processes, kept in the cache, and the same however it was read."""

from __future__ import annotations

import tempfile

import numpy as np
import psutil
import pytest

from cvrl_lite.datasets import DecodedSet, MovingScenes, VideoFolder, decode, moving_scenes

PARTS = ("frames", "vectors", "mask", "times", "keys", "residuals", "residual_mask")
SQUARE = {"size": 32, "cells": 4}


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    root = tmp_path_factory.mktemp("clips")
    moving_scenes.make(root, 10, seed=8, workers=1)
    (root / "train/99.mp4").write_text("no video", encoding="utf-8")
    return root


def same(one: DecodedSet, other: DecodedSet) -> bool:
    pairs = list(zip(one.videos, other.videos, strict=True))
    parts = all(np.array_equal(getattr(a, name), getattr(b, name)) for a, b in pairs for name in PARTS)
    return (
        parts and [a.entry for a, _ in pairs] == [b.entry for _, b in pairs] and one.skipped == other.skipped
    )


@pytest.mark.slow  # workers start in seconds
def test_workers_read_the_same(clips, tmp_path):
    videos = VideoFolder(clips)
    earlier = psutil.Process().children()  # joblib keeps those of a backend of its own for a while
    alone = decode(videos, residuals=True, cache=False, workers=1, **SQUARE)
    assert len(alone.videos) == 10 and [s.path.name for s in alone.skipped] == ["99.mp4"]
    for cache in (False, tmp_path, tmp_path):
        assert same(decode(videos, residuals=True, cache=cache, workers=2, **SQUARE), alone)
    later = [child for child in psutil.Process().children() if child not in earlier]
    assert not [child for child in later if "LokyProcess" in " ".join(child.cmdline())]


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Has the clips lie outside the folder of temporary files, and the cache in one of the test's own."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.setenv("CVRL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache/decoded"


def test_a_set_is_decoded_once(clips, elsewhere):
    videos = MovingScenes("train", clips)
    first = decode(videos, **SQUARE)
    written = {file: file.stat().st_mtime_ns for file in elsewhere.glob("*.safetensors")}
    again = decode(videos, **SQUARE)
    assert same(again, first) and not any(video.frames.flags.owndata for video in again.videos)
    assert {file: file.stat().st_mtime_ns for file in elsewhere.iterdir()} == written and len(written) == 8


def test_nothing_is_kept_where_it_is_not_wanted(clips, elsewhere, monkeypatch, tmp_path):
    decode(MovingScenes("val", clips), cache=False, **SQUARE)
    monkeypatch.setattr(tempfile, "tempdir", str(clips.parent))
    decode(MovingScenes("val", clips), **SQUARE)
    assert not elsewhere.exists()


def test_a_cache_that_cannot_be_is_no_hindrance(clips, elsewhere):
    elsewhere.parent.mkdir()
    elsewhere.write_text("a file in the folder's place", encoding="utf-8")
    with pytest.warns(UserWarning, match="decoded: nothing is kept there: "):
        assert len(decode(MovingScenes("train", clips), **SQUARE).videos) == 8


def test_a_subset_keeps_classes_and_order(clips):
    data = decode(MovingScenes("train", clips), **SQUARE)
    part = data.subset([3, 1])
    assert [v.entry for v in part.videos] == [data.videos[3].entry, data.videos[1].entry]
    assert part.classes == data.classes
