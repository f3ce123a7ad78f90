"""The folder of a run: recipe, environment, metrics, checkpoints, weights. Files are written atomically.

recipe.json           the configuration of the training
environment.json      package versions, machine and data
metrics.jsonl         one line per step
step-000200.safetensors, step-000200.pt     the last few checkpoints: weights and optimizer state
model.safetensors     the final weights
"""

from __future__ import annotations

import importlib.metadata
import io
import json
import os
import platform
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load as tensors_of
from safetensors.torch import save
from torch import nn

from cvrl_lite.datasets import Skipped
from cvrl_lite.files import alone, data_path, replacing, writing
from cvrl_lite.models import VideoBackbone
from cvrl_lite.train.config import Recipe, flat

WEIGHTS, RECIPE, METRICS, ENVIRONMENT = (
    "model.safetensors",
    "recipe.json",
    "metrics.jsonl",
    "environment.json",
)
FINETUNING = "finetuning.json"  # replaces the recipe in the folder of a finetuning
# Prefixes of the temporary files of `replacing`.
_HALF_WRITTEN = (
    ".step-",
    *(f".{Path(name).stem}." for name in (WEIGHTS, RECIPE, METRICS, ENVIRONMENT, FINETUNING)),
)


class Folder:
    """The folder of a run.

    Args:
        path: The folder; created if it is missing.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def recipe(self) -> Recipe | None:
        """The recipe of the run in the folder; None if there is no run.

        Raises:
            ValueError: The file is damaged.
        """
        file = self.path / RECIPE
        return _recipe(file) if file.exists() else None

    def claimed(self) -> AbstractContextManager[None]:
        """Locks the folder against other trainings for the duration of a `with` block.

        Raises:
            BlockingIOError: Another process is training into the folder.
        """
        return alone(self.path / ".lock", self.path, wait=False)

    def enter(self, recipe: Recipe) -> Recipe:
        """The recipe to continue with: the stored one, whose precision is settled, if the folder has one.

        Raises:
            ValueError: The folder holds a run of another recipe, or a run whose recipe is missing.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        found = self.recipe()
        if found is None:
            self._refuse_orphans(RECIPE)
            return recipe
        if different := found.differences(recipe):
            raise ValueError(f"{self.path}: holds a run of another recipe ({'; '.join(different[:3])})")
        return found

    def enter_values(self, name: str, values: dict[str, Any]) -> None:
        """Stores a configuration other than a recipe in the folder, or checks it against the stored one.

        Args:
            name: Name of the file.
            values: Its contents: JSON types, or tuples, which are stored as lists.

        Raises:
            ValueError: The folder holds another run, or one whose configuration is missing.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        file, values = self.path / name, json.loads(json.dumps(values))
        if not file.exists():
            self._refuse_orphans(name)
            self._write(name, json.dumps(values, indent=2))
            return
        with reading(file, "no configuration"):
            found = flat(json.loads(file.read_text(encoding="utf-8")))
        different = [
            f"{key}: {found.get(key)}, not {value}"
            for key, value in flat(values).items()
            if found.get(key) != value
        ]
        if different:
            raise ValueError(f"{self.path}: holds another run ({'; '.join(different[:3])})")

    def check_data(self, data: str, of: str = "data") -> None:
        """Raises ValueError if the stored run was started on data with another `fingerprint`.

        Args:
            data: The fingerprint.
            of: "data" for the training files, or "files" for all listed files, usable or not.
        """
        begun = self._environment().get(of, data)  # older runs lack it
        if begun != data:
            raise ValueError(f"{self.path}: holds a run on other data ({begun}, not {data})")

    def begin(self, recipe: Recipe) -> None:
        """Writes the recipe, and removes files that a killed process left incomplete."""
        self.remove_partial()
        self._write(RECIPE, recipe.to_json())

    def remove_partial(self) -> None:
        """Removes files that a killed process left incomplete."""
        for file in self.path.glob(".*"):
            if file.name.startswith(_HALF_WRITTEN):
                file.unlink()
        for weights in self.path.glob("step-*.safetensors"):
            if not weights.with_suffix(".pt").exists():
                weights.unlink()

    def note(self, data: str, *, files: str | None = None, skipped: Sequence[Skipped] = ()) -> None:
        """Records the machine and the data of the steps to come.

        Args:
            data: Fingerprint of the training files.
            files: Fingerprint of all listed files, if the data came from files.
            skipped: The files that cannot be used.
        """
        facts = environment() | {"data": data}
        if files is not None:
            facts |= {"files": files, "skipped": {str(file.path): file.reason for file in skipped}}
        self._write(ENVIRONMENT, json.dumps(facts, indent=2))

    def skipped(self) -> tuple[Skipped, ...]:
        """The files that the stored run could not use."""
        found = self._environment().get("skipped", {})
        return tuple(Skipped(Path(name), reason) for name, reason in found.items())

    def last_step(self) -> int:
        """The step of the last checkpoint; 0 if there is none."""
        states = self._checkpoints()
        return int(states[-1].stem.removeprefix("step-")) if states else 0

    def save(self, step: int, model: nn.Module, optimizer: torch.optim.Optimizer, keep: int) -> None:
        """Writes a checkpoint, and removes all but the last `keep` ones.

        Raises:
            OSError: It cannot be written. Earlier checkpoints are untouched, and no part of this one remains.
        """
        name, state = f"step-{step:08d}", io.BytesIO()
        torch.save({"step": step, "optimizer": optimizer.state_dict()}, state)
        self._weights(f"{name}.safetensors", model)
        try:
            self._bytes(f"{name}.pt", state.getbuffer())
        except OSError:
            (self.path / f"{name}.safetensors").unlink()
            raise
        for old in self._checkpoints()[:-keep]:
            old.unlink()
            old.with_suffix(".safetensors").unlink(missing_ok=True)

    def finish(self, model: nn.Module) -> None:
        """Writes the final weights."""
        self._weights(WEIGHTS, model)

    def restore(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> int:
        """Loads the last checkpoint and returns its step; 0 if there is none.

        Raises:
            ValueError: One of its files is damaged.
        """
        states = self._checkpoints()
        if not states:
            return 0
        fill(model, states[-1].with_suffix(".safetensors"))
        with reading(states[-1], "no state of this training"):
            state = torch.load(states[-1], map_location="cpu", weights_only=True)
            optimizer.load_state_dict(state["optimizer"])
            steps = int(state["step"])
        return steps

    def cut_metrics(self, steps: int) -> None:
        """Drops the metrics of later steps, which will be repeated, and an incomplete last line."""
        kept = []
        if (self.path / METRICS).exists():
            for line in (self.path / METRICS).read_text(encoding="utf-8").splitlines():
                with suppress(ValueError, TypeError, KeyError):  # incomplete, or not written by us
                    if json.loads(line)["step"] <= steps:
                        kept.append(f"{line}\n")
        self._write(METRICS, "".join(kept), end="")

    def add_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Appends a line of metrics."""
        with writing(self.path / METRICS), open(self.path / METRICS, "a", encoding="utf-8") as file:
            file.write(json.dumps(dict(metrics)) + "\n")

    def _refuse_orphans(self, name: str) -> None:
        """Raises ValueError if the folder holds parts of a run, but not the file that identifies it."""
        for pattern in (WEIGHTS, METRICS, "step-*"):
            for file in self.path.glob(pattern):
                raise ValueError(f"{file}: of a run whose {name} is missing; choose another folder")

    def _environment(self) -> dict[str, Any]:
        file = self.path / ENVIRONMENT
        if not file.exists():
            return {}
        with reading(file, "no environment"):
            return dict(json.loads(file.read_text(encoding="utf-8")))
        return {}

    def _checkpoints(self) -> list[Path]:
        return sorted(p for p in self.path.glob("step-*.pt") if p.with_suffix(".safetensors").exists())

    def _weights(self, name: str, model: nn.Module) -> None:
        # Copies, because safetensors rejects tensors that share memory.
        layout = torch.contiguous_format
        weights = {key: value.clone(memory_format=layout) for key, value in model.state_dict().items()}
        self._bytes(name, save(weights))

    def _bytes(self, name: str, held: bytes | memoryview) -> None:
        """Writes serialized bytes; the libraries' own writers do not report a full disk as such."""
        with replacing(self.path / name, durable=True) as part:
            part.write_bytes(held)

    def _write(self, name: str, text: str, end: str = "\n") -> None:
        with replacing(self.path / name) as part:
            part.write_text(text + end, encoding="utf-8")


