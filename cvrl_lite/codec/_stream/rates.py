"""Frame rates: the one that most frames keep to, and the average over a file.

Containers guess: from a header that editing left unchanged, from the finest step, or from nothing at all. The
frames' timestamps are authoritative; declared rates only resolve what the clock has rounded.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache

import numpy as np
from av.container import InputContainer
from av.format import Flags
from av.video.stream import VideoStream

_COMMON = [Fraction(n) for n in (12, 15, 24, 25, 30, 48, 50, 60, 90, 100, 120, 200, 240, 300, 480, 960)]
_COMMON += [Fraction(1000 * n, 1001) for n in (12, 15, 24, 30, 48, 60, 90, 120, 240)]
_COMMON += [Fraction(15, 2), Fraction(25, 2)]
_ROUNDED = 4  # ticks per step from which on steps may be rounded; with fewer, ticks count frames
_COARSE = Fraction(1, 600)  # QuickTime's clock, the coarsest that does not count frames
_MILLISECOND = Fraction(1, 1000)  # timestamps of a finer clock may have been rounded to these before
_JITTER = 0.02  # of a step; the variation of cameras without an exact clock
_REDUCED = 5e-7  # relative error of Matroska rates in FFmpeg, which limits the numerator to 30000


def is_raw(container: InputContainer) -> bool:
    """Whether a file is a raw stream without timestamps; FFmpeg generates them at a rate of its choice."""
    return bool(Flags(container.format.flags) & Flags.no_timestamps)


def tick_of(stream: VideoStream) -> Fraction:
    """Seconds per tick of a stream's clock."""
    return Fraction(stream.time_base or 1)


def declared_rates(container: InputContainer, stream: VideoStream) -> tuple[Fraction, ...]:
    """The rates in the headers of codec and container, in this order; both may be wrong."""
    # FFmpeg's base rate of a raw stream may count fields; its guessed rate does not.
    declared = (
        stream.codec_context.framerate,
        stream.guessed_rate if is_raw(container) else stream.base_rate,
    )
    return tuple(_exact(Fraction(rate)) for rate in declared if rate)


@lru_cache(maxsize=64)  # many files share a rate
def _exact(rate: Fraction) -> Fraction:
    """The common rate that a fraction approximates, or else the fraction itself."""
    return next((common for common in _COMMON if abs(rate / common - 1) < _REDUCED), rate)


def nominal_rate(
    stamps: np.ndarray, tick: Fraction, declared: Iterable[Fraction] = (), last: int = 0
) -> Fraction:
    """The rate that corresponds to the step between most frames.

    The mean is taken over steps that differ by rounding or a camera's jitter only, and is known up to the
    clock's rounding. The result is the first declared rate within that error, or else the nearest common
    rate or whole number, or else the mean itself.

    Args:
        stamps: (N,) times of the frames in ticks, ascending.
        tick: Seconds per tick.
        declared: Declared rates; the first one is the result if there is no step to measure.
        last: Duration of a single frame in ticks; 0 if unknown.

    Returns:
        Frames per second.

    Example:
        >>> nominal_rate(np.array([0, 33, 67, 100, 133, 167, 200]), Fraction(1, 1000))  # milliseconds
        Fraction(30, 1)
        >>> nominal_rate(np.array([0, 1, 2, 4, 5, 7]), Fraction(1, 25))  # an AVI file with dropped frames
        Fraction(25, 1)
    """
    declared = tuple(declared)
    stamps = np.asarray(stamps, np.int64)
    steps = np.diff(stamps)
    if last and not len(steps):
        steps = np.array([last])
    even = _is_even(stamps, tick)
    near = np.ones(len(steps), bool) if even else _usual_steps(steps, tick)
    count = int(near.sum())
    if not count:
        return declared[0] if declared else Fraction(25)
    usual = steps[near]
    mean = Fraction(int(usual.sum()), count)
    measured = 1 / (mean * tick)
    if mean < _ROUNDED and not even:
        return measured
    # Within a run of such steps, rounding errors cancel except at its ends.
    runs = int(np.count_nonzero(np.diff(near.astype(np.int8), prepend=0) == 1))
    error = Fraction(max(1, int(np.ptp(usual))) * runs, count)

    def is_within_error(rate: Fraction) -> bool:
        return abs(1 / (rate * tick) - mean) <= error

    def deviation(rate: Fraction) -> float:
        row = np.arange(len(stamps)) / float(rate * tick)
        return float(np.ptp(stamps - row) if even else abs(rate - measured))

    if (found := next(filter(is_within_error, declared), None)) is not None:
        return found
    common = filter(is_within_error, (*_COMMON, Fraction(max(1, round(measured)))))
    return min(common, key=deviation, default=measured.limit_denominator(1001))


def _is_even(stamps: np.ndarray, tick: Fraction) -> bool:
    """Whether times are evenly spaced up to rounding, on a clock that does not count frames."""
    if tick > _COARSE or len(stamps) < 3:
        return False
    off = np.abs(stamps - np.linspace(stamps[0], stamps[-1], len(stamps))).max()
    return bool(off <= float(_COARSE / tick) + 1e-6)


def _usual_steps(steps: np.ndarray, tick: Fraction) -> np.ndarray:
    """(N,) bool: the largest group of steps that are equal up to rounding and jitter."""
    positive = np.sort(steps[steps > 0])
    if not len(positive):
        return np.zeros(len(steps), bool)
    rounded = max(1, int(_MILLISECOND / tick))
    tolerance = np.maximum(positive * _JITTER, (positive >= _ROUNDED * rounded) * rounded)
    groups = np.searchsorted(positive, positive + tolerance, side="right") - np.arange(len(positive))
    best = int(groups.argmax())
    near: np.ndarray = (steps >= positive[best]) & (steps <= positive[best] + tolerance[best])
    return near


def average_rate(frames: int, duration: float, nominal: Fraction, tick: Fraction) -> Fraction:
    """Frames per second on average; the nominal rate where rounding explains the difference.

    Example:
        >>> average_rate(300, 10.01, Fraction(30000, 1001), Fraction(1, 1000))
        Fraction(30000, 1001)
    """
    step = Fraction(1, 2 if tick <= _COARSE else 4) / nominal
    if abs(frames / float(nominal) - duration) < min(2 * max(tick, _MILLISECOND), step):
        return nominal
    return Fraction(frames / duration).limit_denominator(100_000)


def repeats(times: np.ndarray, duration: float, rate: Fraction) -> list[int]:
    """How often each frame is repeated in a resampling to a constant rate: any number of times, or never.

    Each output frame shows the input frame that is due at its time, so that errors do not accumulate.

    Example:
        >>> repeats(np.array([0, 0.1, 0.12, 0.2]), 0.3, Fraction(10))
        [1, 0, 1, 1]
    """
    edges = (np.append(times, times[0] + duration) - times[0]) * float(rate)
    places = np.floor(edges + 0.5 + 1e-6).astype(np.int64)  # halves go up, despite rounding errors
    places[-1] = max(places[-1], 1)
    return [int(n) for n in np.diff(places)]


def rounding(nominal: Fraction, tick: Fraction) -> float:
    """Seconds by which a time may deviate from an even spacing through rounding alone."""
    return float(min(tick, 1 / (8 * nominal)))
