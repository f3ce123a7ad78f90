"""One straight decode, which tells the frames of a stream where its packets do not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cvrl_lite.codec.clock import rising
from cvrl_lite.codec.decode import Decoder
from cvrl_lite.codec.index import Index, Listing
from cvrl_lite.errors import DamagedVideo


def scan(decoder: Decoder, listing: Listing) -> Index:
    """The index of what a decoder delivers, in the order in which it does.

    Args:
        decoder: A tolerant decoder.
        listing: What the packets tell.

    Raises:
        DamagedVideo: No key frame can be decoded.
    """
    places: dict[int | None, int] = {}
    flagged: list[int] = []
    setups = _setups(listing)
    for number, is_key in decoder.straight(listing.entry, setups(listing.entry) or ()):
        if number not in places:
            places[number] = len(places)
            if is_key:
                flagged.append(number)
    if not flagged:
        raise DamagedVideo(decoder.name, listing.breaks_off or "no key frame could be decoded")
    keys = [listing.key(number, places[number], setups(number)) for number in flagged]
    if keys[0].frame or keys[0].number != listing.entry:
        first = listing.key(listing.entry, 0, setups(listing.entry))
        keys.insert(0, first._replace(is_sure=False))
    order = [number for number in places if number is not None]
    clock = rising(listing.packets, listing.entry, order, 1 / listing.rate / listing.tick)
    stamped = len(clock.stamps) > 0
    times = clock.stamps * listing.tick if stamped else np.arange(len(order)) / listing.rate
    last = float(np.median(np.diff(times))) if stamped and len(times) > 1 else 1 / listing.rate
    return Index(
        times,
        places,
        tuple(keys),
        has_timestamps=stamped,
        duration=float(times[-1] - times[0]) + last,
        rate=listing.rate,
        size=listing.size,
        bytes=np.empty(0, np.int64),
        breaks_off=listing.breaks_off,
        numbered=True,
        times_adjusted=clock.is_adjusted,
        clock_jumps=clock.jumps,
    )


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
