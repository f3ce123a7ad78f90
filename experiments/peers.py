"""What the pretext tasks are compared with on the same budget: another objective, and labels."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cvrl_lite.datasets import Batch, DecodedSet, MemoryLoader
from cvrl_lite.models import ProjectionHead, TinyR2Plus1D, VideoBackbone
from cvrl_lite.pretext import gather, info_nce, processes
from cvrl_lite.train import Pretraining, Recipe, Trainer
from cvrl_lite.train.checkpoint import Folder
from cvrl_lite.train.data import fingerprint
from cvrl_lite.train.distributed import distributed, processes_sharing
from cvrl_lite.transforms import Views, augment

_FEATURES_SCALE = 8.0  # pooled features are of length 1 or so; a linear layer learns sooner from longer ones


class Objective(nn.Module):
    """A backbone with a head, as the engine trains them: a loss of the pooled features."""

    def __init__(
        self, backbone: VideoBackbone, head: nn.Module, loss_of: Callable[[Tensor, Views], Tensor]
    ) -> None:
        super().__init__()
        self.backbone, self.head, self.loss_of = backbone, head, loss_of

    def forward(self, views: Views, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss, computed in float32, and the same as a metric."""
        pooled = self.backbone(views.clip)
        with torch.autocast(pooled.device.type, enabled=False):
            loss = self.loss_of(pooled.float(), views)
        return loss, {"loss": loss}


def fit(recipe: Recipe, data: DecodedSet, model: Objective | Pretraining, out: Path | None) -> VideoBackbone:
    """The recipe's optimizer and schedule on a model that is made already.

    It resumes where `out` holds a part of it, and shares batches where torchrun started several processes.
    """
    sampler = MemoryLoader(data, recipe.sampling, recipe.seed)

    def views(batch: Batch) -> Views:
        return augment(batch, recipe.augmentation)

    with distributed() as device, ExitStack() as stack:
        rank, _ = processes_sharing(recipe.batch)
        folder = Folder(out) if out is not None else None
        if folder and rank == 0:
            stack.enter_context(folder.claimed())
            folder.enter(recipe)
            folder.check_data(fingerprint(sampler.entries))
        trainer = Trainer(model, recipe, sampler, device=device, prepare=views)
        done = trainer.resume(folder) if folder else 0
        if folder and rank == 0:
            folder.begin(recipe)
            folder.note(fingerprint(sampler.entries))
        end = trainer.fit(done, folder)
    if end.ended_by:
        signal.raise_signal(end.ended_by)
    return model.backbone


def instance_discrimination(recipe: Recipe, data: DecodedSet, out: Path | None) -> VideoBackbone:
    """SimCLR's task on clips: two clips of one video are to find each other among all others of the batch.

    A batch holds two clips each of half as many videos, so that as many clips are seen.
    """
    recipe = recipe.replace(sampling={"clips_per_video": 2})
    return fit(recipe, data, simclr(recipe), out)


def simclr(recipe: Recipe) -> Objective:
    """SimCLR's objective, for batches of two clips a video."""
    networks = recipe.networks
    backbone = TinyR2Plus1D(networks.widths)
    head = ProjectionHead(sum(networks.widths[2:]), networks.hidden, networks.projection)

    def loss_of(pooled: Tensor, views: Views) -> Tensor:
        first, second = head(pooled).unflatten(0, (-1, 2)).unbind(1)
        return (_simclr_loss(first, second) + _simclr_loss(second, first)) / 2

    return Objective(backbone, head, loss_of)


def _simclr_loss(queries: Tensor, positives: Tensor) -> Tensor:
    """InfoNCE of this process's queries (N, D) among all clips of all processes but the query itself."""
    (rank, world), videos = processes(), len(queries)
    keys = torch.cat([gather(positives), gather(queries)])
    allowed = torch.ones(videos, len(keys), dtype=torch.bool, device=keys.device)
    itself = (world + rank) * videos
    allowed[:, itself : itself + videos].fill_diagonal_(False)
    return info_nce(queries, keys, 0.1, allowed=allowed)[0]


def supervised(label: str) -> Callable[[Recipe, DecodedSet, Path | None], VideoBackbone]:
    """Training with one factor's labels. Clips are not mirrored: that would turn right into left."""

    def train(recipe: Recipe, data: DecodedSet, out: Path | None) -> VideoBackbone:
        recipe = recipe.replace(augmentation={"hflip": 0.0})
        return fit(recipe, data, classification(recipe, data, label), out)

    return train


def classification(recipe: Recipe, data: DecodedSet, label: str) -> Objective:
    """Cross-entropy on the labels of a factor."""
    backbone = TinyR2Plus1D(recipe.networks.widths)
    head = nn.Linear(sum(recipe.networks.widths[2:]), len(data.classes[label]))
    targets = labels_by_source(data, label)

    def loss_of(pooled: Tensor, views: Views) -> Tensor:
        return F.cross_entropy(head(pooled * _FEATURES_SCALE), targets.to(pooled.device)[views.sources])

    return Objective(backbone, head, loss_of)


def labels_by_source(data: DecodedSet, label: str) -> Tensor:
    """(sources,) int64: the label of each video, by the number that views call it."""
    labels = torch.zeros(int(data.source_numbers.max()) + 1, dtype=torch.long)
    labels[torch.from_numpy(data.source_numbers)] = torch.from_numpy(data.labels(label))
    return labels
