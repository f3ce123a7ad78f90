"""What of a damaged file can still be read."""

from __future__ import annotations

import dataclasses
from bisect import bisect_left, insort
from dataclasses import dataclass

import numpy as np

from cvrl_lite.codec._stream.decode import MOST_HELD, Decoder
from cvrl_lite.codec._stream.index import Index
from cvrl_lite.codec.motion import MOST_B_FRAMES
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
        missing: Times in seconds of pictures that the file lists and the decoder did not deliver. Where the
            packets leave in doubt which pictures there are, as a packet overwritten does, there is no such
            list: `bad_packets` alone tells what was lost.
        breaks_off: How the file ends too early; "" where it does not.
        clock_jumps: Indices of frames at which the file's clock jumps back, as where files were joined.
            Nothing is lost by that, so it does not count as damage.
    """

    frames: int
    bad_packets: int
    corrupt: tuple[int, ...]
    missing: tuple[float, ...]
    breaks_off: str
    clock_jumps: tuple[int, ...] = ()

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
    before = len(decoder.refused)
    found: dict[int, tuple[bool, bool]] = {}
    places: list[int] = []
    for place, frame in decoder.everything(index):
        at = bisect_left(places, place)
        # A picture that comes long after its turn is not waited for.
        if place not in found and len(places) - at <= MOST_HELD:
            found[place] = (bool(frame.is_corrupt), bool(frame.key_frame))
            insort(places, place)
    flagged = [place for place in places if found[place][1]]
    if not places or (not flagged and any(key.is_flagged for key in index.keys)):
        raise DamagedVideo(decoder.name, "no key frame could be decoded")
    refused = decoder.refused[before:]
    corrupt = tuple(i for i, place in enumerate(places) if found[place][0])
    missing = tuple(float(t) for t in np.delete(index.times, places))
    jumps = tuple(bisect_left(places, jump) for jump in index.clock_jumps)
    report = Damage(len(places), len(refused), corrupt, missing, index.breaks_off, jumps)
    if not (refused or corrupt or missing):
        return index, report
    faults = [place for place in range(index.frames) if place not in found or found[place][0]]
    faults += [_place_of(stamp, index) for stamp in refused]
    # Pictures shown a little earlier may refer to the first one that is not whole.
    sound = bisect_left(places, min(faults) - MOST_B_FRAMES - 1)
    return _kept(index, places, flagged, sound), report


def _place_of(stamp: int | None, index: Index) -> int:
    """About where the frame of a refused packet would be."""
    if index.numbered and stamp is not None:
        return min((place for number, place in index.places.items() if (number or 0) > stamp), default=0)
    return index.places.get(stamp, 0)


def _kept(index: Index, places: list[int], flagged: list[int], sound: int) -> Index:
    """The index with the frames at `places` alone, and those `flagged` as key pictures."""
    new = {place: i for i, place in enumerate(places)}
    stamps = {pts: new[place] for pts, place in index.places.items() if place in new}
    listed = {key.frame: key for key in index.keys}
    entries = [(new[place], listed.get(place, index.keys[0])) for place in flagged]
    entries = [(0, index.keys[0]), *(entry for entry in entries if entry[0])]  # always decoded from there
    keys = tuple(key._replace(frame=frame, first=frame, is_sure=False) for frame, key in entries)
    sizes = index.bytes[places] if len(index.bytes) else index.bytes
    times = index.times[places]
    jumps = tuple(bisect_left(places, jump) for jump in index.clock_jumps)
    return dataclasses.replace(
        index, times=times, places=stamps, keys=keys, bytes=sizes, sound=sound, clock_jumps=jumps
    )
