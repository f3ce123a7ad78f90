"""A large set embedded piece by piece, each kept as soon as it is made, so that a stopped call goes on."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from cvrl_lite.pretrained.embeddings import Embeddings, joined
from cvrl_lite.pretrained.listing import Listing

_ITEMS = 256  # a shard


def embed_in_shards(
    embed: Callable[[Listing], Embeddings], listing: Listing, folder: Path, how: tuple[object, ...]
) -> Embeddings:
    """The table of a list of items, made of shards that stay in a folder.

    Args:
        embed: Makes the table of some items.
        listing: All items.
        folder: Where shards are kept; it is made if it is missing.
        how: What else decides their content: a shard made in another way is made again.

    Raises:
        OSError: A shard cannot be written; those before it stay.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tables: list[Embeddings] = []
    for number, start in enumerate(range(0, len(listing.items), _ITEMS)):
        skipped = listing.skipped if start == 0 else ()
        some = replace(listing, items=listing.items[start : start + _ITEMS], skipped=skipped)
        path = folder / f"shard-{number:06d}-{_key(some, how)}.npz"
        table = _kept(path)
        if table is None:
            table = embed(some)
            table.save(path)
        tables.append(table)
    return joined(tables) if tables else embed(listing)


def _kept(path: Path) -> Embeddings | None:
    try:
        return Embeddings.load(path)
    except (FileNotFoundError, ValueError):  # not there yet, or damaged
        return None


def _key(some: Listing, how: tuple[object, ...]) -> str:
    """The same for the same items made in the same way: files count by path, size and time of change."""
    facts: list[object] = [*how, list(some.classes.items())]
    for item in some.items:
        facts.append((item.name, item.source, list(item.labels.items())))
        if isinstance(item.content, Path):
            try:
                state = os.stat(item.content)
                facts.append((str(item.content.absolute()), state.st_size, state.st_mtime_ns))
            except OSError:  # embedding says what is wrong with it
                facts.append(str(item.content))
        else:
            content = item.content if not hasattr(item.content, "frames") else item.content.frames
            facts.append(hashlib.sha256(content.tobytes()).hexdigest())
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
