"""Every protocol takes tables, arrays and data with a model, whole or by part."""

from pathlib import Path

import numpy as np
import pytest
import torch

import cvrl_lite
from cvrl_lite import Embeddings, Pretrained, evaluate
from cvrl_lite.datasets import ClipSampling, DecodedSet, DecodedVideo, Entry
from cvrl_lite.models import TinyR2Plus1D
from cvrl_lite.transforms import EvalTransform

CLASSES = {"way": ("down", "up"), "light": ("day", "night")}
PROTOCOLS = {
    evaluate.retrieval: {"ks": (1, 3)},
    evaluate.hits: {"ks": (1, 3)},
    evaluate.linear_probe: {},
    evaluate.probe_hits: {"penalty": evaluate.PENALTIES},
    evaluate.few_labels: {"per_class": 2},
    evaluate.measure: {},
}


@pytest.fixture(scope="module")
def model() -> Pretrained:
    torch.manual_seed(0)
    return Pretrained(TinyR2Plus1D((8, 8, 8, 8)), ClipSampling(), EvalTransform(16, 16))


def painted(seed: int) -> DecodedSet:
    """Twelve videos in noise, each lighter or darker."""
    random, videos = np.random.default_rng(seed), []
    for number in range(12):
        light = number // 6
        frames = random.integers(100 * light, 100 * light + 155, (40, 16, 16, 3), np.uint8)
        entry = Entry(Path(f"{number}.mp4"), str(number), {"way": number % 2, "light": light})
        nothing = np.zeros((0, 2, 1, 1), np.int16), np.zeros((0, 1, 1), bool)
        videos.append(DecodedVideo(entry, frames, *nothing, np.arange(40) / 25, np.zeros(1, int)))
    return DecodedSet(tuple(videos), (), CLASSES)


def numbers(found: object) -> list[float]:
    """All that a protocol returned, in a row."""
    if isinstance(found, evaluate.Score):
        return [found.share, *found.interval, found.chance]
    if isinstance(found, dict):
        return [number for value in found.values() for number in numbers(value)]
    return np.ravel(found).astype(float).tolist()


@pytest.mark.parametrize("part", [None, "context", "motion"])
@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: protocol.__name__)
def test_every_form_of_the_same_videos_has_the_same_score(model, protocol, part):
    data, how = (painted(0), painted(1)), PROTOCOLS[protocol]
    tables = [model.embed(videos, per_clip=True) for videos in data]
    files = [table.by_file().part(part) for table in tables]
    expected = protocol(*((table.features, table.labels["light"]) for table in files), **how)
    for first, second in (tables, data, (tables[0], data[1])):
        found = protocol(first, second, "light", part=part, model=model, **how)
        assert numbers(found) == pytest.approx(numbers(expected))
    assert np.mean(numbers(expected)) > 0.5


def test_a_label_that_is_the_only_one_needs_no_name():
    table = Embeddings.from_arrays(np.eye(4), {"way": np.array([0, 0, 1, 1])})
    for protocol, how in PROTOCOLS.items():
        np.testing.assert_equal(protocol(table, table, **how), protocol(table, table, "way", **how))


X, Y = np.eye(4, dtype=np.float32), np.array([0, 0, 1, 1])
TABLE = Embeddings.from_arrays(X, {"way": Y, "light": Y})


@pytest.mark.parametrize(
    ("sides", "how", "said"),
    [
        ((X, X), {}, "gallery: an Embeddings table or a pair .* is expected, or model=.*got ndarray alone"),
        ((TABLE, painted(0)), {}, "queries: an Embeddings table .*; got DecodedSet alone"),
        ((TABLE, TABLE), {}, "label is one of way, light; choose one"),
        ((TABLE, TABLE, "mood"), {}, "label is one of way, light; got mood"),
        ((TABLE, TABLE, "way"), {"part": "motion"}, "no 'motion' part: these features do not come in parts"),
        (((X, Y), (X, Y), "way"), {}, "label 'way': arrays bring their labels"),
        (((X, Y), (X, Y)), {"part": "motion"}, "arrays have no 'motion' part"),
        (((X, Y, Y), (X, Y)), {}, r"a pair \(features, labels\) is expected, not 3 values"),
        (((X, Y[:1]), (X, Y)), {}, r"4 vectors, and labels of the shape \(1,\)"),
        ((cvrl_lite, TABLE), {}, "gallery: .* got module alone"),
    ],
)
def test_what_cannot_be_judged_gets_a_sentence(sides, how, said):
    for protocol, more in PROTOCOLS.items():
        with pytest.raises(
            (TypeError, ValueError),
            match=said.replace("gallery", "(gallery|training)").replace("queries", "(queries|test)"),
        ):
            protocol(*sides, **how, **more)


def test_tables_of_different_networks_are_not_compared(model):
    torch.manual_seed(1)
    other = Pretrained(TinyR2Plus1D((8, 8, 8, 8)), model.sampling, model.transform)
    tables = model.embed(painted(0)), other.embed(painted(1))
    for judge in (lambda: evaluate.retrieval(*tables, "way"), lambda: evaluate.scores(*tables)):
        with pytest.raises(ValueError, match="the tables come from different networks"):
            judge()
