"""What is easily done wrong at first gets one sentence, and records print shapes instead of arrays."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch.utils.data import DataLoader

from cvrl_lite import CompressedVideo, data_path
from cvrl_lite.datasets import Batch, Entry, SampleConfig, VideoDataset, collate, decode
from cvrl_lite.models import MotionPredictor
from cvrl_lite.pretext import ContextMatching, DensePrediction
from cvrl_lite.transforms import Augmentation, augment


def dataset(*sources: str) -> VideoDataset:
    entries = [Entry(data_path("sample.mp4"), source, {"way": 1}) for source in sources]
    return VideoDataset(entries, samples=SampleConfig(size=32, cells=4))


def read(method: str, *values, **named):
    with CompressedVideo(data_path("sample.mp4")) as video:
        return getattr(video, method)(*values, **named)


@pytest.mark.parametrize(
    ("slip", "kind", "sentence"),
    [
        (lambda: augment(dataset("a")[0]), TypeError, "a Batch, not a Sample: datasets.collate makes one"),
        (lambda: augment([dataset("a")[0]]), TypeError, "a Batch, not a list"),
        (lambda: read("clip", 0, size=(64,)), ValueError, r"size is \(height, width\).*; not \(64,\)"),
        (lambda: read("clip", 0, size="64"), ValueError, r"size is \(height, width\).*; not '64'"),
        (lambda: read("clip", 0, size=(64, 64.5)), ValueError, r"size is \(height, width\).*64.5"),
        (lambda: read("clip", -5), IndexError, "does not count from the end: write 67 for -5"),
        (lambda: read("motion", -5), IndexError, "-5 to 72 .* does not count from the end: write 67 for -5"),
        (lambda: read("motion", 3, -2), IndexError, "does not count from the end: write 70 for -2"),
        (lambda: read("motion", -500), IndexError, "-500 to 72 requested, the video has 72$"),
    ],
)
def test_a_slip_gets_a_sentence(slip, kind, sentence):
    with pytest.raises(kind, match=sentence) as caught:
        slip()
    assert "\n" not in str(caught.value)


def test_a_loader_without_collate_fn_and_views_without_a_config_work():
    torch.manual_seed(0)
    (batch,) = DataLoader(dataset("a", "b", "b"), batch_size=3)
    torch.manual_seed(0)
    (expected,) = DataLoader(dataset("a", "b", "b"), batch_size=3, collate_fn=collate)
    assert isinstance(batch, Batch) and torch.equal(batch.clip, expected.clip)
    assert len(batch.sources.unique()) == 2 and batch.labels["way"].tolist() == [1, 1, 1]
    assert torch.equal(augment(batch).clip, augment(batch, Augmentation()).clip)


@pytest.mark.parametrize("negatives", [None, ("videos",), ("places", "videos")])
def test_a_batch_of_one_source_is_told_once(negatives):
    views = augment(collate([*dataset("a", "a")]))
    several = augment(collate([*dataset("a", "b")]))
    maps = torch.randn(2, 8, 2, 4, 4)
    if negatives is None:
        task = ContextMatching(8)
    else:
        task = DensePrediction(MotionPredictor(8, grid=(2, 4, 4), points=(1, 4, 4)), negatives=negatives)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        task((maps, maps), several)
        if negatives == ("places", "videos"):  # the points of a sample's own window remain
            assert float(task((maps, maps), views).loss.detach()) > 0
            return
    with pytest.warns(UserWarning, match="all 2 samples .* from one source.* its loss is 0: give .*") as told:
        for _ in range(3):
            assert float(task((maps, maps), views).loss.detach()) == pytest.approx(0, abs=1e-6)
    assert [warning.filename for warning in told] == [__file__]


def test_records_print_names_shapes_and_types():
    videos = dataset(*"abcde")
    batch = collate([*videos])
    with CompressedVideo(data_path("sample.mp4")) as video:
        motion = "Motion(vectors=(3, 2, 28, 28) float32, mask=(3, 28, 28) bool, picture_types=(3,) <U1)"
        assert repr(video.motion(10, 13)) == motion
        assert repr(video.residuals(10, 13)) == (
            "Residual(values=(3, 224, 224) int16, mask=(3, 28, 28) bool, exact=False)"
        )
        assert repr(video.keyframes()) == (
            "KeyFrames(indices=(6,) int64, times=(6,) float64, images=(6, 224, 224, 3) uint8)"
        )
        (chunk,) = video.chunks(3, start=10, stop=13)
        assert motion in repr(chunk) and "images=None" in repr(chunk)
        assert "keyframe_index=0, motion=Motion(vectors=" in repr(video.sample(0, window=2))
    assert repr(batch).startswith(
        "Batch(clip=(5, 8, 32, 32, 3) uint8, keyframe=(5, 32, 32, 3) uint8, motion="
    )
    assert repr(batch).endswith(
        ", ... 5 in all], replaced=0, residual=None, residual_mask=None, labels={'way': (5,) int64})"
    )
    assert "clip=(8, 32, 32, 3) uint8" in repr(videos[0]) and "labels={'way': 1}" in repr(videos[0])
    decoded = decode(videos.subset([0]), size=32, cells=4, cache=False)
    assert "frames=(72, 32, 32, 3) uint8, vectors=(72, 2, 4, 4) int16" in repr(decoded)
    on_meta = repr(batch.to(torch.device("meta")))
    assert "clip=(5, 8, 32, 32, 3) uint8 meta" in on_meta
    assert repr(augment(batch)).startswith("Views(clip=(5, 3, 8, 64, 64) float32, keyframe=")
