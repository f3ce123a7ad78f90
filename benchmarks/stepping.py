"""A training of the paper's recipe on packed samples, step by step, and its scores.

Axes: B batch, N clips, T frames.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pack import UNITS, Packed

from cvrl_lite import train
from cvrl_lite.datasets import VECTOR_STEPS, Batch
from cvrl_lite.evaluate import confidence_interval, hits
from cvrl_lite.train.model import on_device
from cvrl_lite.train.optim import learning_rate, make_optimizer
from cvrl_lite.transforms import augment

GALLERY, QUERIES = range(8, 20), range(22, 26)  # groups of sources, by the number in the file's name


class Samples:
    """The packed set on the device, as batches."""

    def __init__(self, packed: Packed, device: torch.device, seed: int) -> None:
        self.packed, self.device = packed, device
        self.images = torch.from_numpy(packed.images).to(device)
        motion = packed.motion.astype(np.int16) * (VECTOR_STEPS // UNITS)
        self.motion, self.mask = (torch.from_numpy(part).to(device) for part in (motion, packed.mask))
        self.rows = np.flatnonzero(np.isin(packed.groups, GALLERY))
        self.random = np.random.default_rng(seed)

    def batch(self, rows: np.ndarray, recipe: train.Recipe) -> Batch:
        """Samples of some clips, cut to the recipe's number of frames and windows."""
        how, at = recipe.sampling, torch.from_numpy(rows).to(self.device)
        clips = self.images[at]
        windows = slice(0, 1 + how.num_negative_windows)
        return Batch(
            clips[:, -1 - how.frames : -1],  # the last ones: the future lies behind them
            clips[:, -1],
            self.motion[at][:, windows],
            self.mask[at][:, windows],
            torch.from_numpy(self.packed.sources[rows]).to(self.device),
            torch.from_numpy(self.random.integers(2**62, size=len(rows))),
        )

    def training(self, recipe: train.Recipe) -> Iterator[Batch]:
        """Batches without end: each training clip once a round."""
        waiting = np.zeros(0, np.int64)
        while True:
            while len(waiting) < recipe.batch:
                waiting = np.concatenate([waiting, self.random.permutation(self.rows)])
            yield self.batch(waiting[: recipe.batch], recipe)
            waiting = waiting[recipe.batch :]


class Stepper:
    """One training: a step takes a batch and returns its losses, left on the device."""

    def __init__(
        self,
        recipe: train.Recipe,
        device: torch.device,
        *,
        channels_last: bool = True,
        fused: bool = False,
        benchmark: bool = False,
        compiled: bool = False,
    ) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.device = recipe, device
        self.model = on_device(recipe, device)
        if not channels_last:
            self.model.to(memory_format=torch.contiguous_format)
        self.optimizer = make_optimizer(self.model, recipe.optimization)
        if fused:
            for group in self.optimizer.param_groups:
                group["fused"], group["foreach"] = True, False
        torch.backends.cudnn.benchmark = benchmark
        if compiled:  # not the losses: the number of valid points differs from batch to batch
            for network in (self.model.backbone, *(task.encoder for task in self.model.tasks.values())):
                network.compile(dynamic=False)
        self.called: nn.Module = self.model
        self.done = 0

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        """One step."""
        recipe = self.recipe
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.done, recipe)
        views = augment(batch, recipe.augmentation)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=recipe.precision == "bfloat16"):
            loss, parts = self.called(views, self.done / recipe.steps)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        clip = recipe.optimization.clip_norm
        if clip is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), clip)
        self.optimizer.step()
        self.done += 1
        return {"loss": loss.detach()} | {name: part.detach() for name, part in parts.items()}


def retrieval(packed: Packed, features: np.ndarray) -> dict[str, Any]:
    """R@1 and R@5, and a 95 % interval of R@1 that takes whole sources into account."""
    known, asked = (np.isin(packed.groups, groups) for groups in (GALLERY, QUERIES))
    found = hits((features[known], packed.labels[known]), (features[asked], packed.labels[asked]), ks=(1, 5))
    sources = packed.sources[asked]
    return {
        "R@1": float(found[:, 0].mean()),
        "R@5": float(found[:, 1].mean()),
        "R@1_interval": list(confidence_interval(found[:, 0], sources)),
        "queries": int(asked.sum()),
        "sources": len(np.unique(sources)),
    }


def forward_flops(samples: Samples, recipe: train.Recipe) -> float:
    """Arithmetic of the way there of one step, by torch's own count of a small batch."""
    from torch.utils.flop_counter import FlopCounterMode

    small = recipe.replace(batch=4)
    views = augment(next(samples.training(small)), recipe.augmentation)
    model = on_device(small, samples.device)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(views, 1.0)
    # The loss grows with the square of the batch; at 64 clips it is a few percent, and is left out.
    return counter.get_total_flops() / 4 * recipe.batch
