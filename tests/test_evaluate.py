"""Retrieval against brute force; the probe on features whose answer is known."""

import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import cvrl_lite
from cvrl_lite import datasets, evaluate
from cvrl_lite.codec import encode
from cvrl_lite.datasets import moving_scenes
from cvrl_lite.evaluate import search
from cvrl_lite.models import TinyR2Plus1D
from cvrl_lite.pretrained import Pretrained
from cvrl_lite.transforms import EvalTransform


@given(seed=st.integers(0, 10_000), queries=st.integers(1, 20), gallery=st.integers(5, 30))
def test_retrieval_equals_brute_force(seed, queries, gallery):
    random = np.random.default_rng(seed)
    query_features, gallery_features = (
        random.normal(size=(n, 4)).astype(np.float32) for n in (queries, gallery)
    )
    query_labels, gallery_labels = (random.integers(0, 3, n) for n in (queries, gallery))
    found = evaluate.retrieval(
        (gallery_features, gallery_labels), (query_features, query_labels), ks=(1, 3, 5)
    )
    for k in (1, 3, 5):
        hits = 0
        for vector, label in zip(query_features, query_labels, strict=True):
            cosines = [
                float(vector @ g / np.linalg.norm(vector) / np.linalg.norm(g)) for g in gallery_features
            ]
            best = sorted(range(gallery), key=lambda i: -cosines[i])[:k]
            hits += any(gallery_labels[i] == label for i in best)
        assert found[f"R@{k}"] == pytest.approx(hits / queries)


@pytest.mark.parametrize(("block", "pairs"), [(8 * 7, 1 << 22), (1 << 25, 60 * 7), (8 * 7, 14)])
def test_retrieval_in_blocks_equals_retrieval_at_once(monkeypatch, block, pairs):
    random = np.random.default_rng(0)
    query_features, gallery_features = random.normal(size=(50, 8)), random.normal(size=(60, 8))
    gallery_features[40:] = gallery_features[:20]  # twins in other blocks: the first one counts
    whole = evaluate.nearest(query_features, gallery_features, 9)
    monkeypatch.setattr(search, "_BLOCK", block)
    monkeypatch.setattr(search, "_PAIRS", pairs)
    assert np.array_equal(evaluate.nearest(query_features, gallery_features, 9), whole)
    unit = gallery_features / np.linalg.norm(gallery_features, axis=1, keepdims=True)
    slow = np.argsort(
        -(query_features / np.linalg.norm(query_features, axis=1, keepdims=True) @ unit.T).round(6),
        1,
        "stable",
    )
    assert np.array_equal(whole, slow[:, :9])


def test_a_gallery_larger_than_its_block_stays_on_disk(tmp_path, monkeypatch):
    """Measured where it can be: the memory that a mapped gallery of 64 MB takes, in blocks of 1 MB."""
    gallery = np.lib.format.open_memmap(tmp_path / "g.npy", "w+", np.float32, (65536, 256))
    random = np.random.default_rng(0)
    for start in range(0, 65536, 4096):
        gallery[start : start + 4096] = random.normal(size=(4096, 256))
    gallery.flush()
    monkeypatch.setattr(search, "_BLOCK", 1 << 18)
    mapped, queries = np.load(tmp_path / "g.npy", mmap_mode="r"), np.array(gallery[::8192])
    tracemalloc.start()
    found = evaluate.nearest(queries, mapped, 5)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found[:, 0].tolist() == list(range(0, 65536, 8192))
    assert most < 8e6


def test_of_equally_near_clips_the_first_counts():
    gallery_features = np.ones((4, 3), np.float32)
    assert evaluate.nearest(np.ones((1, 3), np.float32), gallery_features, 3).tolist() == [[0, 1, 2]]


def test_a_gallery_smaller_than_k_is_refused():
    x, y = np.eye(3, dtype=np.float32), np.arange(3)
    with pytest.raises(ValueError, match="5 nearest need a gallery"):
        evaluate.retrieval((x, y), (x, y), ks=(5,))


def test_queries_of_half_precision_are_searched_in_single():
    random = np.random.default_rng(0)
    gallery_features, labels = np.abs(random.normal(8, 8, (100, 512))).astype(np.float32), np.arange(100)
    for scale in (1e-3, 1, 100):  # squares of float16 vanish, are rounded, overflow
        query_features = (scale * gallery_features).astype(np.float16)
        assert evaluate.retrieval((scale * gallery_features, labels), (query_features, labels), ks=(1,)) == {
            "R@1": 1.0
        }


