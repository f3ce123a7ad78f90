"""What the pretext tasks are compared with on the same budget: another objective, and labels."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cvrl_lite.datasets import DecodedSet, MemoryLoader
from cvrl_lite.models import ProjectionHead, TinyR2Plus1D, VideoBackbone
from cvrl_lite.pretext import info_nce
from cvrl_lite.train import Recipe
from cvrl_lite.train.optim import learning_rate, make_optimizer
from cvrl_lite.transforms import Views, augment

_FEATURES_SCALE = 8.0  # pooled features are of length 1 or so; a linear layer learns sooner from longer ones


def _train(
    recipe: Recipe, data: DecodedSet, head: nn.Module, loss_of: Callable[[Tensor, Views], Tensor]
) -> VideoBackbone:
    """The recipe's optimizer and schedule on a loss of the pooled features."""
    backbone = TinyR2Plus1D(recipe.networks.widths)
    model = nn.ModuleDict({"backbone": backbone, "head": head}).to(memory_format=torch.channels_last_3d)
    optimizer = make_optimizer(model, recipe.optimization)
    for step, batch in enumerate(
        MemoryLoader(data, recipe.sampling, recipe.seed).batches(recipe.batch, recipe.steps)
    ):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, recipe)
        views = augment(batch, recipe.augmentation)
        with torch.autocast("cpu", torch.bfloat16, enabled=recipe.precision == "bfloat16"):
            pooled = backbone(views.clip)
        loss = loss_of(pooled.float(), views)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return backbone


def instance_discrimination(recipe: Recipe, data: DecodedSet) -> VideoBackbone:
    """SimCLR's task on clips: two clips of one video are to find each other among all others of the batch.

    A batch holds two clips each of half as many videos, so that as many clips are seen.
    """
    recipe = recipe.replace(sampling={"copies": 2})
    head = ProjectionHead(sum(recipe.networks.widths[2:]), recipe.networks.hidden, recipe.networks.projection)

    def loss_of(pooled: Tensor, views: Views) -> Tensor:
        first, second = head(pooled).unflatten(0, (-1, 2)).unbind(1)
        there, _ = info_nce(first, torch.cat([second, first]), 0.1, allowed=_others(len(first)))
        back, _ = info_nce(second, torch.cat([first, second]), 0.1, allowed=_others(len(first)))
        return (there + back) / 2

    return _train(recipe, data, head, loss_of)


def _others(videos: int) -> Tensor:
    """(videos, 2 videos) bool: every clip but itself, which stands in the second half of the keys."""
    return torch.cat([torch.ones(videos, videos), 1 - torch.eye(videos)], 1).bool()


def supervised(label: str) -> Callable[[Recipe, DecodedSet], VideoBackbone]:
    """Training with one factor's labels. Clips are not mirrored: that would turn right into left."""

    def train(recipe: Recipe, data: DecodedSet) -> VideoBackbone:
        recipe = recipe.replace(augmentation={"flip": 0.0})
        head = nn.Linear(sum(recipe.networks.widths[2:]), len(data.classes[label]))
        wanted = torch.zeros(int(data.source_numbers.max()) + 1, dtype=torch.long)
        wanted[torch.from_numpy(data.source_numbers)] = torch.from_numpy(data.labels(label))

        def loss_of(pooled: Tensor, views: Views) -> Tensor:
            return F.cross_entropy(head(pooled * _FEATURES_SCALE), wanted[views.sources])

        return _train(recipe, data, head, loss_of)

    return train
