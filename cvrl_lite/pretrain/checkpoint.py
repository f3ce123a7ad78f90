"""The folder of a run: recipe, environment, metrics, checkpoints, weights. Every file is whole or absent.

recipe.json           what is trained
environment.json      with which versions, on what
metrics.jsonl         a line a step
step-000200.safetensors, step-000200.pt     weights and the optimiser's state, the last few
model.safetensors     the weights at the end
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save
from torch import nn

from cvrl_lite.files import data_path, replacing
from cvrl_lite.models import VideoBackbone
from cvrl_lite.pretrain.model import backbone_of
from cvrl_lite.pretrain.recipe import Recipe

WEIGHTS, RECIPE, METRICS, ENVIRONMENT = (
    "model.safetensors",
    "recipe.json",
    "metrics.jsonl",
    "environment.json",
)
# How the temporary files of `replacing` begin, whatever they end with.
_HALF_WRITTEN = (".step-", *(f".{Path(name).stem}." for name in (WEIGHTS, RECIPE, METRICS, ENVIRONMENT)))


class Folder:
    """Where a run is kept.

    Args:
        path: It is made if it is missing.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def recipe(self) -> Recipe | None:
        """The recipe of the run in it; None where there is none."""
        if not (self.path / RECIPE).exists():
            return None
        return Recipe.from_json((self.path / RECIPE).read_text(encoding="utf-8"))

    def enter(self, recipe: Recipe) -> Recipe:
        """The recipe to go on with: the one in the folder where there is one, as its precision is settled.

        Raises:
            ValueError: The folder holds a run of another recipe.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        found = self.recipe()
        if found is None:
            return recipe
        if different := found.differences(recipe):
            raise ValueError(f"{self.path}: holds a run of another recipe ({'; '.join(different[:3])})")
        return found

    def begin(self, recipe: Recipe) -> None:
        """Writes what is known before the first step, and removes what a killed process left half written."""
        for file in self.path.glob(".*"):
            if file.name.startswith(_HALF_WRITTEN):
                file.unlink()
        self._write(RECIPE, recipe.to_json())
        self._write(ENVIRONMENT, json.dumps(environment(), indent=2))

    def save(self, step: int, model: nn.Module, optimiser: torch.optim.Optimizer, keep: int) -> None:
        """Writes a checkpoint, and removes all but the last `keep`."""
        name = f"step-{step:08d}"
        self._weights(f"{name}.safetensors", model)
        with replacing(self.path / f"{name}.pt", durable=True) as part:
            torch.save({"step": step, "optimiser": optimiser.state_dict()}, part)
        for old in self._checkpoints()[:-keep]:
            old.unlink()
            old.with_suffix(".safetensors").unlink(missing_ok=True)

    def finish(self, model: nn.Module) -> None:
        """Writes the weights for use."""
        self._weights(WEIGHTS, model)

    def restore(self, model: nn.Module, optimiser: torch.optim.Optimizer) -> int:
        """Loads the last checkpoint. The steps it has done; 0 where there is none."""
        states = self._checkpoints()
        if not states:
            return 0
        model.load_state_dict(load_file(states[-1].with_suffix(".safetensors")))
        state = torch.load(states[-1], map_location="cpu", weights_only=True)
        optimiser.load_state_dict(state["optimiser"])
        return int(state["step"])

    def cut_metrics(self, steps: int) -> None:
        """Drops the metrics of later steps, which will be done again, and a line cut short."""
        kept = []
        if (self.path / METRICS).exists():
            lines = (self.path / METRICS).read_text(encoding="utf-8").splitlines()[:steps]
            kept = [f"{line}\n" for line in lines if line.endswith("}")]
        self._write(METRICS, "".join(kept), end="")

    def add_metrics(self, metrics: dict[str, Any]) -> None:
        """Appends a line."""
        with open(self.path / METRICS, "a", encoding="utf-8") as file:
            file.write(json.dumps(metrics) + "\n")

    def _checkpoints(self) -> list[Path]:
        return sorted(p for p in self.path.glob("step-*.pt") if p.with_suffix(".safetensors").exists())

    def _weights(self, name: str, model: nn.Module) -> None:
        weights = {key: value.contiguous() for key, value in model.state_dict().items()}
        with replacing(self.path / name, durable=True) as part:
            part.write_bytes(save(weights))  # save_file would make it readable by its owner alone

    def _write(self, name: str, text: str, end: str = "\n") -> None:
        with replacing(self.path / name) as part:
            part.write_text(text + end, encoding="utf-8")


def environment() -> dict[str, Any]:
    """What a training ran on."""
    names = ("cvrl-lite", "torch", "numpy", "av")
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "packages": {name: importlib.metadata.version(name) for name in names},
    }


def load_shipped(name: str) -> tuple[VideoBackbone, Recipe]:
    """A network that comes with the package: `cvrl_lite.load("joint")`.

    Args:
        name: "context", "motion", "joint" or "three": what it was trained with; see the model cards in
            docs/model_cards.md.

    Returns:
        As `load`.

    Raises:
        ValueError: None has that name.

    Example:
        >>> backbone, recipe = load_shipped("joint")
        >>> backbone.features(torch.zeros(1, 3, 8, recipe.augmentation.size, recipe.augmentation.size)).shape
        torch.Size([1, 256])
    """
    folder = data_path("checkpoints")
    names = sorted(file.stem for file in folder.glob("*.safetensors"))
    if name not in names:
        raise ValueError(f"no network is called {name!r}; there are {', '.join(names)}")
    return load(folder / f"{name}.safetensors")


def load(folder: str | os.PathLike[str]) -> tuple[VideoBackbone, Recipe]:
    """The backbone and the recipe of a finished (or interrupted) run.

    Args:
        folder: What `run` was given as `out`, or a `.safetensors` file with its recipe beside it
            under the same name as `.json`.

    Returns:
        The backbone in float32 and evaluation mode, and the recipe.

    Raises:
        FileNotFoundError: A file of the checkpoint is missing.
    """
    path = Path(folder)
    if path.is_dir():
        weights, recipe_file = path / WEIGHTS, path / RECIPE
    else:
        weights, recipe_file = path, path.with_suffix(".json")
    for file in (weights, recipe_file):
        if not file.exists():
            raise FileNotFoundError(f"{file}: a checkpoint needs this file")
    recipe = Recipe.from_json(recipe_file.read_text(encoding="utf-8"))
    backbone = backbone_of(recipe.networks)
    prefix = "backbone."
    values = {
        name.removeprefix(prefix): value.float() if value.is_floating_point() else value
        for name, value in load_file(weights).items()
        if name.startswith(prefix)
    }
    backbone.load_state_dict(values)
    return backbone.eval(), recipe
