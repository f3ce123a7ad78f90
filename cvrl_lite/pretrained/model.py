"""A trained network with its preprocessing: from files to features and search results.

Axes: N rows, D features, T frames of a clip, S side of a decoded square.
"""

from __future__ import annotations

import copy
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from cvrl_lite.datasets import ClipSampling
from cvrl_lite.files import data_path
from cvrl_lite.models import VideoBackbone, weights_digest
from cvrl_lite.pretrained.embed import embed_items
from cvrl_lite.pretrained.embeddings import Embeddings, check_part
from cvrl_lite.pretrained.listing import Data, ItemReader, Listing, list_items
from cvrl_lite.pretrained.shards import Spread, embed_in_shards
from cvrl_lite.train import Recipe, device
from cvrl_lite.train.checkpoint import read_checkpoint
from cvrl_lite.transforms import EvalTransform


@dataclass(frozen=True)
class Hit:
    """A file that a search found.

    Attributes:
        name: Its name in the table.
        cosine: Cosine similarity to the query, -1..1.
        start: Start of the best matching row in the file, in seconds. In a table with one row per clip this
            is the clip, else everything that was read of the file.
        stop: End of that row in the file, in seconds.
        row: Index of that row in the table.

    Example:
        >>> from cvrl_lite import data_path
        >>> model = load("joint")
        >>> table = model.embed(data_path("sample.mp4"))
        >>> (hit,) = model.search(data_path("sample.mp4"), table, include_query=True)
        >>> hit.name, round(hit.cosine, 3), hit.row
        ('sample.mp4', 1.0, 0)
    """

    name: str
    cosine: float
    start: float
    stop: float
    row: int


