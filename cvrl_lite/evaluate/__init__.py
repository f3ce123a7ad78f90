"""Evaluation: features, retrieval, linear probe, and confidence intervals."""

from cvrl_lite.evaluate.features import features
from cvrl_lite.evaluate.inputs import shared_labels
from cvrl_lite.evaluate.intervals import confidence_interval, difference
from cvrl_lite.evaluate.probe import (
    PENALTIES,
    choose_penalty,
    few_labels,
    linear_probe,
    probe_hits,
    sample_per_class,
)
from cvrl_lite.evaluate.protocols import PROTOCOLS, Score, commonest_chance, measure, retrieval_chance
from cvrl_lite.evaluate.scores import chance, scores
from cvrl_lite.evaluate.search import KS, hits, nearest, retrieval

__all__ = [
    "KS",
    "PENALTIES",
    "PROTOCOLS",
    "Score",
    "chance",
    "choose_penalty",
    "commonest_chance",
    "confidence_interval",
    "difference",
    "features",
    "few_labels",
    "hits",
    "linear_probe",
    "measure",
    "nearest",
    "probe_hits",
    "retrieval",
    "retrieval_chance",
    "sample_per_class",
    "scores",
    "shared_labels",
]


def __dir__() -> list[str]:
    return sorted(__all__)
