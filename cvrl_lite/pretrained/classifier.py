"""A finetuned classifier on disk: weights in safetensors, class names and settings in JSON.

Axes: N files, K classes.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.torch import save

from cvrl_lite.datasets import ClipSampling
from cvrl_lite.files import replacing
from cvrl_lite.pretrained.embed import read_batches
from cvrl_lite.pretrained.listing import Data, ItemReader, list_items
from cvrl_lite.train.checkpoint import fill, reading
from cvrl_lite.train.config import Finetuning, Optimization, Recipe
from cvrl_lite.train.finetune import Classifier, clip_probabilities
from cvrl_lite.transforms import Augmentation

WEIGHTS, SETTINGS = "classifier.safetensors", "classifier.json"


@dataclass(frozen=True)
class Predictions:
    """The predictions of a classifier.

    Attributes:
        names: N file names, relative to the folder.
        rows: (N,) int64, the position of each file in the input.
        probabilities: (N, K) float32; rows sum to 1.
        classes: K names.
        skipped: Name and reason of each file that cannot be used.

    Example:
        >>> classes, probabilities = ("calm", "wild"), np.array([[0.2, 0.8]], np.float32)
        >>> found = Predictions(("a.mp4",), np.array([0]), probabilities, classes, skipped=())
        >>> dict(zip(found.names, found.labels))
        {'a.mp4': 'wild'}
    """

    names: tuple[str, ...]
    rows: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    classes: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """The most probable class of each file."""
        return tuple(self.classes[number] for number in self.probabilities.argmax(1))


@dataclass(frozen=True)
class VideoClassifier:
    """A finetuned network with its class names and preprocessing.

    Attributes:
        network: As `finetune` returns it.
        label: Name of the label that is predicted, such as "class".
        classes: K names, in the order of the network's outputs.
        recipe: Recipe of the backbone.
        finetuning: Settings of the finetuning, including clips and views.

    Raises:
        ValueError: The network has another number of classes.

    Example:
        >>> recipe, classes = Recipe(), ("calm", "wild")
        >>> network = Classifier(recipe.networks.build_backbone(), len(classes))  # or from `finetune`
        >>> classifier = VideoClassifier(network, "mood", classes, recipe, Finetuning())
        >>> classifier.label, classifier.classes
        ('mood', ('calm', 'wild'))
    """

    network: Classifier
    label: str
    classes: tuple[str, ...]
    recipe: Recipe
    finetuning: Finetuning

    def __post_init__(self) -> None:
        outputs = self.network.head[-1].out_features
        if outputs != len(self.classes):
            raise ValueError(f"a network of {outputs} classes cannot have {len(self.classes)} names")

    def predict(self, videos: Data, *, workers: int = 0) -> Predictions:
        """Class probabilities of whole files: the mean over clips spread over each.

        Args:
            videos: A file, a folder, a data set, on disk or in memory; it needs no labels.
            workers: Processes that read; 0 reads in this one.

        Returns:
            The predictions; files that cannot be used are in their `skipped`.

        Raises:
            OSError: A path leads nowhere, or to a folder without videos.
            ValueError: No file can be used.
            ChildProcessError: A worker was killed.

        Example:
            >>> from cvrl_lite import data_path
            >>> recipe = Recipe()
            >>> network = Classifier(recipe.networks.build_backbone(), 2)
            >>> classifier = VideoClassifier(network, "mood", ("calm", "wild"), recipe, Finetuning())
            >>> found = classifier.predict(data_path("sample.mp4"))
            >>> found.names, found.probabilities.shape, found.labels[0] in classifier.classes
            (('sample.mp4',), (1, 2), True)
        """
        how, listing = self.finetuning, list_items(videos)
        reader = ItemReader(listing.items, how.sampling, how.decoded_size, how.test_clips)
        skipped = list(listing.skipped)
        numbers: list[int] = []
        rows: list[NDArray[np.float32]] = []
        for batch in read_batches(listing.items, reader, workers, skipped):
            for number, clips in batch:
                numbers.append(number)
                rows.append(clip_probabilities(self.network, clips.frames, how))
        if not rows:
            raise ValueError(f"no file can be used; the first: {skipped[0][0]}: {skipped[0][1]}")
        names = tuple(listing.items[number].name for number in numbers)
        return Predictions(names, np.array(numbers), np.stack(rows), self.classes, tuple(skipped))

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Writes `classifier.safetensors` and `classifier.json` into a folder, made if it is missing.

        Raises:
            OSError: A file cannot be written.
        """
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        weights = {name: value.contiguous() for name, value in self.network.state_dict().items()}
        settings = {
            "label": self.label,
            "classes": self.classes,
            "finetuning": asdict(self.finetuning),
            "recipe": json.loads(self.recipe.to_json()),
        }
        with replacing(path / WEIGHTS, durable=True) as part:
            part.write_bytes(save(weights))
        with replacing(path / SETTINGS) as part:
            part.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> VideoClassifier:
        """Reads what `save` wrote.

        Args:
            path: The folder.

        Returns:
            The classifier in evaluation mode, on the CPU.

        Raises:
            FileNotFoundError: A file is missing.
            ValueError: A file is damaged or of another kind, or the files do not match.
        """
        if not Path(path).is_dir():
            raise FileNotFoundError(f"{path}: no classifier's folder; `finetune` writes one from a network")
        weights, file = Path(path) / WEIGHTS, Path(path) / SETTINGS
        for needed in (weights, file):
            if not needed.exists():
                raise FileNotFoundError(f"{needed}: a classifier needs this file; `finetune` writes it")
        with reading(file, "no classifier's settings"):
            settings = json.loads(file.read_text(encoding="utf-8"))
            recipe = Recipe.from_json(json.dumps(settings["recipe"]))
            how = _finetuning(settings["finetuning"])
            classes = tuple(str(name) for name in settings["classes"])
            network = Classifier(recipe.networks.build_backbone(), len(classes), how.dropout)
            made = cls(network, str(settings["label"]), classes, recipe, how)
        fill(network, weights)
        network.eval()
        return made


def _finetuning(values: dict[str, Any]) -> Finetuning:
    parts = {"optimization": Optimization, "sampling": ClipSampling, "augmentation": Augmentation}
    return Finetuning(**values | {name: kind(**values[name]) for name, kind in parts.items()})
