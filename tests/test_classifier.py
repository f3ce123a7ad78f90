"""A classifier is trained from files, kept, and names files as it did before it was kept."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from cvrl_lite import train
from cvrl_lite.codec import encode
from cvrl_lite.datasets import ClipSampling, Entry, MovingScenes, VideoDataset, decode, moving_scenes
from cvrl_lite.models import TinyR2Plus1D
from cvrl_lite.pretrained import VideoClassifier
from cvrl_lite.transforms import Augmentation

RECIPE = train.recipes.laptop_fast().replace(networks={"widths": (8, 16, 24, 24)})
HOW = train.Finetuning(
    steps=60,
    batch=16,
    dropout=0.0,
    test_clips=2,
    sampling=train.clip_alone(ClipSampling(frames=4)),
    decoded_size=36,
    augmentation=Augmentation(size=32, min_scale=1, hflip=0.0),
)


def fresh() -> TinyR2Plus1D:
    torch.manual_seed(0)
    return TinyR2Plus1D((8, 16, 24, 24))


@pytest.fixture(scope="module")
def videos(tmp_path_factory) -> VideoDataset:
    root = tmp_path_factory.mktemp("clips")
    moving_scenes.make(root, 48, seed=5, tie=1.0)  # so that the scene gives all away
    return MovingScenes("train", root)


@pytest.fixture(scope="module")
def kept(videos) -> VideoClassifier:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CVRL_MEMORY_LIMIT", "0")  # files are read for each batch
        network = train.finetune(fresh(), videos, "action", HOW)
    return VideoClassifier(network, "action", videos.classes["action"], RECIPE, HOW)


def test_files_read_again_train_as_files_decoded_once(videos, kept):
    data = decode(videos, size=HOW.decoded_size, vectors=False)
    decoded = train.predict(train.finetune(fresh(), data, "action", HOW), data, HOW)
    found = kept.predict(videos)
    assert np.allclose(found.probabilities, decoded, atol=1e-3)
    assert train.accuracy(found.probabilities, videos.labels("action")) > 0.4  # a guess: .125
    two = kept.predict(videos, workers=2)
    assert np.array_equal(two.probabilities, found.probabilities) and two.names == found.names


def test_files_without_vectors_train_and_broken_ones_are_named(videos, tmp_path):
    vp9, broken = tmp_path / "vp9.webm", tmp_path / "broken.mp4"
    encode(moving_scenes.draw("rings", "right", 2, frames=30), vp9, codec="vp9")
    broken.write_text("no video", encoding="utf-8")
    first = videos.entries[0]
    mixed = VideoDataset(
        [dataclasses.replace(first, path=path) for path in (first.path, vp9, broken)], videos.classes
    )
    how = dataclasses.replace(HOW, steps=2, batch=2)
    with pytest.warns(UserWarning, match=f"{broken}: not trained on: ") as told:
        network = train.finetune(fresh(), mixed, "action", how)
    assert len(told) == 1
    made = VideoClassifier(network, "action", videos.classes["action"], RECIPE, how)
    found = made.predict(tmp_path)
    assert found.names == ("vp9.webm",) and [name for name, _ in found.skipped] == ["broken.mp4"]
    assert np.allclose(found.probabilities.sum(1), 1, atol=1e-5) and len(found.labels) == 1
    with pytest.raises(ValueError, match=r"no file can be used; the first: broken\.mp4: "):
        made.predict(VideoDataset([Entry(broken, "broken", {})]))


def test_what_is_kept_comes_back(kept, videos, tmp_path):
    kept.save(tmp_path / "deep/classifier")
    back = VideoClassifier.load(tmp_path / "deep/classifier")
    assert (back.label, back.classes) == ("action", videos.classes["action"])
    assert (back.finetuning, back.recipe) == (HOW, RECIPE)
    few = videos.subset(range(4))
    before = kept.predict(few).probabilities
    assert np.allclose(back.predict(few).probabilities, before, atol=1e-5)  # memory is laid out otherwise
    assert (
        json.loads((tmp_path / "deep/classifier/classifier.json").read_text(encoding="utf-8"))["classes"][0]
        in back.classes
    )


def test_a_damaged_classifier_is_one_line(kept, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"classifier\.safetensors: a classifier needs this file"):
        VideoClassifier.load(tmp_path)
    kept.save(tmp_path)
    settings = tmp_path / "classifier.json"
    good = settings.read_text(encoding="utf-8")
    for bad in (
        "{",
        "[]",
        good.replace('"recipe"', '"receipt"'),
        good.replace('"dropout": 0.0', '"drop": 1'),
    ):
        settings.write_text(bad, encoding="utf-8")
        with pytest.raises(ValueError, match=r"classifier.json: no classifier's settings: .+") as told:
            VideoClassifier.load(tmp_path)
        assert "\n" not in str(told.value)
    settings.write_text(good, encoding="utf-8")
    (tmp_path / "classifier.safetensors").write_bytes(b"short")
    with pytest.raises(ValueError, match=r"classifier.safetensors: no weights of this network"):
        VideoClassifier.load(tmp_path)
    with pytest.raises(ValueError, match="a network of 8 classes cannot have 2 names"):
        dataclasses.replace(kept, classes=("a", "b"))