@dataclass(frozen=True, eq=False, repr=False)
class Pretrained:
    """A backbone with the preprocessing that it was trained with.

    Attributes:
        backbone: The network.
        sampling: Frames and stride of a clip.
        transform: From decoded squares to the network's input.
        recipe: The recipe it was trained with, if known.

    Example:
        >>> import cvrl_lite
        >>> model = cvrl_lite.load("joint")
        >>> table = model.embed(cvrl_lite.data_path("sample.mp4"), per_clip=True, clips=4)
        >>> table.features.shape, table.parts
        ((4, 256), {'context': slice(0, 128, None), 'motion': slice(128, 256, None)})
        >>> hits = model.search(cvrl_lite.data_path("sample.mp4"), table, part="motion", include_query=True)
        >>> [(hit.name, hit.stop - hit.start < 0.6) for hit in hits]
        [('sample.mp4', True)]
    """

    backbone: VideoBackbone
    sampling: ClipSampling
    transform: EvalTransform
    recipe: Recipe | None = None

    def __repr__(self) -> str:
        """A one-line summary of the network and its input.

        Example:
            >>> load("joint")
            Pretrained(TinyR2Plus1D, 256 features: context 128, motion 128; clips of 8 frames, 64 x 64)
        """
        widths = ", ".join(f"{name} {part.stop - part.start}" for name, part in self.backbone.parts.items())
        size = self.transform.size
        return (
            f"Pretrained({type(self.backbone).__name__}, {self.backbone.width} features"
            f"{widths and f': {widths}'}; clips of {self.sampling.frames} frames, {size} x {size})"
        )

    @classmethod
    def from_recipe(cls, backbone: VideoBackbone, recipe: Recipe) -> Pretrained:
        """A backbone with the preprocessing of a recipe."""
        how = recipe.augmentation
        transform = EvalTransform(recipe.decoded_size, how.size, how.mean, how.std)
        return cls(backbone, recipe.sampling, transform, recipe)

    def to(self, device: torch.device | str) -> Pretrained:
        """Moves the network to a device; returns the object itself for chaining."""
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
        backend: str | None = None,
        scheduler: str | None = None,
    ) -> Embeddings:
        """The features of videos.

        Only the clips are decoded, and they are not kept in memory, so sets of any size can be embedded.

        Args:
            data: A file, a folder (its sub-folders' names are the classes), a data set on disk or in memory,
                or clips (N, T, S, S, 3) uint8.
            part: "context" (what stays), "motion" (what moves), or None for both.
            per_clip: Whether each clip has a row; otherwise a file has one, the mean over its clips.
            clips: Clips of a file, spread evenly over it.
            workers: Processes that read files in parallel with the network; 0 reads in this one. With a
                backend, the number of its processes, each of which reads and runs a copy of the network.
            resume: A folder for partial tables of 128 files each. A call that was interrupted continues from
                them; partial tables of another network, other clips or changed files are recomputed.
                Processes started by torchrun, for example one per GPU, divide the partial tables among
                themselves, and each returns the whole table.
            backend: A joblib backend that does the work, such as "loky", "dask" or "ray"; None works here.
            scheduler: Address of a running dask cluster, whose workers see the same files.

        Returns:
            The table; files that cannot be used are in its `skipped`.

        Raises:
            OSError: A path leads nowhere, or to a folder without videos; or the system allows too few open
                files for so many workers.
            ValueError: The part or the backend does not exist, no file can be used, or an array has another
                shape.
            ModuleNotFoundError: A package that the backend needs is not installed.
            ChildProcessError: A worker was killed.
        """
        if part is not None:
            check_part(part, self.backbone.parts, "this network's features")
        if scheduler and backend != "dask":
            raise ValueError("a scheduler belongs to the backend dask")
        listing = list_items(data)
        model, reading = self, workers
        if backend is not None:  # each worker reads for its own copy of the network
            model, reading = replace(self, backbone=copy.deepcopy(self.backbone).cpu()), 0
        embed = partial(
            _embed_one, model, clips=clips, per_clip=per_clip, workers=reading, move=backend is not None
        )
        if backend is None and resume is None:
            table = embed(listing)
        else:
            kept = (self.fingerprint(), clips, per_clip)
            where = Spread(backend, max(1, workers), scheduler)
            table = embed_in_shards(embed, listing, Path(resume) if resume else None, kept, where)
        return _checked(table, self).part(part)

    def fingerprint(self) -> str:
        """A digest of everything that determines a clip's features: weights and preprocessing."""
        fed = repr((self.sampling, self.transform))
        return hashlib.sha256(f"{fed} {weights_digest(self.backbone)}".encode()).hexdigest()

    def search(
        self,
        query: Data | Embeddings,
        table: Embeddings | str | os.PathLike[str],
        *,
        part: str | None = None,
        k: int = 5,
        include_query: bool = False,
    ) -> list[Hit]:
        """Finds the files of a table that are most similar to a video.

        Args:
            query: One file, one clip in memory, or its table.
            table: The table of the files to search, from `embed`, or the path of a saved one.
            part: The part to compare: "context" finds the same scene, "motion" the same action. None compares
                both, or the one that the table holds.
            k: Largest number of files; each counts by its nearest clip.
            include_query: Whether the query's own file may be found, if it is in the table.

        Returns:
            The hits, nearest first; ties are in the order of the table.

        Raises:
            ValueError: The query is not one file, or has no such part; the table is of another network, or
                empty; or k is below 1.
            OSError: A table's file cannot be read.
        """
        if k < 1:
            raise ValueError(f"k is 1 or more, got {k}")
        if not isinstance(table, Embeddings):
            table = Embeddings.load(table)
        if part is None and len(table.parts) == 1:
            (part,) = table.parts
        question = (query if isinstance(query, Embeddings) else self.embed(query)).by_file()
        if len(question) != 1:
            raise ValueError(f"a search takes one video, not {len(question)}")
        gallery, features = table.part(part), question.part(part).features[0]
        if table.network not in ("", self.fingerprint()):
            raise ValueError("the table is of another network; embed its files with the one that searches")
        if len(features) != gallery.features.shape[1]:
            raise ValueError(
                f"the table is of another network: its rows have {gallery.features.shape[1]} numbers, "
                f"the query's {len(features)}"
            )
        cosines = gallery.features @ (features / np.linalg.norm(features))
        cosines /= np.maximum(np.linalg.norm(gallery.features, axis=1), 1e-12)
        rows = np.argsort(-cosines, kind="stable")
        if question.folder and not include_query:
            rows = rows[~table.rows_of(os.path.join(question.folder, str(question.names[0])))[rows]]
        _, first = np.unique(gallery.file[rows], return_index=True)
        return [
            Hit(
                str(table.names[row]),
                float(cosines[row]),
                float(table.start[row]),
                float(table.stop[row]),
                int(row),
            )
            for row in rows[np.sort(first)[:k]]
        ]


