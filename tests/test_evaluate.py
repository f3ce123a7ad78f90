"""Retrieval against brute force; the probe on features whose answer is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvrl_lite import evaluate


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), queries=st.integers(1, 20), gallery=st.integers(5, 30))
def test_retrieval_equals_brute_force(seed, queries, gallery):
    random = np.random.default_rng(seed)
    asked, known = (random.normal(size=(n, 4)).astype(np.float32) for n in (queries, gallery))
    wanted, given_labels = (random.integers(0, 3, n) for n in (queries, gallery))
    found = evaluate.retrieval(asked, wanted, known, given_labels, ks=(1, 3, 5))
    for k in (1, 3, 5):
        hits = 0
        for vector, label in zip(asked, wanted, strict=True):
            cosines = [float(vector @ g / np.linalg.norm(vector) / np.linalg.norm(g)) for g in known]
            best = sorted(range(gallery), key=lambda i: -cosines[i])[:k]
            hits += any(given_labels[i] == label for i in best)
        assert found[f"R@{k}"] == pytest.approx(hits / queries)


def test_retrieval_in_chunks_equals_retrieval_at_once(monkeypatch):
    random = np.random.default_rng(0)
    asked, known = random.normal(size=(50, 8)), random.normal(size=(60, 8))
    wanted, given_labels = random.integers(0, 5, 50), random.integers(0, 5, 60)
    whole = evaluate.retrieval(asked, wanted, known, given_labels, ks=(1, 5))
    monkeypatch.setattr(evaluate, "_CHUNK", 7)
    assert evaluate.retrieval(asked, wanted, known, given_labels, ks=(1, 5)) == whole


def test_of_equally_near_clips_the_first_counts():
    known = np.ones((4, 3), np.float32)
    assert evaluate.nearest(np.ones((1, 3), np.float32), known, 3).tolist() == [[0, 1, 2]]


def test_a_gallery_smaller_than_k_is_refused():
    x, y = np.eye(3, dtype=np.float32), np.arange(3)
    with pytest.raises(ValueError, match="R@5 needs a gallery"):
        evaluate.retrieval(x, y, x, y, ks=(5,))


def test_linear_probe_finds_what_is_there_and_nothing_else():
    random = np.random.default_rng(0)
    labels, other = random.integers(0, 4, 600), random.integers(0, 4, 600)
    features = (np.eye(4)[labels] @ random.normal(size=(4, 10)) + 0.1 * random.normal(size=(600, 10))).astype(
        np.float32
    )
    assert evaluate.linear_probe(features[:400], labels[:400], features[400:], labels[400:]) > 0.99
    assert evaluate.linear_probe(features[:400], other[:400], features[400:], other[400:]) < 0.45
