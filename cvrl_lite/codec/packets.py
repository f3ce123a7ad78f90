"""The packets of a stream: from its container, or from memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from cvrl_lite.codec.headers import is_intra
from cvrl_lite.errors import DamagedVideo


def packets(name: str, container: InputContainer, stream: VideoStream) -> Iterator[Packet]:
    """The packets of a stream that hold data, in decoding order; reading errors become DamagedVideo."""
    codec = stream.codec.canonical_name
    try:
        for packet in container.demux(stream):
            if packet.size:
                if codec in ("h261", "h263") and packet.is_keyframe:
                    packet.is_keyframe = is_intra(codec, bytes(packet))
                yield packet
    except av.FFmpegError as error:
        raise DamagedVideo(name, f"the file breaks off: {error.strerror}") from None
    except IndexError:  # PyAV at the file's end, about a stream that appeared on the way
        return


class Kept:
    """The packets of a stream in memory, so that a small file is read once."""

    def __init__(self, held: list[Packet], *, numbered: bool) -> None:
        self.packets = held
        if numbered:
            for number, packet in enumerate(held):
                packet.pts = number
        self._places = {packet.pts: i for i, packet in reversed(list(enumerate(held)))}

    def since(self, stamp: int | None) -> Iterator[Packet]:
        """The packets from the one with this stamp on."""
        return islice(self.packets, self._places.get(stamp, len(self.packets)), None)


def stamped(held: Iterable[Packet], first: int, *, numbered: bool) -> Iterator[Packet]:
    """Packets, from the one with the number `first` on; with `numbered` their stamp becomes their number."""
    for number, packet in enumerate(held, first):
        if numbered:
            packet.pts = number
        yield packet
