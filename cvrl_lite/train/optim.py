"""The optimizer and its schedule."""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import nn

from cvrl_lite.train.config import Optimization


def make_optimizer(model: nn.Module, how: Optimization) -> torch.optim.Optimizer:
    """The optimizer of a recipe over all of a model's parameters."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    vectors = [p for p in parameters if p.ndim < 2 and not how.decay_all]  # norms and biases
    chosen = {id(p) for p in vectors}
    groups = [{"params": [p for p in parameters if id(p) not in chosen], "weight_decay": how.weight_decay}]
    if vectors:
        groups.append({"params": vectors, "weight_decay": 0.0})
    if how.method == "sgd":
        return torch.optim.SGD(groups, how.learning_rate, momentum=0.9, nesterov=True)
    return torch.optim.AdamW(groups, how.learning_rate)


class Schedule(Protocol):
    """The settings that determine the learning rate; a `Recipe` is one."""

    @property
    def steps(self) -> int:
        """Number of training steps."""
        ...

    @property
    def optimization(self) -> Optimization:
        """Settings of the optimizer."""
        ...


def learning_rate(step: int, recipe: Schedule) -> float:
    """The learning rate of a step: a linear warm-up, then a cosine to 0."""
    how = recipe.optimization
    warm = max(1, round(how.warmup * recipe.steps))
    if step < warm:
        return how.learning_rate * (how.warmup_from + (1 - how.warmup_from) * (step + 1) / warm)
    done = (step - warm) / max(1, recipe.steps - warm)
    return how.learning_rate * 0.5 * (1 + math.cos(math.pi * done))
