"""The networks of a recipe, put together."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cvrl_lite.models import VideoBackbone
from cvrl_lite.pretext import (
    PretextTask,
    TaskInputs,
    TaskOutput,
    alignment,
    effective_rank,
    uniformity,
)
from cvrl_lite.train.checkpoint import read_checkpoint, shipped
from cvrl_lite.train.config import Recipe
from cvrl_lite.transforms import Views


class Pretraining(nn.Module):
    """The backbone with the tasks of a recipe.

    Args:
        recipe: Gives tasks, networks, and the sizes from which those of the feature maps follow.

    Attributes:
        backbone: What pretraining is for.
        tasks: The tasks' modules by name.
    """

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.backbone = recipe.networks.build_backbone()
        inputs = inputs_of(recipe, self.backbone)
        self.tasks = nn.ModuleDict({name: task.build(inputs) for name, task in recipe.tasks.items()})

    @property
    def partly_used(self) -> bool:
        """Whether a step may leave parameters without a gradient, which processes have to know beforehand.

        A branch of the backbone may not be read, a task may join in late, and a target may stand still.
        """
        tasks = self.recipe.tasks.values()
        read = {part for task in tasks for part in task.reads}
        return len(read) < 2 or any(task.start > 0 or task.partly_trained for task in tasks)

    def forward(self, views: Views, progress: float) -> TaskOutput:
        """The weighted sum of the losses, and each task's loss and metrics by name.

        Args:
            views: An augmented batch.
            progress: Share of the training that is done, 0..1.
        """
        maps = self.backbone.feature_maps(views.clip)
        loss, metrics = views.clip.new_zeros(()), dict[str, Tensor]()
        for name, config in self.recipe.tasks.items():
            if progress >= config.start:
                output = self.tasks[name](maps, views)
                loss = loss + config.weight * output.loss
                metrics |= {f"{name}_loss": output.loss}
                metrics |= {f"{name}_{metric}": value for metric, value in output.metrics.items()}
        return TaskOutput(loss, metrics)

    @torch.no_grad()
    def health(self, views: Views) -> dict[str, float]:
        """How alive the features are, on a batch: see `pretext.health`. Nothing of the model changes.

        Returns:
            `feature_rank`, the smallest of the backbone's maps that a task reads, averaged over time and
            space; `feature_uniformity` of the backbone's vectors; and each comparing task's `alignment` of
            partners.
        """
        training = self.training
        self.eval()
        maps = self.backbone.feature_maps(views.clip)
        # A branch that no task reads stays as alive as it was drawn, and would hide that the other died.
        read = {part for task in self.recipe.tasks.values() for part in task.reads}
        chosen = [part for name, part in zip(("context", "motion"), maps, strict=True) if name in read]
        found = {
            "feature_rank": min(effective_rank(part.mean((2, 3, 4))) for part in chosen),
            "feature_uniformity": uniformity(self.backbone(views.clip)),
        }
        for name, task in self.tasks.items():
            assert isinstance(task, PretextTask)
            if (pairs := task.partners(maps, views)) is not None:
                found[f"{name}_alignment"] = alignment(*pairs)
        self.train(training)
        return {name: round(float(value), 4) for name, value in found.items()}


def start_from(backbone: VideoBackbone, network: str) -> None:
    """Gives a backbone the weights of another network's.

    Args:
        backbone: Its weights are changed.
        network: The name of a shipped network, a run's folder, or a .safetensors file.

    Raises:
        FileNotFoundError: There is no such network, or a file of it is missing.
        ValueError: Its backbone has another form.
    """
    other, _ = read_checkpoint(shipped(network) or network)
    try:
        backbone.load_state_dict(other.state_dict())
    except RuntimeError:
        raise ValueError(f"{network}: its backbone has another form than the recipe's") from None


def inputs_of(recipe: Recipe, backbone: VideoBackbone) -> TaskInputs:
    """What the tasks of a recipe have to fit."""
    how = recipe.augmentation
    return TaskInputs(
        networks=recipe.networks,
        context_channels=backbone.context_channels,
        motion_channels=backbone.motion_channels,
        grid=backbone.map_size(recipe.sampling.frames, how.size),
        window=recipe.sampling.window,
        cells=how.cells,
        vector_channels=2 if how.faithful else 3,
    )


def on_device(recipe: Recipe, device: torch.device) -> Pretraining:
    """A fresh model on the device that trains it, laid out as 3D convolutions like it best."""
    model = Pretraining(recipe).to(device)
    return model.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload, no-any-return]
