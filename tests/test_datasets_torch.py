"""Data sets are torch data sets: samples by index, batches by a plain DataLoader, splits by whole sources."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader, Dataset

from cvrl_lite import VideoError, codec
from cvrl_lite.datasets import (
    Batch,
    ClipSampling,
    Entry,
    FileLoader,
    MovingScenes,
    Sample,
    SampleConfig,
    VideoDataset,
    VideoFolder,
    collate,
    decode,
    moving_scenes,
)

HOW = SampleConfig(ClipSampling(num_negative_windows=2), size=32, cells=4, residuals=True)


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    root = tmp_path_factory.mktemp("clips")
    moving_scenes.make(root, 10, seed=5, workers=1)
    return root


def test_a_sample_by_index_has_every_part(clips, tmp_path):
    dataset = MovingScenes("train", clips, samples=HOW)
    assert isinstance(dataset, Dataset) and len(dataset) == 8
    sample = dataset[3]
    assert isinstance(sample, Sample)
    assert sample.clip.shape == (8, 32, 32, 3) and sample.keyframe.shape == (32, 32, 3)
    assert sample.clip.dtype == torch.uint8 and sample.motion.dtype == torch.int16
    assert sample.motion.shape == sample.residual.shape == (3, 8, 2, 4, 4)
    assert sample.motion_mask.shape == sample.residual_mask.shape == (3, 8, 4, 4)
    entry = dataset.entries[3]
    assert (sample.labels, sample.source, sample.name) == (entry.labels, entry.source, str(entry.path))
    decoded = decode(dataset.subset([3]), size=32, cells=4).videos[0].frames
    for frame in (*sample.clip.numpy(), sample.keyframe.numpy()):
        assert (decoded == frame).all((1, 2, 3)).any()
    with pytest.raises(IndexError):
        dataset[8]


def test_torchs_seed_repeats_a_sample_and_each_access_draws_another(clips):
    dataset = MovingScenes("train", clips, samples=HOW)

    def seeds() -> list[int]:
        torch.manual_seed(1)
        return [dataset[0].seed for _ in range(3)]

    assert seeds() == seeds() and len(set(seeds())) == 3


@pytest.mark.parametrize("workers", [0, 2])
def test_a_plain_loader_gives_each_file_once(clips, workers):
    dataset = pickle.loads(pickle.dumps(MovingScenes("train", clips, samples=HOW)))
    seen = []
    for batch in DataLoader(dataset, batch_size=3, shuffle=True, num_workers=workers, collate_fn=collate):
        assert isinstance(batch, Batch) and batch.motion.shape[1:] == (3, 8, 2, 4, 4)
        assert batch.residual.shape == batch.motion.shape and batch.residual_mask is not None
        seen += list(zip(batch.names, batch.labels["scene"].tolist(), strict=True))
    assert sorted(seen) == [(str(e.path), e.labels["scene"]) for e in dataset.entries]


def test_loaders_give_labels_beside_their_samples(clips):
    dataset = MovingScenes("train", clips)
    labels = {str(entry.path): entry.labels for entry in dataset.entries}
    batch = next(FileLoader(dataset, ClipSampling(), 0, size=32, cells=4).batches(5, 1))
    for name in ("scene", "action"):
        assert batch.labels[name].tolist() == [labels[file][name] for file in batch.names]
    assert batch.to(torch.device("cpu")).labels["scene"].tolist() == batch.labels["scene"].tolist()


def test_sources_have_one_number_in_all_batches():
    def sample(source: str) -> Sample:
        return Sample(*torch.zeros(4, 1), source=source)

    one, other = collate([sample("a"), sample("b"), sample("a")]), collate([sample("b"), sample("c")])
    assert one.sources[0] == one.sources[2] != one.sources[1] == other.sources[0] != other.sources[1]
    assert len({*one.sources.tolist(), *other.sources.tolist()}) == 3 and one.residual is None


def test_what_gives_no_sample_is_told_with_its_file(tmp_path):
    codec.encode(np.zeros((9, 16, 16, 3), np.uint8), tmp_path / "short.mp4", fps=25)
    (tmp_path / "text.mp4").write_text("no video", encoding="utf-8")
    dataset = VideoFolder(tmp_path)
    for index, reason in ((0, r"short\.mp4: too short: 9 frames"), (1, r"text\.mp4: ")):
        with pytest.raises(VideoError, match=reason):
            dataset[index]


def listed(*files: tuple[str, int]) -> VideoDataset:
    entries = [Entry(Path(f"{n}.mp4"), source, {"class": label}) for n, (source, label) in enumerate(files)]
    return VideoDataset(entries, {"class": ("a", "b", "c")})


FILES = st.lists(st.tuples(st.sampled_from([f"v{n}" for n in range(12)]), st.integers(0, 2)), min_size=1)


@given(files=FILES, holdout=st.floats(0.05, 0.95), seed=st.integers(0, 99))
def test_a_split_never_parts_a_source(files, holdout, seed):
    dataset = listed(*files)
    try:
        train, held_out = dataset.split(holdout, seed)
    except ValueError as error:
        assert "no class has files of two sources" in str(error)
        return
    assert not set(train.sources) & set(held_out.sources) and len(train) and len(held_out)
    assert sorted(e.path for e in train.entries + held_out.entries) == sorted(e.path for e in dataset.entries)
    assert train.classes == held_out.classes == dataset.classes
    backwards = listed(*files).subset(range(len(files))[::-1]).split(holdout, seed)
    assert set(backwards[0].sources) == set(train.sources)


def test_each_class_is_held_out_by_the_same_share():
    dataset = listed(*[(f"s{n}", n % 3) for n in range(60)], ("s0", 0), ("s0", 0))
    held_out = dataset.split(0.3, seed=2)[1]
    for label in range(3):
        assert len({e.source for e in held_out.entries if e.labels["class"] == label}) == 6
    assert held_out.sources != dataset.split(0.3, seed=3)[1].sources
    unlabeled = VideoDataset([Entry(Path(f"{n}.mp4"), f"{n}", {}) for n in range(10)])
    assert [len(part) for part in unlabeled.split(0.3)] == [7, 3]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"holdout": 0}, "above 0 and below 1, not 0"),
        ({"holdout": 1.5}, "not 1.5"),
        ({"label": "place"}, "no label named 'place': there are class"),
    ],
)
def test_impossible_splits_are_refused(words, message):
    with pytest.raises(ValueError, match=message):
        listed(("a", 0), ("b", 0)).split(**words)


def test_a_data_set_tells_what_it_is(clips):
    assert repr(MovingScenes("val", clips)) == "MovingScenes(1 files; classes: 16 scene, 8 action)"
    assert repr(listed(("a", 0)).subset([])) == "VideoDataset(0 files; classes: 3 class)"


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_plain_loader_passes_by_what_gives_no_sample(clips, tmp_path, workers):
    good = MovingScenes("train", clips, samples=HOW)
    codec.encode(np.zeros((9, 16, 16, 3), np.uint8), tmp_path / "short.mp4", fps=25)
    (tmp_path / "text.mp4").write_text("no video", encoding="utf-8")
    bad = [Entry(tmp_path / name, name, {}) for name in ("short.mp4", "text.mp4", "gone.mp4")]
    dataset = VideoDataset([*bad[:2], *good.entries, bad[2]], good.classes, samples=HOW)
    with pytest.raises(VideoError, match="too short"):
        list(DataLoader(dataset, batch_size=4, collate_fn=collate))
    usable = dataset.usable(workers=workers)
    batches = list(DataLoader(usable, batch_size=4, collate_fn=collate))
    assert [name for batch in batches for name in batch.names] == [str(e.path) for e in good.entries]
    assert usable.classes == good.classes and usable.samples == HOW
    assert [file.path for file in usable.skipped] == [entry.path for entry in bad]
    assert usable.skipped[0].reason.startswith("too short: 9 frames") and dataset.skipped == ()
