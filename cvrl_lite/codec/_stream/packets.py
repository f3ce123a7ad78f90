"""The packets of a stream, read from its container or kept in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from cvrl_lite.errors import DamagedVideo

SPREAD = 64  # distance of the stamps of consecutive packets, where they are made of packet numbers


def packets(name: str, container: InputContainer, stream: VideoStream) -> Iterator[Packet]:
    """Reads the packets of a stream that hold data, in decoding order.

    Raises:
        DamagedVideo: The file breaks off.
    """
    try:
        for packet in container.demux(stream):
            if packet.size:
                yield packet
    except av.FFmpegError as error:
        raise DamagedVideo(name, f"the file breaks off: {error.strerror}") from None
    except IndexError:  # raised by PyAV at the end of a file in which further streams appeared
        return


class PacketMemory:
    """All packets of a small file, so that its decoders need not read it again.

    Attributes:
        packets: The packets in decoding order; None if they are not kept.
    """

    def __init__(self) -> None:
        self.packets: list[Packet] | None = None

    def keep(self, packets: list[Packet]) -> None:
        """Keeps packets for all decoders that share this memory."""
        self.packets = packets

    def clear(self) -> None:
        """Frees the packets."""
        self.packets = None


def stamped(held: Iterable[Packet], first: int, *, numbered: bool) -> Iterator[Packet]:
    """Packets, counted from `first` on; with `numbered`, a packet's number replaces its timestamp.

    Numbers are `SPREAD` apart, so that a frame that is delivered twice can have a stamp of its own.
    """
    for number, packet in enumerate(held, first):
        if numbered:
            packet.pts = number * SPREAD
        yield packet
