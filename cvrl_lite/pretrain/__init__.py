"""Training: recipes, the loop, checkpoints."""

from cvrl_lite.pretrain import recipes
from cvrl_lite.pretrain.loop import Pretraining, Run, load, load_data, run, save
from cvrl_lite.pretrain.recipe import TASKS, Recipe

__all__ = ["TASKS", "Pretraining", "Recipe", "Run", "load", "load_data", "recipes", "run", "save"]
