"""What was learned: features, retrieval, linear probe, finetuning, and how sure one can be of each."""

from cvrl_lite.evaluate.features import features, features_of_files
from cvrl_lite.evaluate.finetune import (
    Classifier,
    Finetuning,
    accuracy,
    clip_alone,
    finetune,
    long_enough,
    part_of,
    predict,
    released,
)
from cvrl_lite.evaluate.probe import PENALTIES, chosen, drawn, few_labels, linear_probe, probe_hits
from cvrl_lite.evaluate.scores import chance, scores, shared_labels
from cvrl_lite.evaluate.search import KS, hits, interval, nearest, retrieval

__all__ = [
    "KS",
    "PENALTIES",
    "Classifier",
    "Finetuning",
    "accuracy",
    "chance",
    "chosen",
    "clip_alone",
    "drawn",
    "features",
    "features_of_files",
    "few_labels",
    "finetune",
    "hits",
    "interval",
    "linear_probe",
    "long_enough",
    "nearest",
    "part_of",
    "predict",
    "probe_hits",
    "released",
    "retrieval",
    "scores",
    "shared_labels",
]
