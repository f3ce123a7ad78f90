"""One straight decode, which tells the frames of a stream where its packets do not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from av.packet import Packet

from cvrl_lite.codec._stream.clock import rising
from cvrl_lite.codec._stream.decode import Decoder
from cvrl_lite.codec._stream.index import Index, Key, Listing, list_packets
from cvrl_lite.codec._stream.packets import SPREAD, Kept
from cvrl_lite.codec._stream.pool import Decoders
from cvrl_lite.codec._stream.source import Source
from cvrl_lite.errors import DamagedVideo


def read_index(source: Source, decoders: Decoders) -> Index:
    """Makes the index of a stream, and keeps its packets in memory if they are few.

    Args:
        source: The file.
        decoders: Those of the stream; they are given the packets.

    Raises:
        DamagedVideo: The stream holds no frames, or no key frame.
        EncryptedVideo: They are encrypted.
    """
    held: list[Packet] = []
    with decoders.borrow() as decoder:
        decoder.rewind()
        try:
            listing = list_packets(source.name, decoder.container, decoder.stream, held)
        except DamagedVideo as error:
            raise source.told(error) from None
    decoders.kept = Kept(held) if held else None
    if not listing.doubt:
        return listing.index()
    with decoders.borrow(pixels="none") as decoder:
        return scan(decoder, listing)


def scan(decoder: Decoder, listing: Listing) -> Index:
    """The index of what a decoder delivers, in the order in which it does.

    Args:
        decoder: A decoder; its pixels do not matter.
        listing: What the packets tell.

    Raises:
        DamagedVideo: No key frame can be decoded.
    """
    places: dict[int | None, int] = {}
    order: list[int] = []
    keys: list[Key] = []
    setups = _setups(listing)
    for stamp, is_key in decoder.straight(listing, setups(listing.entry) or ()):
        number = stamp // SPREAD
        if is_key and stamp % SPREAD == 0:
            key = listing.key(number, len(order), setups(number))
            keys.append(key._replace(is_flagged=True))
        places[stamp] = len(order)
        order.append(number)
    entry = listing.key(listing.entry, 0, setups(listing.entry))
    lost = not keys and listing.packets[listing.entry].frames[:1] == "I"  # some decoders flag none at all
    if not order or lost:
        raise DamagedVideo(decoder.name, listing.breaks_off or "no key frame could be decoded")
    if not keys or keys[0].frame or keys[0].number != listing.entry:
        keys.insert(0, entry._replace(is_sure=False, is_flagged=False))
    keys = _certain(keys, order, listing)
    step = 1 / (listing.timed(np.empty(0), len(order), np.empty(0))[2] * listing.tick)
    clock = rising(listing.packets, listing.entry, order, float(step))
    # Where frames share packets, those are decoded, not shown, at even steps.
    shared = any(len(packet.frames) > 1 for packet in listing.packets)
    stamps = [packet.dts for packet in listing.packets if packet.dts is not None] if shared else clock.stamps
    times, duration, rate = listing.timed(clock.stamps, len(order), np.array(stamps))
    stamped = len(clock.stamps) > 0 and not listing.is_raw
    return Index(
        times,
        places,
        tuple(keys),
        has_timestamps=stamped,
        duration=duration,
        rate=rate,
        size=listing.size,
        bytes=np.empty(0, np.int64),
        breaks_off=listing.breaks_off,
        in_fields=listing.in_fields,
        seekable=listing.seekable,
        numbered=True,
        times_adjusted=stamped and clock.is_adjusted,
        clock_jumps=clock.jumps if stamped else (),
    )


def _certain(keys: list[Key], order: list[int], listing: Listing) -> list[Key]:
    """The keys with the first frame from which on no packet before them is needed."""
    numbers = np.array(order)
    certain: list[Key] = []
    for key in keys:
        if certain and not listing.packets[key.number].is_key:  # its frame came out by a later packet
            certain.append(certain[-1]._replace(frame=key.frame, is_flagged=True))
            continue
        earlier = np.flatnonzero(numbers[key.frame :] < key.number)
        first = key.frame + (int(earlier[-1]) + 1 if len(earlier) else 0)
        certain.append(key._replace(first=max(first, certain[-1].first) if certain else 0))
    return certain


def _setups(listing: Listing) -> Callable[[int], tuple[int, ...] | None]:
    """Tells what a decoder has to read before it can start at a key packet (see `Key.setups`)."""
    most = max(map(len, listing.parameters.values()), default=0)

    def setups(key: int) -> tuple[int, ...] | None:
        if len(listing.parameters.get(key, ())) == most:
            return None  # it says all itself, or nothing ever changes
        in_force: dict[bytes, int] = {}
        for number, sets in listing.parameters.items():
            if number < key:
                in_force |= dict.fromkeys(sets, number)
        return tuple(sorted(set(in_force.values())))

    return setups
