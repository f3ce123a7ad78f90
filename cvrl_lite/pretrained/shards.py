"""Embeds a large set in shards, by one process or many; each shard is saved as soon as it is done."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import torch.distributed as dist

from cvrl_lite.pretext import processes
from cvrl_lite.pretrained.embeddings import Embeddings, joined
from cvrl_lite.pretrained.listing import Listing
from cvrl_lite.processes import begin_worker, spread
from cvrl_lite.progress import track
from cvrl_lite.train.distributed import distributed

_ITEMS = 128  # a shard

Embed = Callable[[Listing], Embeddings]


@dataclass(frozen=True)
class Shard:
    """Some of the items, and the file of their table; None if it is not saved."""

    listing: Listing
    path: Path | None


@dataclass(frozen=True)
class Spread:
    """The processes that compute shards.

    Attributes:
        backend: joblib's, see `cvrl_lite.processes.spread`; None: in this process.
        workers: Processes of the backend.
        scheduler: Address of a dask cluster.
    """

    backend: str | None = None
    workers: int = 1
    scheduler: str | None = None


def embed_in_shards(
    embed: Embed, listing: Listing, folder: Path | None, how: tuple[object, ...], where: Spread
) -> Embeddings:
    """The table of a list of items, computed in shards.

    If torchrun started several processes and there is a folder, the shards are divided among them.

    Args:
        embed: Makes the table of some items. It is pickled if there is a backend.
        listing: All items.
        folder: The folder of saved shards, created if missing; None does not save them.
        how: Everything else that determines their content; shards with another value are recomputed.
        where: The processes that compute them.

    Returns:
        The whole table, in each process.

    Raises:
        OSError: A shard cannot be written; earlier ones are kept.
        ConnectionError: Another process of torchrun ended.
    """
    shards = _shards(listing, folder, how)
    if folder is None:
        return _joined(_made(embed, shards, where), embed, listing)
    folder.mkdir(parents=True, exist_ok=True)
    with distributed():
        rank, world = processes()
        tables = _made(embed, shards[rank::world], where)
        if world > 1:
            dist.barrier()  # all shards are there
            tables = [_table(embed, shard) for shard in shards]
            dist.barrier()  # and read, so that the caller may remove them
    return _joined(tables, embed, listing)


def _shards(listing: Listing, folder: Path | None, how: tuple[object, ...]) -> list[Shard]:
    """The shards of a list, with absolute paths, because other processes may have other working folders."""
    shards = []
    for number, start in enumerate(range(0, len(listing.items), _ITEMS)):
        items = tuple(
            replace(item, content=item.content.absolute()) if isinstance(item.content, Path) else item
            for item in listing.items[start : start + _ITEMS]
        )
        some = replace(listing, items=items, skipped=listing.skipped if start == 0 else ())
        path = folder and folder.absolute() / f"shard-{number:06d}-{_key(some, how)}.npz"
        shards.append(Shard(some, path))
    return shards


def _made(embed: Embed, shards: list[Shard], where: Spread) -> list[Embeddings]:
    if where.backend is None:
        return [_table(embed, shard) for shard in shards]
    calls = [(embed, shard, os.getpid()) for shard in shards]
    with spread(
        _made_by_worker, calls, backend=where.backend, workers=where.workers, scheduler=where.scheduler
    ) as tables:
        return [
            _table(embed, shard) if table is None else table
            for shard, table in zip(shards, track(tables, "embedding", len(shards)), strict=True)
        ]


def _joined(tables: list[Embeddings], embed: Embed, listing: Listing) -> Embeddings:
    return joined(tables) if tables else embed(listing)


def _made_by_worker(embed: Embed, shard: Shard, starter: int) -> Embeddings | None:
    """The table of a shard; None if it was saved to its file."""
    if os.getppid() == starter:  # a process of joblib's own; a cluster's end with the cluster
        _begin()
    table = _table(embed, shard)
    return table if shard.path is None else None


@cache
def _begin() -> None:
    """Initializes a worker, once."""
    begin_worker()


def _table(embed: Embed, shard: Shard) -> Embeddings:
    """Reads a shard's table, or computes and saves it."""
    if shard.path is None:
        return embed(shard.listing)
    try:
        return Embeddings.load(shard.path)
    except (FileNotFoundError, ValueError):  # not there yet, or damaged
        table = embed(shard.listing)
        table.save(shard.path)
        return table


def _key(some: Listing, how: tuple[object, ...]) -> str:
    """A key of a shard's items and settings; files are identified by path, size and modification time."""
    facts: list[object] = [*how, list(some.classes.items())]
    for item in some.items:
        facts.append((item.name, item.source, list(item.labels.items())))
        if isinstance(item.content, Path):
            try:
                state = os.stat(item.content)
                facts.append((str(item.content), state.st_size, state.st_mtime_ns))
            except OSError:  # embedding will report the fault
                facts.append(str(item.content))
        else:
            content = item.content if not hasattr(item.content, "frames") else item.content.frames
            facts.append(hashlib.sha256(content.tobytes()).hexdigest())
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
