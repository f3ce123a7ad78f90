"""Training: recipes, the loop, checkpoints."""

from cvrl_lite.models import Networks
from cvrl_lite.train import recipes
from cvrl_lite.train.checkpoint import METRICS
from cvrl_lite.train.config import TASKS, Finetuning, Optimization, Recipe, clip_alone, released
from cvrl_lite.train.data import load_data
from cvrl_lite.train.distributed import device
from cvrl_lite.train.engine import Callback, Trainer, step_seed
from cvrl_lite.train.finetune import (
    Classifier,
    accuracy,
    finetune,
    long_enough,
    predict,
    usable_data,
)
from cvrl_lite.train.model import Pretraining
from cvrl_lite.train.precision import emulates_bfloat16
from cvrl_lite.train.pretrain import Run, pretrain

__all__ = [
    "METRICS",
    "TASKS",
    "Callback",
    "Classifier",
    "Finetuning",
    "Networks",
    "Optimization",
    "Pretraining",
    "Recipe",
    "Run",
    "Trainer",
    "accuracy",
    "clip_alone",
    "device",
    "emulates_bfloat16",
    "finetune",
    "load_data",
    "long_enough",
    "predict",
    "pretrain",
    "recipes",
    "released",
    "step_seed",
    "usable_data",
]


def __dir__() -> list[str]:
    return sorted(__all__)
