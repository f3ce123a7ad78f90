"""Which frames a stream holds, and from where each can be decoded.

The index of a frame is its position in what a straight decode delivers. Where each packet is one frame with
a distinct timestamp, and nothing is unusual, that is the order of presentation timestamps; `listing` finds
it without decoding. In any other case `scan` decodes the stream once.
"""

from __future__ import annotations

import sys
from bisect import bisect_right
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple

import numpy as np
from av.container import InputContainer

from cvrl_lite.codec._stream.packets import SPREAD


class Key(NamedTuple):
    """A packet that decoding can start at.

    Attributes:
        pts: Its presentation timestamp, where the file has one.
        dts: Its decoding timestamp, likewise.
        frame: The index of its frame.
        number: Its number in the stream, in decoding order.
        first: The first frame from which on all are delivered when decoding starts here.
        position: Its byte offset in the file; None if unknown.
        is_sure: Whether the packet certainly holds this frame.
        is_flagged: Whether the decoder flags its frame as a key frame.
        setups: Numbers of the packets whose parameters are in force here, which a new decoder must read
            first; None if it need not.
    """

    pts: int | None
    dts: int | None
    frame: int
    number: int
    first: int
    position: int | None = None
    is_sure: bool = True
    is_flagged: bool = True
    setups: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Index:
    """The frames of one stream.

    Attributes:
        times: (N,) float64 seconds, increasing.
        frame_by_stamp: From a packet's stamp (its pts, or number times `SPREAD`) to the index of its frame.
        keys: The key packets, in display order; the stream begins with the first one.
        has_timestamps: Whether the times are the file's; otherwise they are index / rate.
        duration: Seconds from the start of the first frame to the end of the last one.
        rate: Frames per second that most frames keep to; without timestamps all do.
        size: (H, W) announced by the stream.
        bytes: (N,) int64, coded size of each frame; empty if packets and frames do not correspond.
        breaks_off: How the file ends before its header says; "" where it does not.
        sound: Number of frames before the first known fault; later ones are decoded from the start.
        numbered: Whether stamps are made of packet numbers, as timestamps are ambiguous.
        times_adjusted: Whether some times are not the file's, as its timestamps do not increase or are
            missing.
        seekable: Whether a timestamp identifies its packet after a seek. It does not where FFmpeg generates
            timestamps while reading: in raw streams, and where container packets hold several frames.
        clock_jumps: Frames at which the file's clock jumps back; times continue from the frame before.
        in_fields: Whether blocks may be predicted field by field, as in interlaced video.
    """

    times: np.ndarray
    frame_by_stamp: dict[int | None, int]
    keys: tuple[Key, ...]
    has_timestamps: bool
    duration: float
    rate: Fraction
    size: tuple[int, int]
    bytes: np.ndarray
    breaks_off: str = ""
    sound: int = sys.maxsize
    numbered: bool = False
    times_adjusted: bool = False
    clock_jumps: tuple[int, ...] = ()
    seekable: bool = True
    in_fields: bool = False

    @property
    def frames(self) -> int:
        """The number of frames."""
        return len(self.times)

    @property
    def gop_lengths(self) -> tuple[int, ...]:
        """Frames from each key frame to the next, or to the end."""
        starts = {0, self.frames} | {key.frame for key in self.keys if key.is_flagged}
        return tuple(int(n) for n in np.diff(sorted(starts)))

    @cached_property
    def key_stamps(self) -> frozenset[int | None]:
        """The stamps of key packets in `frame_by_stamp`."""
        return frozenset(key.number * SPREAD if self.numbered else key.pts for key in self.keys)

    def key_before(self, frame: int) -> int:
        """The position in `keys` from which `frame` can be decoded."""
        return max(0, bisect_right(self.keys, frame, key=lambda entry: entry.first) - 1)

    def gop(self, frame: int) -> int:
        """The key frame of the GOP of `frame`."""
        key = max(0, bisect_right(self.keys, frame, key=lambda entry: entry.frame) - 1)
        while key and not self.keys[key].is_flagged:
            key -= 1
        return self.keys[key].frame


def describe_streams(container: InputContainer) -> tuple[str, ...]:
    """The type and codec of each stream, such as `"video h264"`, in the container's order."""
    contexts = [(stream.type, getattr(stream, "codec_context", None)) for stream in container.streams]
    return tuple(f"{kind} {context.codec.canonical_name}" if context else kind for kind, context in contexts)