def embed_with_each(
    models: Sequence[Pretrained], data: Data, *, per_clip: bool = False, clips: int = 3, workers: int = 0
) -> list[Embeddings]:
    """Embeds videos with several networks, reading each file once.

    Args:
        models: The networks, which must have the same sampling and decoded size.
        data: As in `Pretrained.embed`, like the parameters below.
        per_clip: Whether each clip has a row.
        clips: Clips of a file.
        workers: Processes that read.

    Returns:
        A table of each network.

    Raises:
        ValueError: The networks read different clips, or no file can be used.
        OSError: As in `Pretrained.embed`.
        ChildProcessError: A worker was killed.

    Example:
        >>> from cvrl_lite import data_path
        >>> models = [load("context"), load("motion")]
        >>> [len(table) for table in embed_with_each(models, data_path("sample.mp4"), clips=1)]
        [1, 1]
    """
    if len({(model.sampling, model.transform.decoded_size) for model in models}) != 1:
        raise ValueError("networks that read different clips cannot share one reading of the files")
    tables = _embed(models, list_items(data), clips=clips, per_clip=per_clip, workers=workers)
    return [_checked(table, model) for table, model in zip(tables, models, strict=True)]


def _embed(
    models: Sequence[Pretrained], listing: Listing, *, clips: int, per_clip: bool, workers: int
) -> list[Embeddings]:
    if clips < 1:
        raise ValueError(f"clips is 1 or more, got {clips}")
    reader = ItemReader(listing.items, models[0].sampling, models[0].transform.decoded_size, clips)
    networks = [(model.backbone.eval(), model.transform) for model in models]
    return embed_items(networks, listing, reader, per_clip=per_clip, workers=workers)


def _embed_one(
    model: Pretrained, listing: Listing, *, clips: int, per_clip: bool, workers: int, move: bool = False
) -> Embeddings:
    """The table of one network; in a joblib process, the network is moved to the device first."""
    if move:
        model.to(device())
    return _embed([model], listing, clips=clips, per_clip=per_clip, workers=workers)[0]


def _checked(table: Embeddings, model: Pretrained) -> Embeddings:
    """The table with the digest of its network, unless it is empty."""
    if not len(table):
        reason = "; the first: {}: {}".format(*table.skipped[0]) if table.skipped else ""
        raise ValueError(f"nothing can be embedded{reason}")
    return replace(table, network=model.fingerprint())


def load(name: str | os.PathLike[str]) -> Pretrained:
    """A trained network, ready for use, on this process's device.

    Args:
        name: A shipped network ("context", "motion", "joint", "three" or "ucf11_joint", see
            docs/model_cards.md), the folder of a run, finished or not, or a `.safetensors` file with its
            recipe beside it: a `.json` of the same name, or else `recipe.json`. Write "./joint" for a folder
            of that name.

    Returns:
        The network in float32 and evaluation mode.

    Raises:
        FileNotFoundError: The network does not exist, or one of its files is missing.
        ValueError: A file is damaged or of another kind, or weights and recipe do not match.

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
