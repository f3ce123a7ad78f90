"""What we made and keep may be damaged by others: it is noticed, and made again."""

from __future__ import annotations

import os
import shutil
import warnings

import numpy as np
import pytest
import safetensors.numpy

from cvrl_lite import CompressedVideo, VideoError, datasets
from cvrl_lite.datasets import moving_scenes

SQUARE = {"size": 32, "cells": 4}


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    root = tmp_path_factory.mktemp("clips")
    moving_scenes.make(root, 2, seed=2, workers=1)
    return root


def flipped(good: bytes, at: int) -> bytes:
    return good[:at] + bytes([good[at] ^ 0x20]) + good[at + 1 :]


DAMAGES = {
    "empty": lambda good: b"",
    "cut": lambda good: good[: len(good) // 2],
    "one byte short": lambda good: good[:-1],
    "one byte more": lambda good: good + b"\0",
    "zeros": lambda good: bytes(len(good)),
    "zeros from the middle on": lambda good: good[: len(good) // 2] + bytes(len(good) - len(good) // 2),
    "garbage": lambda good: os.urandom(len(good)),
    "a bit at the beginning": lambda good: flipped(good, 20),
    "a bit in the middle": lambda good: flipped(good, len(good) // 2),
    "a bit at the end": lambda good: flipped(good, len(good) - 20),
    "another kind": lambda good: safetensors.numpy.save({"frames": np.zeros(3)}),
    "text": lambda good: b"[1]\n",
    "a folder": None,
    "gone": None,
}


def harm(file, damage: str) -> None:
    good = file.read_bytes()
    file.unlink()
    if damage == "a folder":
        file.mkdir()
    elif damage != "gone":
        file.write_bytes(DAMAGES[damage](good))


def same(a, b) -> bool:
    parts = ("frames", "vectors", "mask", "times", "keys")
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in parts)


@pytest.mark.parametrize("damage", DAMAGES)
def test_decoded_videos(damage, clips, tmp_path):
    videos = datasets.VideoFolder(clips)
    good = datasets.decode(videos, cache=tmp_path, **SQUARE).videos
    harm(sorted(tmp_path.glob("*.safetensors"))[0], damage)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for times in (1, 2):
            mended = datasets.decode(videos, cache=tmp_path, **SQUARE).videos
            assert all(map(same, good, mended)), times
    assert [str(w.message) for w in told] == (
        [] if damage == "gone" else [f"{tmp_path}: files in it are damaged, and are made again"]
    )
    assert all(not video.frames.flags.owndata for video in mended)  # they are mapped again
    assert len(list(tmp_path.iterdir())) == 2


def test_decoded_videos_are_read_through_only_where_their_time_has_changed(clips, tmp_path):
    """A byte that changes behind the file's back is seen once its time has changed, and not before."""
    videos = datasets.VideoFolder(clips)
    good = datasets.decode(videos, **SQUARE).videos  # in memory: it shares no file with what is mapped
    datasets.decode(videos, cache=tmp_path, **SQUARE)
    file = sorted(tmp_path.glob("*.safetensors"))[0]
    was = file.stat()
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0xFF  # among the frames
    file.write_bytes(data)
    os.utime(file, ns=(was.st_atime_ns, was.st_mtime_ns))
    assert not all(map(same, good, datasets.decode(videos, cache=tmp_path, **SQUARE).videos))
    os.utime(file, ns=(was.st_atime_ns, was.st_mtime_ns + 1))
    with pytest.warns(UserWarning, match="damaged, and are made again"):
        assert all(map(same, good, datasets.decode(videos, cache=tmp_path, **SQUARE).videos))
    copies = shutil.copytree(tmp_path, tmp_path / "copies", copy_function=shutil.copyfile)
    assert all(map(same, good, datasets.decode(videos, cache=copies, **SQUARE).videos))


@pytest.mark.parametrize("why", ["a folder that is not ours", "no right to write"])
def test_decoded_videos_are_in_memory_where_they_cannot_be_kept(why, clips, tmp_path):
    videos = datasets.VideoFolder(clips)
    good = datasets.decode(videos, cache=tmp_path, **SQUARE).videos
    file = sorted(tmp_path.glob("*.safetensors"))[0]
    file.unlink()
    if why == "no right to write":
        if os.geteuid() == 0:
            pytest.skip("root may write anywhere")
        tmp_path.chmod(0o500)
    else:
        file.mkdir()
        (file / "mine").touch()
    try:
        with pytest.warns(UserWarning, match="nothing is kept there: "):
            assert all(map(same, good, datasets.decode(videos, cache=tmp_path, **SQUARE).videos))
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize("damage", DAMAGES)
def test_indexes(damage, clips, tmp_path):
    clip = next(clips.rglob("*.mp4"))
    with CompressedVideo(clip, cache=tmp_path) as video:
        good = video.info
    (file,) = tmp_path.iterdir()
    harm(file, damage)
    with CompressedVideo(clip, cache=tmp_path) as video:
        assert video.info == good and video.clip(39, 1).shape == (1, 112, 112, 3)
    assert file.is_file() and len(list(tmp_path.iterdir())) == 1


def test_the_index_of_another_file_is_not_taken(clips, tmp_path):
    one, other = sorted(clips.rglob("*.mp4"))
    for clip in (one, other):
        with CompressedVideo(clip, cache=tmp_path / clip.stem) as video:
            good = video.info
    (right,), (wrong,) = (list((tmp_path / clip.stem).iterdir()) for clip in (other, one))
    shutil.copy(wrong, right)
    with CompressedVideo(other, cache=tmp_path / other.stem) as video:
        assert video.info == good


HOW = {"clips": 3, "frames": 2, "size": 32, "workers": 1}


@pytest.mark.parametrize("name", ["set.json", "index.csv", "train/00001.mp4"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_scenes(name, damage, tmp_path):
    good = moving_scenes.make(tmp_path, **HOW)
    harm(tmp_path / name, damage)
    assert moving_scenes.make(tmp_path, **HOW) == moving_scenes.read_index(tmp_path) == good
    assert sorted(p.name for p in tmp_path.iterdir()) == ["index.csv", "set.json", "train"]


@pytest.mark.parametrize("damage", [*DAMAGES, "a row too few"])
def test_a_damaged_index_is_never_read_as_a_smaller_set(damage, tmp_path):
    moving_scenes.make(tmp_path, **HOW)
    index = tmp_path / "index.csv"
    if damage == "a row too few":
        index.write_text(
            "".join(index.read_text(encoding="utf-8").splitlines(keepends=True)[:-1]), encoding="utf-8"
        )
    else:
        harm(index, damage)
    try:
        found = moving_scenes.read_index(tmp_path)
    except VideoError as error:
        assert "\n" not in str(error) and str(index) in str(error)
    else:  # all rows are there, and may have been edited
        assert damage in ("one byte short", "a bit in the middle", "a bit at the end") and len(found) == 3


def test_clips_of_an_unknown_size_are_not_taken_for_those_of_a_set(tmp_path):
    moving_scenes.make(tmp_path, **HOW)
    (tmp_path / "set.json").write_bytes(b"")
    moving_scenes.make(tmp_path, **HOW | {"size": 48})
    with CompressedVideo(tmp_path / "train/00000.mp4") as video:
        assert video.info.width == 48
