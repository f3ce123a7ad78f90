"""A clip coded lying down, with a matrix that raises it, is the upright clip to all who learn from it."""

import numpy as np
import pytest
import torch
from material import MATRICES, remux, shown

import cvrl_lite
from cvrl_lite import CompressedVideo, datasets
from cvrl_lite.codec import encode, transcode
from cvrl_lite.datasets import ClipSampling, FileLoader, MemoryLoader, decoded, moving_scenes
from cvrl_lite.datasets.samples import read_square

HOW = ClipSampling(num_negative_windows=1)
SQUARE = {"size": 64, "cells": 8}
INVERSE = {"clockwise": "anticlockwise", "anticlockwise": "clockwise"}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Folders of one portrait clip each, `upright` and, for each matrix, coded so that it raises the clip."""
    root = tmp_path_factory.mktemp("upright")
    frames = moving_scenes.draw("rings", "right", 1, frames=40)[:, :, 16:96]
    for name in ("upright", *MATRICES):
        (root / name).mkdir()
        lying = shown(frames, MATRICES[INVERSE.get(name, name)]) if name in MATRICES else frames
        encode(lying, root / "plain.mp4", crf=8, gop=12)
        remux(root / "plain.mp4", root / name / "clip.mp4", MATRICES.get(name))
    return root


@pytest.mark.parametrize("name", MATRICES)
def test_pixels_samples_and_features_are_those_of_the_upright_clip(folders, tmp_path, name):
    def near(one, other):
        return np.abs(np.asarray(one, float) - np.asarray(other, float)).mean()

    found, expected = folders / name / "clip.mp4", folders / "upright/clip.mp4"
    with CompressedVideo(found) as a, CompressedVideo(expected) as b:
        assert near(a.clip(0, 40), b.clip(0, 40)) < 5 < 20 < near(a.clip(0, 40), b.clip(0, 40)[:, ::-1])
        assert near(read_square(a, 72, start=3, frames=8), read_square(b, 72, start=3, frames=8)) < 5
        # Encoders look for motion in their own order, so that vectors of flat blocks may differ.
        one, two = a.motion(), b.motion()
        both = one.mask & two.mask
        assert both.mean() > 0.8
        assert (np.abs(one.vectors - two.vectors).max(1) <= 0.5)[both].mean() > 0.9

    for residuals in (False, True):
        how = SQUARE | {"residuals": residuals}
        sets = [datasets.VideoFolder(folders / each) for each in (name, "upright")]
        from_files = [next(FileLoader(each, HOW, 3, **how).batches(2, 1)) for each in sets]
        kept = [datasets.decode(each, cache=tmp_path / "kept", **how) for each in sets]
        from_memory = [next(MemoryLoader(each, HOW, 3).batches(2, 1)) for each in kept]
        for one, two in (from_files, from_memory):
            assert near(one.clip, two.clip) < 5 and near(one.keyframe, two.keyframe) < 5
            together = one.motion_mask & two.motion_mask
            apart = (one.motion - two.motion).abs().amax(-3)
            assert together.float().mean() > 0.8 and (apart <= 16)[together].float().mean() > 0.85

    model = cvrl_lite.load("joint")
    (tmp_path / "new").mkdir()
    transcode(found, tmp_path / "new/clip.mp4", crf=8)
    rows = [
        model.embed(datasets.VideoFolder(each)).features[0]
        for each in (folders / name, folders / "upright", tmp_path / "new")
    ]
    cosines = torch.nn.functional.cosine_similarity(torch.tensor(np.stack(rows)), torch.tensor(rows[1]))
    assert cosines.min() > 0.999, cosines


def test_decoded_arrays_of_an_earlier_form_are_made_again(folders, tmp_path, monkeypatch):
    videos = datasets.VideoFolder(folders / "clockwise")
    monkeypatch.setattr(decoded, "_FORMAT", decoded._FORMAT - 1)
    datasets.decode(videos, cache=tmp_path, **SQUARE)
    monkeypatch.undo()
    datasets.decode(videos, cache=tmp_path, **SQUARE)
    assert len(list(tmp_path.iterdir())) == 2
