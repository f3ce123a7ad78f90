"""One opening of a video compared with a straight decode, difference by difference."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from straight import Straight, digest

from cvrl_lite import CompressedVideo, VideoError


class Comparison:
    """One opening of a file against the truth.

    Args:
        told: Takes the differences.
        truth: The straight decode.
        where: Which opening it is.
    """

    def __init__(self, told: list[str], truth: Straight, where: str) -> None:
        self._told, self.truth, self.where = told, truth, where
        self._kinds: dict[str, list[str]] = {}

    def tell(self, kind: str, words: str) -> None:
        """Notes a difference."""
        self._kinds.setdefault(kind, []).append(words)

    @property
    def kinds(self) -> set[str]:
        """The kinds of differences noted."""
        return set(self._kinds)

    def finish(self) -> None:
        """Hands the differences on, the first one of each kind."""
        for words in self._kinds.values():
            more = f" (and {len(words) - 1} more such)" if len(words) > 1 else ""
            self._told.append(f"{self.where}: {words[0]}{more}")

    def equal(self, what: str, found: object, expected: object, kind: str = "") -> None:
        """Compares two plain values."""
        if found != expected:
            self.tell(kind or what, f"{what}: {_short(found)}, the straight decode has {_short(expected)}")

    def read(self, door: str, call: Callable[[], object]) -> object:
        """What a call gives; None, and a difference, where it refuses."""
        try:
            return call()
        except VideoError as error:
            self.tell("refusals", f"{door} refused: {error.reason}")
        return None

    def images(self, door: str, found: np.ndarray | None, wanted: list[int]) -> None:
        """Compares pixels with those of some frames of the straight decode."""
        if found is None:
            return
        self.equal(f"frames of {door}", len(found), len(wanted), "lengths")
        for place, image in zip(wanted, found):
            name = digest(image)
            if place >= len(self.truth.images):
                self.tell("pixels", f"{door}: frame {place} was never delivered")
            elif name != self.truth.images[place]:
                same = [i for i, other in enumerate(self.truth.images) if other == name]
                whose = (
                    f"are those of frame {min(same, key=lambda i: abs(i - place))}" if same else "are none's"
                )
                self.tell("pixels", f"{door}: the pixels of frame {place} {whose}")

    def motion(self, door: str, video: CompressedVideo, start: int, stop: int, direction: str) -> None:
        """Compares vectors, mask and types."""
        found = self.read(door, lambda: video.motion(start, stop, direction))
        if found is None or stop == start:
            return
        self.equal(f"{door}: types", "".join(found.picture_types), self.truth.types[start:stop], "types")
        self.field(door, found, start, stop, direction, video.reference_distance_known)

    def field(self, door: str, found, start: int, stop: int, direction: str, divided: bool) -> None:
        """Compares a field of some frames."""
        if stop > len(self.truth.images):
            self.tell("vectors", f"{door}: frames up to {stop} of {len(self.truth.images)}")
            return
        vectors, mask = self.truth.field(direction, start, stop, divided)
        if found.mask.shape != mask.shape:
            self.tell("vectors", f"{door}: the mask is {found.mask.shape}, not {mask.shape}")
            return
        for t in range(stop - start):
            if start + t in self.truth.bare:
                continue
            if not np.array_equal(found.mask[t], mask[t]):
                count = int((found.mask[t] != mask[t]).sum())
                self.tell("vectors", f"{door}: the mask of frame {start + t} differs in {count} cells")
            elif not np.array_equal(found.vectors[t], vectors[t]):
                apart = np.abs(found.vectors[t] - vectors[t]).max()
                self.tell("vectors", f"{door}: vectors of frame {start + t} differ by up to {apart:g} px")


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 90 else f"{text[:60]} ... {text[-25:]}"
