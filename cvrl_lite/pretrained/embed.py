"""Embeds videos: clips are read, optionally by workers, and run through the networks.

Axes: N rows, D features, C clips of an item.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader

from cvrl_lite.models import VideoBackbone
from cvrl_lite.pretrained.embeddings import Embeddings
from cvrl_lite.pretrained.listing import Clips, Item, ItemReader, Listing
from cvrl_lite.processes import begin_worker, check_handles, report_killed_workers
from cvrl_lite.progress import track

_ITEMS = 32  # run through the network at a time


def embed_items(
    networks: Sequence[tuple[VideoBackbone, Callable[[Tensor], Tensor]]],
    listing: Listing,
    reader: ItemReader,
    *,
    per_clip: bool,
    workers: int,
) -> list[Embeddings]:
    """The tables of a list of items, one for each network; they are empty if no item can be used.

    Args:
        networks: Backbones in evaluation mode, from (B, 3, T, H, W) to (B, D), each with the transform from
            (B, T, S, S, 3) uint8 to what it takes.
        listing: The items.
        reader: Reads the items, once for all networks.
        per_clip: Whether each clip has a row; otherwise an item has one, the mean over its clips.
        workers: Processes that read; 0 reads in this one.

    Raises:
        ChildProcessError: A worker was killed.
        OSError: The system allows too few open files for so many workers.
    """
    nothing = np.zeros(0)
    rows = [[np.zeros((0, backbone.width), np.float32)] for backbone, _ in networks]
    places: list[Clips] = [Clips(np.zeros(0, np.uint8), nothing, nothing)]
    numbers: list[int] = []
    skipped = list(listing.skipped)
    with report_killed_workers():
        for batch in read_batches(listing.items, reader, workers, skipped):
            counts = [len(item.frames) for _, item in batch]
            clips = np.concatenate([item.frames for _, item in batch])
            for (backbone, transform), found in zip(networks, rows, strict=True):
                features = np.split(_run(backbone, transform, clips), np.cumsum(counts)[:-1])
                found += features if per_clip else [item.mean(0, keepdims=True) for item in features]
            for number, item in batch:
                places.append(item if per_clip else _whole(item))
                numbers += [number] * len(places[-1].start)
    items = [listing.items[number] for number in numbers]
    columns = (
        np.array([item.name for item in items], np.str_),
        np.array([item.source for item in items], np.str_),
        np.concatenate([clips.start for clips in places]),
        np.concatenate([clips.stop for clips in places]),
        np.array(numbers, np.int64),
        {label: np.array([item.labels[label] for item in items], np.int64) for label in listing.classes},
        listing.classes,
        tuple(skipped),
    )
    return [
        Embeddings(np.concatenate(found), *columns, parts=backbone.parts, folder=listing.folder)
        for (backbone, _), found in zip(networks, rows, strict=True)
    ]


def read_batches(
    items: Sequence[Item], reader: ItemReader, workers: int, skipped: list[tuple[str, str]]
) -> Iterator[list[tuple[int, Clips]]]:
    """Batches of readable items with their numbers; the other items are added to `skipped`."""
    check_handles(workers)
    loader: DataLoader[Any] = DataLoader(
        reader, batch_size=None, num_workers=workers, collate_fn=_as_it_is, worker_init_fn=begin_worker
    )
    batch: list[tuple[int, Clips]] = []
    for number, clips in enumerate(track(loader, "embedding", len(items))):
        if isinstance(clips, str):
            skipped.append((items[number].name, clips))
        else:
            batch.append((number, clips))
        if len(batch) == _ITEMS:
            yield batch
            batch = []
    if batch:
        yield batch


def _as_it_is(item: Any) -> Any:
    """Leaves arrays as they are: a tensor sent by a worker needs a file handle on both sides."""
    return item


def _whole(clips: Clips) -> Clips:
    """The span of all clips."""
    return Clips(clips.frames, clips.start.min(keepdims=True), clips.stop.max(keepdims=True))


@torch.no_grad()
def _run(
    backbone: VideoBackbone, transform: Callable[[Tensor], Tensor], clips: NDArray[np.uint8]
) -> NDArray[np.float32]:
    device = next(backbone.parameters()).device
    found: Tensor = backbone(transform(torch.from_numpy(clips).to(device)))
    return found.float().cpu().numpy()
