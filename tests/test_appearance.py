"""The third factor: light that vectors do not see, the residual that does, and what predicts it."""

import dataclasses
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from cvrl_lite import CompressedVideo, datasets, train
from cvrl_lite.codec import encode
from cvrl_lite.datasets import ClipSampling, MemoryLoader, MovingScenes, moving_scenes
from cvrl_lite.datasets.moving_scenes.light import light
from cvrl_lite.datasets.samples import read_residuals
from cvrl_lite.pretext import DensePrediction
from cvrl_lite.transforms import Augmentation, augment

LOOKS = moving_scenes.APPEARANCES


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("lit")
    moving_scenes.make(root, 16, seed=3, bystanders=1 / 3, appearances=LOOKS, workers=1)
    return root


@pytest.fixture(scope="module")
def decoded(folder) -> datasets.DecodedSet:
    return datasets.decode(MovingScenes("train", folder), residuals=True)


def test_light_is_what_its_names_say():
    for seed in range(50):
        up, down, wave = (light(name, seed, 400) for name in LOOKS[1:])
        assert np.array_equal(down, -up) and set(np.diff(up).tolist()) <= {1, 2}
        assert 399 <= np.ptp(up) <= 600 and abs(up.mean()) <= 1
        assert np.abs(np.diff(wave)).max() <= 7 and 23 <= np.ptp(wave) <= 32 and abs(wave.mean()) < 1.5
        strength = np.abs(np.fft.rfft(wave - wave.mean()))
        assert 15.5 < 400 / int(strength.argmax()) < 20.6
        assert not light("steady", seed, 400).any()


def test_an_appearance_changes_nothing_but_the_light():
    still = moving_scenes.draw("bricks", "right", 7, frames=20)
    for name in LOOKS:
        lit = moving_scenes.draw("bricks", "right", 7, frames=20, appearance=name)
        expected = still.astype(int) + light(name, 7, 20)[:, None, None, None]
        assert np.array_equal(lit, expected.clip(0, 255))


def test_bystanders_move_by_other_actions():
    def moved(share: float) -> np.ndarray:
        frames = moving_scenes.draw("bricks", "right", 11, frames=12, bystanders=share)
        return frames

    assert np.array_equal(moved(0), moving_scenes.draw("bricks", "right", 11, frames=12))
    some, all_ = moved(1 / 3), moved(1)
    assert not np.array_equal(some, moved(0)) and not np.array_equal(all_, some)
    for wrong in ({"bystanders": 1.5}, {"appearance": "disco"}):
        with pytest.raises(ValueError):
            moving_scenes.draw("bricks", "right", 1, **wrong)


def test_appearances_are_as_frequent_and_independent():
    clips = moving_scenes.sets.plan(1600, 1, appearances=LOOKS)
    train = [clip for clip in clips if clip.split == "train"]
    assert set(Counter(clip.appearance for clip in train).values()) == {288}
    pairs = Counter((clip.action, clip.appearance) for clip in train)
    assert len(pairs) == 32 and min(pairs.values()) > 20 and max(pairs.values()) < 52  # 36 on average
    plain = moving_scenes.sets.plan(1600, 1)
    assert [clip.action for clip in plain] == [clip.action for clip in clips]


def test_a_set_of_old_is_still_known(tmp_path):
    moving_scenes.make(tmp_path, 2, seed=0, frames=2, size=32)
    card = tmp_path / "set.json"
    text = card.read_text(encoding="utf-8")
    card.write_text(text[: text.index(',\n "bystanders"')] + "\n}\n", encoding="utf-8")
    assert len(moving_scenes.make(tmp_path, 2, seed=0, frames=2, size=32)) == 2
    with pytest.raises(ValueError, match="appearances"):
        moving_scenes.make(tmp_path, 2, seed=0, frames=2, size=32, appearances=LOOKS)


def test_labels_name_the_appearance_where_there_are_several(decoded, folder):
    assert decoded.classes["appearance"] == LOOKS
    by_name = {clip.file: clip.appearance for clip in moving_scenes.read_index(folder)}
    for video in decoded.videos:
        assert LOOKS[video.entry.labels["appearance"]] == by_name[video.entry.source]


