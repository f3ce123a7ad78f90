"""Builds the index of a stream; where packets do not determine the frames, by one straight decode."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from av.packet import Packet

from cvrl_lite.codec._stream.clock import increasing
from cvrl_lite.codec._stream.decode import Decoder
from cvrl_lite.codec._stream.index import Index, Key
from cvrl_lite.codec._stream.listing import PacketList, list_packets
from cvrl_lite.codec._stream.packets import SPREAD
from cvrl_lite.codec._stream.pool import Decoders
from cvrl_lite.codec._stream.source import Source
from cvrl_lite.errors import DamagedVideo


def read_index(source: Source, decoders: Decoders) -> Index:
    """Builds the index of a stream, and keeps its packets in memory if they are few.

    Args:
        source: The file.
        decoders: The stream's decoders; their memory receives the packets.

    Raises:
        DamagedVideo: The stream holds no frames, or no key frame.
        EncryptedVideo: It is encrypted.
    """
    held: list[Packet] = []
    with decoders.borrow() as decoder:
        decoder.rewind()
        try:
            packets = list_packets(source.name, decoder.container, decoder.stream, held)
        except DamagedVideo as error:
            raise source.explain(error) from None
    if held:
        decoders.memory.keep(held)
    if not packets.doubt:
        return packets.index()
    with decoders.borrow(pixels="none") as decoder:
        return decoded_index(decoder, packets)


def decoded_index(decoder: Decoder, packets: PacketList) -> Index:
    """The index of what a decoder delivers, in its order.

    Args:
        decoder: A decoder; its pixels are not used.
        packets: The packets of the stream.

    Raises:
        DamagedVideo: No key frame can be decoded.
    """
    frame_by_stamp: dict[int | None, int] = {}
    order: list[int] = []
    keys: list[Key] = []
    setups = _setups(packets)
    for stamp, is_key in decoder.decode_straight(packets, setups(packets.entry) or ()):
        number = stamp // SPREAD
        if is_key and stamp % SPREAD == 0:
            key = packets.key(number, len(order), setups(number))
            keys.append(key._replace(is_flagged=True))
        frame_by_stamp[stamp] = len(order)
        order.append(number)
    entry = packets.key(packets.entry, 0, setups(packets.entry))
    lost = not keys and packets.packets[packets.entry].frames[:1] == "I"  # some decoders flag no key frames
    if not order or lost:
        raise DamagedVideo(decoder.name, packets.breaks_off or "no key frame could be decoded")
    if not keys or keys[0].frame or keys[0].number != packets.entry:
        keys.insert(0, entry._replace(is_sure=False, is_flagged=False))
    keys = _with_first_frames(keys, order, packets)
    step = 1 / (packets.timed(np.empty(0), len(order), np.empty(0))[2] * packets.tick)
    clock = increasing(packets.packets, packets.entry, order, float(step))
    # Where frames share packets, the packets' decoding times tell the rate.
    shared = any(len(packet.frames) > 1 for packet in packets.packets)
    stamps = [packet.dts for packet in packets.packets if packet.dts is not None] if shared else clock.stamps
    times, duration, rate = packets.timed(clock.stamps, len(order), np.array(stamps))
    has_timestamps = len(clock.stamps) > 0 and not packets.is_raw
    return Index(
        times,
        frame_by_stamp,
        tuple(keys),
        has_timestamps=has_timestamps,
        duration=duration,
        rate=rate,
        size=packets.size,
        bytes=np.empty(0, np.int64),
        breaks_off=packets.breaks_off,
        in_fields=packets.in_fields,
        seekable=packets.seekable,
        numbered=True,
        times_adjusted=has_timestamps and clock.is_adjusted,
        clock_jumps=clock.jumps if has_timestamps else (),
    )


def _with_first_frames(keys: list[Key], order: list[int], packets: PacketList) -> list[Key]:
    """The keys, each with the first frame from which on no packet before it is needed."""
    numbers = np.array(order)
    found: list[Key] = []
    for key in keys:
        if found and not packets.packets[key.number].is_key:  # a later packet made the frame come out
            found.append(found[-1]._replace(frame=key.frame, is_flagged=True))
            continue
        earlier = np.flatnonzero(numbers[key.frame :] < key.number)
        first = key.frame + (int(earlier[-1]) + 1 if len(earlier) else 0)
        found.append(key._replace(first=max(first, found[-1].first) if found else 0))
    return found


def _setups(packets: PacketList) -> Callable[[int], tuple[int, ...] | None]:
    """A function that finds the packets to read before decoding starts at a key packet (`Key.setups`)."""
    most = max(map(len, packets.parameters.values()), default=0)

    def setups(key: int) -> tuple[int, ...] | None:
        if len(packets.parameters.get(key, ())) == most:
            return None  # it holds all parameters itself, or none ever change
        in_force: dict[bytes, int] = {}
        for number, sets in packets.parameters.items():
            if number < key:
                in_force |= dict.fromkeys(sets, number)
        return tuple(sorted(set(in_force.values())))

    return setups
