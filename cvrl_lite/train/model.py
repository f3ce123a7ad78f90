"""The model of a recipe: backbone and tasks."""

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
        recipe: Provides tasks, networks, and the input sizes that determine those of the feature maps.

    Attributes:
        backbone: The network to pretrain.
        tasks: The tasks' modules by name.

    Example:
        >>> from cvrl_lite.train import recipes
        >>> model = Pretraining(recipes.laptop_fast())
        >>> list(model.tasks), type(model.backbone).__name__
        (['context', 'motion'], 'TinyR2Plus1D')
    """

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.backbone = recipe.networks.build_backbone()
        inputs = inputs_of(recipe, self.backbone)
        self.tasks = nn.ModuleDict({name: task.build(inputs) for name, task in recipe.tasks.items()})

    @property
    def partly_used(self) -> bool:
        """Whether a step may leave parameters without a gradient.

        DistributedDataParallel has to know. It happens if no task reads a branch of the backbone, a task
        starts late, or a target is not trained.
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
        """Measures on a batch whether features collapse; see `pretext.health`. The model is not changed.

        Returns:
            `feature_rank`, the smallest of the backbone's maps that a task reads, averaged over time and
            space; `feature_uniformity` of the backbone's vectors; and each comparing task's `alignment` of
            partners.
        """
        training = self.training
        self.eval()
        maps = self.backbone.feature_maps(views.clip)
        # A branch that no task reads keeps its random features, and would hide a collapse of the other one.
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
    """Loads the weights of another network's backbone.

    Args:
        backbone: The backbone to load weights into.
        network: The name of a shipped network, a run's folder, or a .safetensors file.

    Raises:
        FileNotFoundError: The network does not exist, or one of its files is missing.
        ValueError: Its backbone has another architecture.
    """
    other, _ = read_checkpoint(shipped(network) or network)
    try:
        backbone.load_state_dict(other.state_dict())
    except RuntimeError:
        raise ValueError(f"{network}: its backbone has another form than the recipe's") from None


def inputs_of(recipe: Recipe, backbone: VideoBackbone) -> TaskInputs:
    """The sizes that the tasks of a recipe are built for."""
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
    """A new model on the training device, in the memory layout that 3D convolutions run fastest in."""
    model = Pretraining(recipe).to(device)
    return model.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload, no-any-return]