def test_every_split_has_the_same_labels(folder, tmp_path):
    """One split may show a single appearance by chance; it could not be judged by the other's labels."""
    index = (folder / "index.csv").read_text(encoding="utf-8").splitlines()
    shown = [
        re.sub("dimming|brightening|wavering", "steady", line) if ",val," in line else line for line in index
    ]
    (tmp_path / "index.csv").write_text("\n".join(shown) + "\n", encoding="utf-8")
    train, val = (MovingScenes(split, tmp_path) for split in ("train", "val"))
    assert train.classes == val.classes and "appearance" in val.classes
    assert set(val.labels("appearance")) == {LOOKS.index("steady")}


def test_kept_residuals_are_means_of_the_residual(decoded):
    video = decoded.videos[0]
    with CompressedVideo(video.entry.path) as file:
        values = file.residuals().values.astype(float)
    blocks = values.reshape(40, 14, 8, 14, 8)
    assert np.abs(video.residuals[:, 0] / 16 - blocks.mean((2, 4))).max() < 0.04
    assert np.abs(video.residuals[:, 1] / 16 - np.abs(blocks).mean((2, 4))).max() < 0.04
    assert not video.residual_mask[0].any() and video.residual_mask[1].any()


def test_residuals_of_a_wide_frame_are_those_of_its_middle(tmp_path):
    frames = moving_scenes.draw("checks", "down", 5, frames=6, size=128)
    wide = np.concatenate([np.zeros_like(frames)[:, :, :32], frames, np.zeros_like(frames)[:, :, :32]], 2)
    encode(wide, tmp_path / "wide.mp4", fps=25)
    with CompressedVideo(tmp_path / "wide.mp4") as video:
        found, _ = read_residuals(video, 0, 6, 8)
        middle = video.residuals().values[:, :, 32:160].astype(float).reshape(6, 8, 16, 8, 16)
    assert np.abs(found[1:, 0] / 16 - middle.mean((2, 4))[1:]).max() < 0.3  # masked blocks stay out


def test_files_give_the_residuals_that_memory_gives(folder, decoded):
    videos = MovingScenes("train", folder)
    how = ClipSampling(num_negative_windows=1)
    from_memory = next(MemoryLoader(decoded, how, 4).batches(5, 1))
    from_files = next(datasets.FileLoader(videos, how, 4, size=72, cells=14, residuals=True).batches(5, 1))
    assert torch.equal(from_memory.residual, from_files.residual)
    assert torch.equal(from_memory.residual_mask, from_files.residual_mask)


def test_residual_views_follow_the_crop_and_keep_their_signs(decoded):
    batch = next(MemoryLoader(decoded, ClipSampling(num_negative_windows=1), 0).batches(6, 1))
    plain = Augmentation(
        size=64, cells=14, min_scale=1, hflip=0, color_jitter_prob=0, grayscale_prob=0, residual_scale=2.0
    )
    straight = augment(batch, plain)
    mirrored = augment(batch, dataclasses.replace(plain, hflip=1.0))
    assert straight.residual.shape == (6, 2, 3, 8, 14, 14)
    expected = batch.residual.float().transpose(2, 3) / 16 / 2 * batch.residual_mask[:, :, None]
    assert torch.allclose(straight.residual[:, :, :2], expected, atol=1e-4)
    assert torch.allclose(mirrored.residual, straight.residual.flip(-1), atol=1e-4)
    assert torch.equal(straight.residual[:, :, 2].bool(), straight.residual_mask)


def test_residual_prediction_trains_and_needs_residuals(decoded):
    recipe = train.recipes.laptop_fast(("context", "motion", "residual")).replace(
        steps=2, batch=6, precision="float32"
    )
    run = train.pretrain(recipe, data=decoded)
    assert isinstance(run.model.tasks["residual"], DensePrediction)
    bare = dataclasses.replace(
        decoded,
        videos=tuple(dataclasses.replace(v, residuals=v.residuals[:0]) for v in decoded.videos),
    )
    with pytest.raises(ValueError, match="residuals"):
        train.pretrain(recipe, data=bare)


def test_a_recipe_reads_its_residuals(folder):
    recipe = train.recipes.laptop(("residual",)).replace(root=str(folder))
    assert len(train.load_data(recipe).videos[0].residuals) == 40
    assert not len(
        train.load_data(train.recipes.laptop(("motion",)).replace(root=str(folder))).videos[0].residuals
    )
