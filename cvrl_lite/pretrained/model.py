"""A trained network with all that feeds it rightly, from a file to features and answers.

Axes: N rows, D features, T frames of a clip, S side of a decoded square.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from cvrl_lite.datasets import ClipSampling
from cvrl_lite.files import data_path
from cvrl_lite.models import VideoBackbone, weights_digest
from cvrl_lite.pretrained.embed import embed_items
from cvrl_lite.pretrained.embeddings import Embeddings, check_part
from cvrl_lite.pretrained.listing import Data, ItemReader, Listing, list_items
from cvrl_lite.pretrained.shards import embed_in_shards
from cvrl_lite.train import Recipe, device
from cvrl_lite.train.checkpoint import read_checkpoint
from cvrl_lite.transforms import EvalTransform


@dataclass(frozen=True)
class Hit:
    """A file that a search found.

    Attributes:
        name: Its name in the table.
        cosine: Of the query's features and its own, -1..1.
        start: Where in the file the row begins that is meant, in seconds: a clip, if the table has a row a
            clip, else all that was read of the file.
        stop: Where it ends, in seconds.
        row: That row of the table.
    """

    name: str
    cosine: float
    start: float
    stop: float
    row: int


@dataclass(frozen=True, eq=False)
class Pretrained:
    """A backbone, and how videos become what it was trained to read.

    Attributes:
        backbone: The network.
        sampling: How many frames a clip has, and how far they are apart.
        transform: From decoded squares to what the network reads.
        recipe: What it was trained by, where that is known.

    Example:
        >>> import cvrl_lite
        >>> model = cvrl_lite.load("joint")
        >>> table = model.embed(cvrl_lite.data_path("sample.mp4"), per_clip=True, clips=4)
        >>> table.features.shape, table.parts
        ((4, 256), {'context': slice(0, 128, None), 'motion': slice(128, 256, None)})
        >>> hits = model.search(cvrl_lite.data_path("sample.mp4"), table, part="motion")
        >>> [(hit.name, hit.stop - hit.start < 0.6) for hit in hits]
        [('sample.mp4', True)]
    """

    backbone: VideoBackbone
    sampling: ClipSampling
    transform: EvalTransform
    recipe: Recipe | None = None

    @classmethod
    def from_recipe(cls, backbone: VideoBackbone, recipe: Recipe) -> Pretrained:
        """A backbone that was trained by a recipe, or that is to be fed as if it were."""
        how = recipe.augmentation
        transform = EvalTransform(recipe.decoded_size, how.size, how.mean, how.std)
        return cls(backbone, recipe.sampling, transform, recipe)

    def to(self, device: torch.device | str) -> Pretrained:
        """Moves the network to a device; the object itself, for chaining."""
        self.backbone.to(device)
        return self

    def embed(
        self,
        data: Data,
        *,
        part: str | None = None,
        per_clip: bool = False,
        clips: int = 3,
        workers: int = 0,
        resume: str | os.PathLike[str] | None = None,
    ) -> Embeddings:
        """The features of videos.

        Of files nothing but the clips is decoded and nothing is kept, so that sets of any size can be
        embedded.

        Args:
            data: A file, a folder (its sub-folders' names are the classes), a data set on disk or in memory,
                or clips (N, T, S, S, 3) uint8.
            part: "context" (what stays), "motion" (what moves), or None for both.
            per_clip: Whether each clip has a row; else a file's row is the mean over its clips.
            clips: Clips of a file, spread evenly over it.
            workers: Processes that read files beside the network; 0 reads in this one.
            resume: A folder for the tables of every 256 files as they are made. A call that was stopped goes
                on from them; those of another network, other clips or changed files are made again.

        Returns:
            The table; files that cannot be used are in its `skipped`.

        Raises:
            OSError: A path leads nowhere, or to a folder without videos; or the system allows too few open
                files for so many workers.
            ValueError: The network has no such part, no file can be used, or an array has another shape.
            ChildProcessError: A worker was killed.
        """
        if part is not None:
            check_part(part, self.backbone.parts, "this network's features")
        if clips < 1:
            raise ValueError(f"clips is 1 or more, got {clips}")
        listing = list_items(data)
        self.backbone.eval()

        def embed(some: Listing) -> Embeddings:
            reader = ItemReader(some.items, self.sampling, self.transform.decoded_size, clips)
            return embed_items(
                self.backbone, self.transform, some, reader, per_clip=per_clip, workers=workers
            )

        if resume is None:
            table = embed(listing)
        else:
            how = (self._fingerprint(), clips, per_clip)
            table = embed_in_shards(embed, listing, Path(resume), how)
        if not len(table):
            reason = "; the first: {}: {}".format(*table.skipped[0]) if table.skipped else ""
            raise ValueError(f"nothing can be embedded{reason}")
        return replace(table, network=self._fingerprint()).part(part)

    def _fingerprint(self) -> str:
        """What decides a clip's features: the weights, and what is fed to them."""
        fed = repr((self.sampling, self.transform))
        return hashlib.sha256(f"{fed} {weights_digest(self.backbone)}".encode()).hexdigest()

    def search(
        self, query: Data | Embeddings, table: Embeddings, *, part: str | None = None, k: int = 5
    ) -> list[Hit]:
        """The files of a table that are most alike to a video.

        Args:
            query: One file, one clip in memory, or its table.
            table: What `embed` made of the files to search.
            part: By which part they are to be alike: "context" finds the same scene, "motion" the same
                action; None: by both, or by the one that the table holds.
            k: How many, at most; of a file's clips the nearest one counts.

        Returns:
            Nearest first; of equally near ones the first of the table.

        Raises:
            ValueError: The query is not one file, or has no such part; the table is of another network, or
                empty; or k is below 1.
        """
        if k < 1:
            raise ValueError(f"k is 1 or more, got {k}")
        if part is None and len(table.parts) == 1:
            (part,) = table.parts
        asked = (query if isinstance(query, Embeddings) else self.embed(query)).by_file().part(part)
        gallery = table.part(part)
        if len(asked) != 1:
            raise ValueError(f"a search takes one video, not {len(asked)}")
        if table.network not in ("", self._fingerprint()):
            raise ValueError("the table is of another network; embed its files with the one that searches")
        if asked.features.shape[1] != gallery.features.shape[1]:
            raise ValueError(
                f"the table is of another network: its rows have {gallery.features.shape[1]} numbers, "
                f"the query's {asked.features.shape[1]}"
            )
        vector = asked.features[0] / np.linalg.norm(asked.features[0])
        cosines = gallery.features @ vector / np.maximum(np.linalg.norm(gallery.features, axis=1), 1e-12)
        order = np.argsort(-cosines, kind="stable")
        _, first = np.unique(gallery.file[order], return_index=True)
        return [
            Hit(
                str(table.names[row]),
                float(cosines[row]),
                float(table.start[row]),
                float(table.stop[row]),
                int(row),
            )
            for row in order[np.sort(first)[:k]]
        ]


def load(name: str | os.PathLike[str]) -> Pretrained:
    """A trained network, ready for use, on this process's device.

    Args:
        name: One that comes with the package ("context", "motion", "joint" or "three", see
            docs/model_cards.md), the folder of a run, finished or not, or a `.safetensors` file with its
            recipe beside it: `recipe.json`, or a `.json` of the same name, which comes first. A folder of
            your own that is called like a shipped network is "./joint".

    Returns:
        The network in float32 and evaluation mode.

    Raises:
        FileNotFoundError: There is no such network, or a file of it is missing.
        ValueError: A file is damaged, is of another kind, or does not fit the other.

    Example:
        >>> model = load("joint")
        >>> model.sampling.frames, model.transform.size, tuple(model.recipe.tasks)
        (8, 64, ('context', 'motion'))
    """
    shipped = {file.stem: file for file in sorted(data_path("checkpoints").glob("*.safetensors"))}
    path = shipped.get(name, Path(name)) if isinstance(name, str) else Path(name)
    if not path.exists():
        raise FileNotFoundError(
            f"{name}: not a run's folder, not a file, and not a shipped network ({', '.join(shipped)})"
        )
    backbone, recipe = read_checkpoint(path)
    return Pretrained.from_recipe(backbone, recipe).to(device())