@contextmanager
def reading(file: Path, what: str) -> Iterator[None]:
    """Turns any error in a file's content into one line that names the file."""
    try:
        yield
    except OSError:  # already names the file
        raise
    except Exception as error:  # safetensors, pickle and torch raise many types, some with long messages
        reason = textwrap.shorten(" ".join(str(error).splitlines()[:2]), 200, placeholder=" ...")
        raise ValueError(f"{file}: {what}: {reason}") from None


def _recipe(file: Path) -> Recipe:
    with reading(file, "no recipe"):
        recipe = Recipe.from_json(file.read_text(encoding="utf-8"))
    return recipe


def fill(model: nn.Module, file: Path, prefix: str = "") -> None:
    """Loads a module's weights from the tensors of a file whose names begin with `prefix`."""
    with reading(file, "no weights of this network"):
        tensors = tensors_of(file.read_bytes())
        model.load_state_dict(
            {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
        )


def environment() -> dict[str, Any]:
    """The versions and hardware that a training runs on."""
    names = ("cvrl-lite", "torch", "numpy", "av")
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "packages": {name: importlib.metadata.version(name) for name in names},
    }


def shipped(name: str) -> Path | None:
    """The weights of a shipped network; None if there is no network of that name."""
    found = {file.stem: file for file in data_path("checkpoints").glob("*.safetensors")}
    return found.get(name)


def read_checkpoint(folder: str | os.PathLike[str]) -> tuple[VideoBackbone, Recipe]:
    """The backbone and the recipe of a finished (or interrupted) run.

    Args:
        folder: The folder of a run, or a `.safetensors` file with its recipe beside it: a `.json` of the same
            name, or else `recipe.json`.

    Returns:
        The backbone in float32 and evaluation mode, and the recipe.

    Raises:
        FileNotFoundError: A file of the checkpoint is missing.
        ValueError: A file is damaged or of another kind, or weights and recipe do not match.
    """
    path = Path(folder)
    weights = path / WEIGHTS if path.is_dir() else path
    beside, recipe_file = weights.with_suffix(".json"), weights.parent / RECIPE
    if not path.is_dir() and (beside.exists() or not recipe_file.exists()):
        recipe_file = beside
    if path.exists() and weights.suffix != ".safetensors":
        raise ValueError(f"{path}: a checkpoint is a run's folder or a .safetensors file")
    if path.is_dir() and not weights.exists() and (path / "classifier.safetensors").exists():
        raise ValueError(f"{path}: a classifier that finetune wrote, not a run; predict takes it")
    for file in (weights, recipe_file):
        if not file.exists():
            raise FileNotFoundError(f"{file}: a checkpoint needs this file")
    recipe = _recipe(recipe_file)
    with reading(recipe_file, "no network can be made of it"):
        backbone = recipe.networks.build_backbone()
    fill(backbone, weights, "backbone.")
    return backbone.eval(), recipe
