"""Training: recipes, the loop, checkpoints."""

from cvrl_lite.models import Networks
from cvrl_lite.train import recipes
from cvrl_lite.train.checkpoint import METRICS, load
from cvrl_lite.train.config import TASKS, Optimization, Recipe
from cvrl_lite.train.data import load_data
from cvrl_lite.train.distributed import device
from cvrl_lite.train.engine import Run, emulates_bfloat16, faster_precision, pretrain, seconds_per_step
from cvrl_lite.train.finetune import (
    Classifier,
    Finetuning,
    accuracy,
    clip_alone,
    finetune,
    long_enough,
    predict,
    released,
)
from cvrl_lite.train.model import Pretraining

__all__ = [
    "METRICS",
    "TASKS",
    "Classifier",
    "Finetuning",
    "Networks",
    "Optimization",
    "Pretraining",
    "Recipe",
    "Run",
    "accuracy",
    "clip_alone",
    "device",
    "emulates_bfloat16",
    "faster_precision",
    "finetune",
    "load",
    "load_data",
    "long_enough",
    "predict",
    "pretrain",
    "recipes",
    "released",
    "seconds_per_step",
]
