"""Training: recipes, the loop, checkpoints."""

from cvrl_lite.pretrain import recipes
from cvrl_lite.pretrain.checkpoint import METRICS, load, load_shipped
from cvrl_lite.pretrain.data import load_data
from cvrl_lite.pretrain.loop import Run, emulates_bfloat16, faster_precision, run, seconds_per_step
from cvrl_lite.pretrain.model import Pretraining
from cvrl_lite.pretrain.parallel import device
from cvrl_lite.pretrain.recipe import TASKS, Networks, Optimisation, Recipe

__all__ = [
    "METRICS",
    "TASKS",
    "Networks",
    "Optimisation",
    "Pretraining",
    "Recipe",
    "Run",
    "device",
    "emulates_bfloat16",
    "faster_precision",
    "load",
    "load_data",
    "load_shipped",
    "recipes",
    "run",
    "seconds_per_step",
]