def test_a_vector_that_is_not_finite_is_named(monkeypatch):
    monkeypatch.setattr(search, "_BLOCK", 3 * 2)  # two vectors of the gallery at a time
    good, bad = np.eye(3, dtype=np.float32)[[0, 1, 2, 0, 1]], np.eye(3, dtype=np.float32)[[0, 1, 2, 0, 1]]
    bad[3, 1] = np.nan
    bad[4, 2] = np.inf
    labels = np.arange(5) % 2
    for query_features, gallery_features, name in (
        (bad, good, "queries"),
        (good, bad, "gallery"),
        (good, bad[[4] * 5], ""),
    ):
        with pytest.raises(ValueError, match=f"{name}: row {3 if name else 0} is not finite"):
            evaluate.nearest(query_features, gallery_features, 1)
    for train, test, name in ((bad, good, "training"), (good, bad, "test")):
        with pytest.raises(ValueError, match=f"{name}: row 3 is not finite"):
            evaluate.linear_probe((train, labels), (test, labels))


def test_labels_that_do_not_fit_and_empty_sets_are_refused():
    x, y = np.eye(4, dtype=np.float32), np.arange(4)
    for judge in (evaluate.hits, evaluate.retrieval, evaluate.linear_probe):
        for arrays, said in (
            ((x, y[:1], x, y), r"4 vectors, and labels of the shape \(1,\)"),
            ((x, y, x, y[:, None]), r"4 vectors, and labels of the shape \(4, 1\)"),
            ((x, y, x[:3], y), "3 vectors, and labels"),
            ((x[:0], y[:0], x, y), "there is no vector"),
            ((x, y, x[:0], y[:0]), "there is no vector"),
        ):
            with pytest.raises(ValueError, match=said):
                judge(arrays[:2], arrays[2:], **({} if judge is evaluate.linear_probe else {"ks": (1,)}))
    for ks in ((), (0,), (-1, 2)):
        with pytest.raises(ValueError, match="each of ks is 1 or more"):
            evaluate.retrieval((x, y), (x, y), ks=ks)
    with pytest.raises(ValueError, match="one query or more"):
        evaluate.confidence_interval(np.zeros(0, bool))
    with pytest.raises(ValueError, match="per_class is 1 or more, got -1"):
        evaluate.sample_per_class(y, -1, seed=0)
    with pytest.raises(ValueError, match="two classes or more"):
        evaluate.linear_probe((x, y * 0), (x, y))


def test_a_penalty_may_be_any_number():
    x, y = np.eye(4, dtype=np.float32), np.arange(4)
    for penalty in (np.float32(1), np.int64(1), 1, [1.0]):
        assert evaluate.linear_probe((x, y), (x, y), penalty=penalty) == 1.0


def test_the_penalty_is_chosen_on_training_videos_alone():
    random = np.random.default_rng(1)
    labels = random.integers(0, 4, 120)
    signal = np.eye(4)[labels] @ random.normal(size=(4, 6))
    noisy = np.concatenate(
        [signal + 0.8 * random.normal(size=signal.shape), random.normal(size=(120, 200))], 1
    )
    best = evaluate.choose_penalty(noisy[:80], labels[:80], evaluate.PENALTIES)
    assert best in evaluate.PENALTIES and best < 10  # with so much noise, weak penalties lose
    swept = evaluate.linear_probe(
        (noisy[:80], labels[:80]), (noisy[80:], labels[80:]), penalty=evaluate.PENALTIES
    )
    fixed = evaluate.linear_probe((noisy[:80], labels[:80]), (noisy[80:], labels[80:]), penalty=best)
    assert swept == fixed
    hits = evaluate.probe_hits((noisy[:80], labels[:80]), (noisy[80:], labels[80:]), penalty=best)
    assert hits.shape == (40,) and hits.mean() == fixed


def test_few_labels_are_few_and_drawn_by_the_seed():
    labels = np.repeat(np.arange(5), [10, 10, 10, 10, 2])
    rows = evaluate.sample_per_class(labels, 3, seed=0)
    assert np.bincount(labels[rows]).tolist() == [3, 3, 3, 3, 2]
    assert np.array_equal(rows, evaluate.sample_per_class(labels, 3, seed=0))
    assert not np.array_equal(rows, evaluate.sample_per_class(labels, 3, seed=1))
    features = np.eye(5, dtype=np.float32)[labels]
    assert evaluate.few_labels((features, labels), (features, labels), per_class=1) == 1.0


def test_linear_probe_finds_what_is_there_and_nothing_else():
    random = np.random.default_rng(0)
    labels, other = random.integers(0, 4, 600), random.integers(0, 4, 600)
    features = (np.eye(4)[labels] @ random.normal(size=(4, 10)) + 0.1 * random.normal(size=(600, 10))).astype(
        np.float32
    )
    assert evaluate.linear_probe((features[:400], labels[:400]), (features[400:], labels[400:])) > 0.99
    assert evaluate.linear_probe((features[:400], other[:400]), (features[400:], other[400:])) < 0.45


