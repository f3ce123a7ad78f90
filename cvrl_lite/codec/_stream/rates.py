"""How many frames a second: what most frames keep to, and the average over a file.

Containers guess: from a header that a cut left as it was, from the finest step seen, or from nothing at all.
The frames' own times are the truth; what headers declare only says what a clock has rounded.
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
_ROUNDED = 4  # ticks a step from which on one may be rounded to the next; fewer tell numbers of frames
_COARSE = Fraction(1, 600)  # QuickTime's clock, the coarsest whose ticks are not frames
_MILLISECOND = Fraction(1, 1000)  # what a finer clock may have been copied from
_JITTER = 0.02  # of a step; frames of cameras that keep no exact time differ by less
_REDUCED = 5e-7  # by which FFmpeg misses a rate of Matroska's, as it keeps the numerator to 30000


def is_raw(container: InputContainer) -> bool:
    """Whether a stream lies in its file without a container, so that nothing says when a frame is shown.

    FFmpeg numbers such frames by a rate of its own choice.
    """
    return bool(Flags(container.format.flags) & Flags.no_timestamps)


def tick_of(stream: VideoStream) -> Fraction:
    """Seconds a tick of a stream's clock."""
    return Fraction(stream.time_base or 1)


def declared_rates(container: InputContainer, stream: VideoStream) -> tuple[Fraction, ...]:
    """What the codec's header and the container's say, the codec's first; both may be wrong."""
    # The rate that FFmpeg finds for a raw stream may count fields; its guess takes that into account.
    said = (stream.codec_context.framerate, stream.guessed_rate if is_raw(container) else stream.base_rate)
    return tuple(_exact(Fraction(rate)) for rate in said if rate)


@lru_cache(maxsize=64)  # many files share it
def _exact(rate: Fraction) -> Fraction:
    """The rate in common use that a fraction stands for, or else the fraction itself."""
    return next((known for known in _COMMON if abs(rate / known - 1) < _REDUCED), rate)


def nominal_rate(
    stamps: np.ndarray, tick: Fraction, declared: Iterable[Fraction] = (), last: int = 0
) -> Fraction:
    """The rate that the step between most frames stands for.

    The steps counted are those that differ from each other by a rounded tick or a camera's jitter. Their mean
    is known up to what the clock rounds off. The first declared rate within that error is meant, or else the
    nearest of those in common use and a whole number; if there is none, it is the mean itself.

    Args:
        stamps: (N,) times of the frames in ticks, ascending.
        tick: Seconds.
        declared: What headers say; the first one counts where there is no step to measure.
        last: How many ticks the only frame lasts; 0 where that is not known.

    Returns:
        Frames a second.

    Example:
        >>> nominal_rate(np.array([0, 33, 67, 100, 133, 167, 200]), Fraction(1, 1000))  # milliseconds
        Fraction(30, 1)
        >>> nominal_rate(np.array([0, 1, 2, 4, 5, 7]), Fraction(1, 25))  # an AVI file that leaves frames out
        Fraction(25, 1)
    """
    declared = tuple(declared)
    stamps = np.asarray(stamps, np.int64)
    steps = np.diff(stamps)
    if last and not len(steps):
        steps = np.array([last])
    even = _is_even(stamps, tick)
    near = np.ones(len(steps), bool) if even else _alike(steps, tick)
    count = int(near.sum())
    if not count:
        return declared[0] if declared else Fraction(25)
    usual = steps[near]
    mean = Fraction(int(usual.sum()), count)
    measured = 1 / (mean * tick)
    if mean < _ROUNDED and not even:
        return measured
    # Within a run of such steps the rounded stamps between the first and the last one cancel out.
    runs = int(np.count_nonzero(np.diff(near.astype(np.int8), prepend=0) == 1))
    error = Fraction(max(1, int(np.ptp(usual))) * runs, count)

    def fits(rate: Fraction) -> bool:
        return abs(1 / (rate * tick) - mean) <= error

    def stray(rate: Fraction) -> float:
        row = np.arange(len(stamps)) / float(rate * tick)
        return float(np.ptp(stamps - row) if even else abs(rate - measured))

    if (found := next(filter(fits, declared), None)) is not None:
        return found
    common = filter(fits, (*_COMMON, Fraction(max(1, round(measured)))))
    return min(common, key=stray, default=measured.limit_denominator(1001))


def _is_even(stamps: np.ndarray, tick: Fraction) -> bool:
    """Whether a clock that does not count frames has only rounded an even row of times."""
    if tick > _COARSE or len(stamps) < 3:
        return False
    off = np.abs(stamps - np.linspace(stamps[0], stamps[-1], len(stamps))).max()
    return bool(off <= float(_COARSE / tick) + 1e-6)


def _alike(steps: np.ndarray, tick: Fraction) -> np.ndarray:
    """(N,) bool, which steps are the usual one: the largest group of those that hardly differ."""
    positive = np.sort(steps[steps > 0])
    if not len(positive):
        return np.zeros(len(steps), bool)
    rounded = max(1, int(_MILLISECOND / tick))
    reach = np.maximum(positive * _JITTER, (positive >= _ROUNDED * rounded) * rounded)
    groups = np.searchsorted(positive, positive + reach, side="right") - np.arange(len(positive))
    best = int(groups.argmax())
    near: np.ndarray = (steps >= positive[best]) & (steps <= positive[best] + reach[best])
    return near


def average_rate(frames: int, duration: float, nominal: Fraction, tick: Fraction) -> Fraction:
    """Frames by seconds; the nominal rate where the clock's rounding explains the difference.

    Example:
        >>> average_rate(300, 10.01, Fraction(30000, 1001), Fraction(1, 1000))
        Fraction(30000, 1001)
    """
    step = Fraction(1, 2 if tick <= _COARSE else 4) / nominal
    if abs(frames / float(nominal) - duration) < min(2 * max(tick, _MILLISECOND), step):
        return nominal
    return Fraction(frames / duration).limit_denominator(100_000)


def repeats(times: np.ndarray, duration: float, rate: Fraction) -> list[int]:
    """How often each frame is shown at an even rate, by the clock: more than once, once, or never.

    The n-th place of the new row shows the frame that is due at its time, rounded to the nearest place, so
    that no error adds up.

    Example:
        >>> repeats(np.array([0, 0.1, 0.12, 0.2]), 0.3, Fraction(10))
        [1, 0, 1, 1]
    """
    edges = (np.append(times, times[0] + duration) - times[0]) * float(rate)
    places = np.floor(edges + 0.5 + 1e-6).astype(np.int64)  # what lies half-way goes up, whatever is rounded
    places[-1] = max(places[-1], 1)
    return [int(n) for n in np.diff(places)]


def rounding(nominal: Fraction, tick: Fraction) -> float:
    """Seconds by which a frame's time may differ from its place in an even row and still mean just that."""
    return float(min(tick, 1 / (8 * nominal)))
