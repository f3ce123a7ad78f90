"""Finds the frames of a damaged file that can still be read."""

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
    """The faults of a file, found by decoding all of it.

    FFmpeg conceals some faults without reporting them; these are not included.

    Attributes:
        frames: Number of frames that could be read.
        bad_packets: Number of packets that the decoder rejected.
        corrupt: Indices (among the readable frames) of frames marked as corrupt: parts of them are concealed.
        missing: Times in seconds of frames that the file lists and the decoder did not deliver. Where packets
            do not determine the frames, as with an overwritten packet, only `bad_packets` tells what was
            lost.
        breaks_off: How the file ends too early; "" where it does not.
        clock_jumps: Indices of frames at which the file's clock jumps back, as where files were joined.
            Nothing is lost by that, so it does not count as damage.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from cvrl_lite import CompressedVideo, data_path
        >>> stream = bytearray(data_path("sample.mp4").read_bytes())
        >>> stream[50_000:51_000] = bytes(1000)
        >>> path = Path(tempfile.mkdtemp(), "damaged.mp4")
        >>> _ = path.write_bytes(stream)
        >>> with CompressedVideo(path, on_damage="keep") as video:
        ...     bool(video.damage), video.damage.frames, video.damage.breaks_off
        (True, 72, '')
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


def scan_damage(decoder: Decoder, index: Index) -> tuple[Index, Damage]:
    """Decodes a whole file.

    Args:
        decoder: A tolerant decoder.
        index: The frames that the file lists.

    Returns:
        The index of the readable frames, and the report.

    Raises:
        DamagedVideo: No key frame could be decoded.
    """
    before = len(decoder.refused)
    found: dict[int, tuple[bool, bool]] = {}
    readable: list[int] = []
    for i, frame in decoder.everything(index):
        at = bisect_left(readable, i)
        # A frame delivered long after its turn is dropped.
        if i not in found and len(readable) - at <= MOST_HELD:
            found[i] = (bool(frame.is_corrupt), bool(frame.key_frame))
            insort(readable, i)
    flagged = [i for i in readable if found[i][1]]
    if not readable or (not flagged and any(key.is_flagged for key in index.keys)):
        raise DamagedVideo(decoder.name, "no key frame could be decoded")
    refused = decoder.refused[before:]
    corrupt = tuple(n for n, i in enumerate(readable) if found[i][0])
    missing = tuple(float(t) for t in np.delete(index.times, readable))
    jumps = tuple(bisect_left(readable, jump) for jump in index.clock_jumps)
    report = Damage(len(readable), len(refused), corrupt, missing, index.breaks_off, jumps)
    if not (refused or corrupt or missing):
        return index, report
    faults = [i for i in range(index.frames) if i not in found or found[i][0]]
    faults += [_frame_of(stamp, index) for stamp in refused]
    # Frames displayed a little earlier may refer to the first faulty one.
    sound = bisect_left(readable, min(faults) - MOST_B_FRAMES - 1)
    return _restricted(index, readable, flagged, sound), report


def _frame_of(stamp: int | None, index: Index) -> int:
    """The approximate frame index of a rejected packet."""
    if index.numbered and stamp is not None:
        return min((i for number, i in index.frame_by_stamp.items() if (number or 0) > stamp), default=0)
    return index.frame_by_stamp.get(stamp, 0)


def _restricted(index: Index, readable: list[int], flagged: list[int], sound: int) -> Index:
    """The index of the readable frames alone, with those `flagged` as key frames."""
    new = {i: n for n, i in enumerate(readable)}
    stamps = {pts: new[i] for pts, i in index.frame_by_stamp.items() if i in new}
    listed = {key.frame: key for key in index.keys}
    entries = [(new[i], listed.get(i, index.keys[0])) for i in flagged]
    entries = [
        (0, index.keys[0]),
        *(entry for entry in entries if entry[0]),
    ]  # where the stream begins
    keys = tuple(key._replace(frame=frame, first=frame, is_sure=False) for frame, key in entries)
    sizes = index.bytes[readable] if len(index.bytes) else index.bytes
    times = index.times[readable]
    jumps = tuple(bisect_left(readable, jump) for jump in index.clock_jumps)
    return dataclasses.replace(
        index, times=times, frame_by_stamp=stamps, keys=keys, bytes=sizes, sound=sound, clock_jumps=jumps
    )