def painted(classes: dict[str, tuple[str, ...]], *rows: tuple[int, ...]) -> datasets.DecodedSet:
    """A set of videos, each painted in noise of its own, with one label of each kind."""
    videos = []
    for number, row in enumerate(rows):
        frames = np.random.default_rng(number).integers(0, 255, (40, 16, 16, 3), np.uint8)
        entry = datasets.Entry(Path(f"{number}.mp4"), str(number), dict(zip(classes, row, strict=True)))
        nothing = np.zeros((0, 2, 1, 1), np.int16), np.zeros((0, 1, 1), bool)
        videos.append(datasets.DecodedVideo(entry, frames, *nothing, np.arange(40) / 25, np.zeros(1, int)))
    return datasets.DecodedSet(tuple(videos), (), classes)


def scores(gallery: datasets.DecodedSet, queries: datasets.DecodedSet) -> dict:
    torch.manual_seed(0)
    transform = EvalTransform(16, 16)
    model = Pretrained(TinyR2Plus1D((8, 8, 8, 8)), datasets.ClipSampling(), transform)
    return evaluate.scores(gallery, queries, model=model)


def test_sets_that_number_their_classes_differently_are_not_judged_by_them():
    """As of two folders, one of which lacks a class: queries that are copies would have missed."""
    gallery = painted({"way": ("down", "left", "up")}, (0,), (1,), (2,))
    assert scores(gallery, painted({"way": ("down", "left", "up")}, (0,), (1,)))["way"]["R@1"] == 1.0
    for classes, how in (
        (("left", "up"), "1 in the gallery alone: down"),
        (("down", "left", "right", "up"), "1 in the queries alone: right"),
        (("left", "down", "up"), "in another order"),
    ):
        said = rf"label way: gallery and queries number their classes differently \({how}\)"
        with pytest.raises(ValueError, match=said):
            scores(gallery, painted({"way": classes}, (0,), (1,)))
    with pytest.raises(ValueError, match="share no label"):
        scores(gallery, painted({"light": ("day", "night")}, (0,)))


def test_what_can_be_judged_is_judged():
    gallery = painted({"way": ("down", "up"), "light": ("day", "night")}, (0, 0), (1, 0))
    with pytest.warns(UserWarning, match="light: not judged: a label of the gallery alone"):
        assert list(scores(gallery, painted({"way": ("down", "up")}, (0,), (1,)))) == ["way"]
    with pytest.warns(UserWarning, match="light: no linear probe: the gallery shows one class alone"):
        found = scores(gallery, painted(gallery.classes, (0, 0), (1, 1)))
    assert found == {"way": {"R@1": 1.0, "linear": 1.0}, "light": {"R@1": 0.5}}
    assert evaluate.shared_labels(gallery, gallery, "light") == ("light",)
    with pytest.raises(ValueError, match="label is one of way, light; got mood"):
        evaluate.shared_labels(gallery, gallery, "mood")


@pytest.mark.parametrize("workers", [0, 2])
def test_features_straight_from_files_are_those_of_the_decoded_set(tmp_path, workers):
    moving_scenes.make(tmp_path / "set", 50, seed=6)
    videos = datasets.MovingScenes("val", tmp_path / "set")
    broken = tmp_path / "broken.mp4"
    broken.write_text("no video", encoding="utf-8")
    short = tmp_path / "short.mp4"
    encode(moving_scenes.draw("rings", "right", 1, frames=6), short)
    found, *others = videos.entries
    entries = (found, *(replace(found, path=p) for p in (broken, short)), *others)
    with_broken = datasets.VideoDataset(entries, videos.classes)
    model = cvrl_lite.load("joint")
    backbone, recipe = model.backbone, model.recipe
    how = {"size": recipe.augmentation.size, "clips": 2}
    gallery_features = evaluate.features(backbone, datasets.decode(videos, size=72), recipe.sampling, **how)
    table = model.embed(with_broken, clips=2, workers=workers)
    assert np.allclose(table.features, gallery_features, atol=1e-5)
    assert table.labels["scene"].tolist() == videos.labels("scene").tolist()
    assert [Path(name).name for name, _ in table.skipped] == [broken.name, short.name]
    assert table.skipped[1][1] == "shorter than a clip of 0.56 s"
    with pytest.raises(ValueError, match=r"short.mp4: shorter than a clip"):
        evaluate.features(backbone, datasets.decode(with_broken, size=72), recipe.sampling, **how)


def test_a_data_set_in_place_of_features_gets_a_sentence():
    labels, features = np.zeros(2, np.int64), np.eye(2, dtype=np.float32)
    videos = datasets.VideoDataset([datasets.Entry(Path(f"{name}.mp4"), name, {}) for name in "ab"])
    for protocol in (evaluate.retrieval, evaluate.linear_probe):
        with pytest.raises(ValueError, match=r"features \(N, D\) are expected, .*embed.*, not VideoDataset"):
            protocol((features, labels), (videos, labels))
        with pytest.raises(ValueError, match=r"not the shape \(2,\)"):
            protocol((features[0], labels), (features, labels))
