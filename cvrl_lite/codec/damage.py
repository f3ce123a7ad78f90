"""What of a damaged file can still be read."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from cvrl_lite.codec.decode import Decoder
from cvrl_lite.codec.index import Index
from cvrl_lite.errors import DamagedVideo


@dataclass(frozen=True)
class Damage:
    """What is wrong with a file, after decoding all of it.

    FFmpeg conceals some faults so well that it does not report them; what it cannot know is not here.

    Attributes:
        frames: Pictures that could be read.
        bad_packets: Packets that the decoder refused.
        corrupt: Indices (among those that could be read) of pictures marked as corrupt: parts of them are
            concealed.
        missing: Times in seconds of pictures that the file lists and the decoder did not deliver.
        breaks_off: How the file ends too early; "" where it does not.
    """

    frames: int
    bad_packets: int
    corrupt: tuple[int, ...]
    missing: tuple[float, ...]
    breaks_off: str

    def __bool__(self) -> bool:
        """Whether anything is wrong."""
        return bool(self.bad_packets or self.corrupt or self.missing or self.breaks_off)


def survey(decoder: Decoder, index: Index) -> tuple[Index, Damage]:
    """Decodes all there is.

    Args:
        decoder: A tolerant decoder.
        index: What the file lists.

    Returns:
        The index of the pictures that could be read, and the report.

    Raises:
        DamagedVideo: No key picture could be read, so that there is nothing to start from.
    """
    before = decoder.bad_packets
    found: dict[int, tuple[bool, bool]] = {}
    for place, frame in decoder.everything(index):
        found[place] = (bool(frame.is_corrupt), bool(frame.key_frame))
    places = sorted(found)
    if not any(found[place][1] for place in places):
        raise DamagedVideo(decoder.name, "no key picture could be decoded")
    corrupt = tuple(i for i, place in enumerate(places) if found[place][0])
    missing = tuple(float(t) for t in np.delete(index.times, places))
    report = Damage(len(places), decoder.bad_packets - before, corrupt, missing, index.breaks_off)
    return _kept(index, places), report


def _kept(index: Index, places: list[int]) -> Index:
    """The index with the frames at `places` alone."""
    new = {place: i for i, place in enumerate(places)}
    stamps = {pts: new[place] for pts, place in index.places.items() if place in new}
    keys = [key._replace(frame=new[key.frame]) for key in index.keys if key.frame in new]
    if index.keys[0].frame not in new:  # what follows is decoded from there all the same
        keys = [index.keys[0]._replace(frame=0, is_sure=False), *(key for key in keys if key.frame)]
    return dataclasses.replace(index, times=index.times[places], places=stamps, keys=tuple(keys))
