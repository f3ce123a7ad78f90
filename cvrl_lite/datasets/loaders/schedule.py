"""Which video gives a sample when: the order of all batches, from a seed alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from cvrl_lite.datasets.base import Entry
from cvrl_lite.datasets.scan import Skipped


class Job(NamedTuple):
    """A video's turn: in which round, which one (its number), and which of its copies."""

    round: int
    number: int
    copy: int

    def seed(self, seed: int) -> tuple[int, ...]:
        """What every choice about this sample is drawn from."""
        return (seed, self.round, self.number, *([self.copy] if self.copy else []))


def schedule(usable: Sequence[int], seed: int, copies: int, first: int, count: int) -> list[Job]:
    """The jobs `first` to `first + count` of an endless series: each video once a round, in random order.

    It depends on nothing but the seed, so that a training may go on anywhere, and any number of
    processes may share it.

    Args:
        usable: The numbers of the videos.
        seed: Of the order.
        copies: Samples of a video in a row.
        first: Where to begin.
        count: How many.
    """
    jobs: list[Job] = []
    order, order_of = np.zeros(0, np.int64), -1
    for place in range(first, first + count):
        turn, copy = divmod(place, copies)
        round_, at = divmod(turn, len(usable))
        if round_ != order_of:
            order, order_of = np.random.default_rng((seed, round_)).permutation(usable), round_
        jobs.append(Job(round_, int(order[at]), copy))
    return jobs


def check_usable(usable: Sequence[int], skipped: Sequence[Skipped]) -> None:
    """Raises ValueError if no video is usable."""
    if not usable:
        reasons = "; ".join(f"{s.path.name}: {s.reason}" for s in skipped[:3])
        raise ValueError(f"no video is usable ({reasons})")


def batch_labels(entries: Sequence[Entry]) -> dict[str, Tensor]:
    """The labels of a batch's files, by name (B,) int64; those that all of them have."""
    return {
        name: torch.tensor([entry.labels[name] for entry in entries])
        for name in entries[0].labels
        if all(name in entry.labels for entry in entries)
    }
