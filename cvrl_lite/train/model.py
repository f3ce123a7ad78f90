"""The networks of a recipe, put together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from cvrl_lite.models import (
    C3D,
    R2D10,
    R3D10,
    R3D26,
    ContextEncoder,
    MotionEncoder,
    MotionPredictor,
    R2Plus1D26,
    TinyR2Plus1D,
    VideoBackbone,
)
from cvrl_lite.pretext import (
    ContextMatching,
    MotionPrediction,
    MotionRegression,
    ResidualPrediction,
    alignment,
    effective_rank,
    uniformity,
)
from cvrl_lite.train.config import Networks, Recipe
from cvrl_lite.transforms import Views, valid_points


def backbone_of(networks: Networks) -> VideoBackbone:
    """A fresh backbone."""
    if networks.backbone == "tiny":
        return TinyR2Plus1D(networks.widths)
    made: dict[str, Callable[[], VideoBackbone]] = {"c3d": C3D, "r3d26": R3D26, "r2plus1d26": R2Plus1D26}
    return made[networks.backbone]()


class Pretraining(nn.Module):
    """The backbone with the tasks of a recipe.

    Args:
        recipe: Gives tasks, networks, and the sizes from which those of the feature maps follow.
    """

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.recipe = recipe
        networks, tiny = recipe.networks, recipe.networks.backbone == "tiny"
        self.backbone = backbone_of(networks)
        heads: dict[str, Any] = {"hidden": networks.hidden, "outs": networks.projection}
        if "context" in recipe.tasks:
            self.context = ContextMatching(
                self.backbone.context_channels,
                ContextEncoder() if tiny else R2D10(),
                temperature=recipe.context_temperature,
                symmetric=recipe.symmetric,
                **heads,
            )
        if "motion" in recipe.tasks:
            predictor, encoder = self._pointwise(2 if recipe.augmentation.faithful else 3)
            self.motion: MotionPrediction | MotionRegression
            if recipe.objective == "info_nce":
                temperature, negatives = recipe.motion_temperature, recipe.negatives
                self.motion = MotionPrediction(
                    predictor, encoder, temperature=temperature, negatives=negatives, **heads
                )
            elif recipe.objective == "features":
                self.motion = MotionRegression(predictor, "features", encoder, **heads)
            else:
                window = (recipe.sampling.window, recipe.augmentation.cells)
                self.motion = MotionRegression(predictor, "vectors", window=window)
        if "residual" in recipe.tasks:
            predictor, encoder = self._pointwise(3)
            self.residual = ResidualPrediction(
                predictor, encoder, temperature=recipe.residual_temperature, **heads
            )

    @property
    def partly_used(self) -> bool:
        """Whether a step may leave parameters without a gradient, which processes have to know beforehand.

        Without context matching, or without motion or residual prediction, a branch of the backbone is not
        read; context matching may join in late; and the target of a regression on features stands still.
        """
        recipe = self.recipe
        late, alone = recipe.context_from > 0, recipe.tasks == ("context",)
        return "context" not in recipe.tasks or alone or late or recipe.objective == "features"

    def _pointwise(self, channels: int) -> tuple[MotionPredictor, MotionEncoder | R3D10]:
        """A predictor of the near future's points, and an encoder of windows with so many channels."""
        recipe, networks = self.recipe, self.recipe.networks
        encoder = MotionEncoder(ins=channels) if networks.backbone == "tiny" else R3D10(channels)
        self.points = encoder.map_size(recipe.sampling.window, recipe.augmentation.cells)
        predictor = MotionPredictor(
            self.backbone.motion_channels,
            grid=self.backbone.map_size(recipe.sampling.frames, recipe.augmentation.size),
            points=self.points,
            width=networks.predictor_width,
            heads=networks.heads,
            encoder_layers=networks.encoder_layers,
            decoder_layers=networks.decoder_layers,
            dropout=networks.dropout,
            content=networks.content,
            transformer=networks.transformer,
        )
        return predictor, encoder

    def forward(self, views: Views, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        """The weighted loss, and each task's loss and accuracy by name.

        Args:
            views: An augmented batch.
            progress: Share of the training that is done, 0..1.
        """
        recipe = self.recipe
        context_map, motion_map = self.backbone.feature_maps(views.clip)
        parts: dict[str, Tensor] = {}
        total = views.clip.new_zeros(())
        alone = recipe.tasks == ("context",)
        if "context" in recipe.tasks and (alone or progress >= recipe.context_from):
            loss, accuracy = self.context(context_map, views.keyframe, views.sources)
            parts |= {"context_loss": loss, "context_accuracy": accuracy}
            total = total + recipe.context_weight * loss
        if "motion" in recipe.tasks:
            valid = views.valid_points(self.points)
            if isinstance(self.motion, MotionPrediction):
                loss, accuracy = self.motion(motion_map, views.motion, valid, views.sources)
                parts |= {"motion_loss": loss, "motion_accuracy": accuracy}
            else:
                loss, explained = self.motion(motion_map, views.motion, views.mask, valid)
                parts |= {"motion_loss": loss, "motion_explained": explained}
            total = total + recipe.motion_weight * loss
        if "residual" in recipe.tasks:
            if views.residual is None or views.residual_mask is None:
                raise ValueError("residual prediction needs data that were read with their residuals")
            valid = valid_points(views.residual_mask, self.points)
            loss, accuracy = self.residual(motion_map, views.residual, valid, views.sources)
            parts |= {"residual_loss": loss, "residual_accuracy": accuracy}
            total = total + recipe.residual_weight * loss
        return total, parts

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
        context_map, motion_map = self.backbone.feature_maps(views.clip)
        # A branch that no task reads stays as alive as it was drawn, and would hide that the other died.
        read = [context_map] if "context" in self.recipe.tasks else []
        read += [motion_map] if self.recipe.tasks != ("context",) else []
        found = {
            "feature_rank": min(effective_rank(part.mean((2, 3, 4))) for part in read),
            "feature_uniformity": uniformity(self.backbone(views.clip)),
        }
        if "context" in self.recipe.tasks:
            found["context_alignment"] = alignment(*self.context.project(context_map, views.keyframe))
        for name, windows, mask in (
            ("motion", views.motion, views.mask),
            ("residual", views.residual, views.residual_mask),
        ):
            task = getattr(self, name, None)
            if isinstance(task, MotionPrediction) and windows is not None and mask is not None:
                queries, keys = task.project(motion_map, windows[:, :1])
                valid = valid_points(mask[:, :1], self.points).flatten()
                if valid.any():
                    found[f"{name}_alignment"] = alignment(queries[valid], keys[valid])
        self.train(training)
        return {name: round(float(value), 4) for name, value in found.items()}


def on_device(recipe: Recipe, device: torch.device) -> Pretraining:
    """A fresh model on the device that trains it, laid out as 3D convolutions like it best."""
    model = Pretraining(recipe).to(device)
    return model.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload, no-any-return]
