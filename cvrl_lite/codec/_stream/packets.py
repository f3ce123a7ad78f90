"""The packets of a stream: from its container, or from memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from cvrl_lite.errors import DamagedVideo

SPREAD = 64  # from one packet's stamp to the next, where stamps are numbers


def packets(name: str, container: InputContainer, stream: VideoStream) -> Iterator[Packet]:
    """The packets of a stream that hold data, in decoding order; reading errors become DamagedVideo."""
    try:
        for packet in container.demux(stream):
            if packet.size:
                yield packet
    except av.FFmpegError as error:
        raise DamagedVideo(name, f"the file breaks off: {error.strerror}") from None
    except IndexError:  # PyAV at the file's end, about a stream that appeared on the way
        return


class Kept(list[Packet]):
    """All packets of a stream in memory, so that a small file is read once."""


def stamped(held: Iterable[Packet], first: int, *, numbered: bool) -> Iterator[Packet]:
    """Packets, from the one with the number `first` on; with `numbered` their stamp becomes their number.

    Numbers are spread out, so that a frame that comes out a second time can have a stamp of its own.
    """
    for number, packet in enumerate(held, first):
        if numbered:
            packet.pts = number * SPREAD
        yield packet
