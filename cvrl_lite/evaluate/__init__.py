"""What was learned: features, retrieval, linear probe, and how sure one can be of each."""

from cvrl_lite.evaluate.features import features, features_of_files
from cvrl_lite.evaluate.intervals import confidence_interval
from cvrl_lite.evaluate.probe import PENALTIES, chosen, drawn, few_labels, linear_probe, probe_hits
from cvrl_lite.evaluate.scores import chance, scores, shared_labels
from cvrl_lite.evaluate.search import KS, hits, nearest, retrieval

__all__ = [
    "KS",
    "PENALTIES",
    "chance",
    "chosen",
    "confidence_interval",
    "drawn",
    "features",
    "features_of_files",
    "few_labels",
    "hits",
    "linear_probe",
    "nearest",
    "probe_hits",
    "retrieval",
    "scores",
    "shared_labels",
]
