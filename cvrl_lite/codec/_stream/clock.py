"""Increasing times from timestamps that may be missing, repeated, or jump back."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from cvrl_lite.codec._stream.listing import PacketInfo

_GLITCH = 16  # packets within which a clock recovers from a glitch


class Clock(NamedTuple):
    """The display times of frames.

    Attributes:
        stamps: (N,) float64, increasing, in the file's unit; empty if it has no timestamps.
        is_adjusted: Whether some are not the frames' own.
        jumps: The frames at which the file's clock jumps back and restarts.
    """

    stamps: np.ndarray
    is_adjusted: bool
    jumps: tuple[int, ...]


def increasing(packets: Sequence[PacketInfo], entry: int, frames: Sequence[int], step: float) -> Clock:
    """Assigns a time to each frame.

    Args:
        packets: All packets of a stream in decoding order.
        entry: Number of the first one that was decoded.
        frames: The number of each frame's packet, in the order of delivery.
        step: Ticks from one frame to the next, where no timestamps tell.
    """
    pts = [packets[number].pts for number in frames]
    dts = [packets[number].dts for number in frames]
    by_dts = None in pts and None not in dts  # the container has decoding times only
    own = dts if by_dts else pts
    if all(stamp is None for stamp in own):
        return Clock(np.empty(0), False, ())
    if None not in own and all(a < b for a, b in pairwise(own)):  # type: ignore[operator]
        return Clock(np.array(own, float), False, ())
    restarts, wrong = _restarts(packets, entry)
    stamps: list[float] = []
    jumps: list[int] = []
    first, part = 0, 0
    while first < len(frames):
        last = first
        while last < len(frames) and (ahead := bisect_right(restarts, frames[last])) <= part:
            last += 1
        piece = [None if frames[i] in wrong else own[i] for i in range(first, last)]
        filled = _filled(piece, step)
        if stamps and filled:
            shift = stamps[-1] + (_usual(filled) or step) - filled[0]
            filled = [stamp + shift for stamp in filled]
            jumps.append(first)
        stamps += filled
        first = last
        if first < len(frames):
            part = ahead
    expected = sorted(dts, key=lambda stamp: stamp or 0) if by_dts else pts
    return Clock(np.array(stamps), stamps != expected, tuple(jumps))


def _restarts(packets: Sequence[PacketInfo], entry: int) -> tuple[list[int], set[int]]:
    """The packets at which the clock restarts, and those whose timestamps are a glitch."""
    restarts: list[int] = []
    wrong: set[int] = set()
    latest = -np.inf
    decoded = [packet.dts for packet in packets[entry:] if packet.dts is not None]
    by_dts = len(decoded) == len(packets) - entry
    steps = np.diff(decoded)
    step = float(np.median(steps[steps > 0])) if (steps > 0).any() else 0.0
    number = entry
    while number < len(packets):
        packet = packets[number]
        stamp = packet.dts if by_dts else packet.pts if packet.is_key else None
        if stamp is not None and stamp < latest:
            near = range(number + 1, min(len(packets), number + 1 + (1 if packet.is_key else _GLITCH)))
            found = next((k for k in near if by_dts and (packets[k].dts or 0) > latest), None)
            # A glitch, if the clock then continues as if nothing had happened.
            if found and (packets[found].dts or 0) - latest > (found - number + 1) * step / 2:
                wrong.update(range(number, found))
                number = found
                continue
            restarts.append(number)
            latest = stamp
        if not by_dts and packet.pts is not None:
            stamp = packet.pts
        if stamp is not None:
            latest = max(latest, stamp)
        number += 1
    return restarts, wrong


def _usual(stamps: Sequence[float]) -> float:
    """The median step of increasing timestamps; 0 for fewer than two."""
    return float(np.median(np.diff(stamps))) if len(stamps) > 1 else 0.0


def _filled(piece: Sequence[float | None], step: float) -> list[float]:
    """Sorts the timestamps of consecutive frames, and interpolates missing and repeated ones."""
    stamped = [i for i, stamp in enumerate(piece) if stamp is not None]
    values = sorted(float(stamp) for stamp in piece if stamp is not None)
    if not stamped:
        return [i * step for i in range(len(piece))]
    fresh = [n for n in range(len(values)) if not n or values[n] > values[n - 1]]
    at = np.array([stamped[n] for n in fresh], float)
    values = [values[n] for n in fresh]
    step = _usual(values) / max(1.0, _usual(at.tolist())) or step
    made = np.interp(np.arange(len(piece)), at, values)
    before = np.arange(len(piece)) < at[0]
    after = np.arange(len(piece)) > at[-1]
    made[before] = values[0] - step * (at[0] - np.flatnonzero(before))
    made[after] = values[-1] + step * (np.flatnonzero(after) - at[-1])
    return made.tolist()
