"""Samples positions in a video: the clip, its key frame, the near future, further windows.

Times are the file's timestamps, so that a clip has the same duration at any frame rate; a recipe may count
frames instead, as the released code does.

Axes: N frames of a video, T frames of a clip, K key frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_ROUNDING = 1e-6  # seconds or frames, far below any distance of two frames


@dataclass(frozen=True)
class ClipSampling:
    """How a sample is cut from a video.

    Attributes:
        frames: Frames of a clip.
        stride: Seconds from one frame of a clip to the next.
        gap: Seconds from the clip's last frame to the first vector map of the near future; below 0 the
            window begins inside the clip, and shows the present.
        window: Vector maps of a motion window, one per frame.
        num_negative_windows: Further windows of the same video, none overlapping the near future.
        max_keyframe_distance: Largest distance in seconds of the key frame from the clip; if there is no key
            frame within it, the nearest one is used.
        in_frames: Whether `stride`, `gap` and `max_keyframe_distance` count frames instead of seconds.
        clips_per_video: Samples taken of a video each time it is opened.

    Example:
        >>> how = ClipSampling(frames=16, stride=4, gap=3, max_keyframe_distance=5, in_frames=True)
        >>> how.stride * (how.frames - 1) + how.gap + how.window  # frames that a sample spans
        71
    """

    frames: int = 8
    stride: float = 0.08
    gap: float = 0.12
    window: int = 8
    num_negative_windows: int = 1
    max_keyframe_distance: float = 0.2
    in_frames: bool = False
    clips_per_video: int = 1


@dataclass(frozen=True)
class Cut:
    """One sample's frames.

    Attributes:
        clip: (T,) int64 frame indices.
        windows: First frame of each window; the near future, then the others.
        key: The key frame's index.
        seed: Seed of the augmentation.

    Example:
        >>> timeline = Timeline(np.arange(72) / 25, np.arange(0, 72, 12), ClipSampling())
        >>> cut = timeline.cut((0, 3))
        >>> len(cut.clip), cut.windows[0] - int(cut.clip[-1]), cut.key % 12
        (8, 3, 0)
    """

    clip: NDArray[np.int64]
    windows: tuple[int, ...]
    key: int
    seed: int


class Timeline:
    """The frame times and key frames of a video, for sampling positions.

    Args:
        times: (N,) float64 seconds, rising.
        keys: (K,) int64 indices of the key frames.
        how: How samples are to be cut.

    Attributes:
        starts: First frames from which clip, near future and other windows all fit.
        lacks: Why there are none; "" if there are some.

    Example:
        >>> seconds, keys = np.arange(40) / 25, np.array([0, 12, 24, 36])
        >>> timeline = Timeline(seconds, keys, ClipSampling())
        >>> timeline.starts.tolist(), timeline.lacks
        ([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], '')
        >>> Timeline(seconds[:20], keys[:2], ClipSampling()).lacks
        'too short: 20 frames in 0.76 s, and a clip takes 0.56 s, then 0.12 s and 8 vector maps'
    """

    def __init__(self, times: NDArray[np.float64], keys: NDArray[np.int64], how: ClipSampling) -> None:
        self.clock = np.arange(len(times), dtype=np.float64) if how.in_frames else times
        self.keys, self.how = keys, how
        self.starts = self._starts() if len(times) > 1 and len(keys) else np.zeros(0, np.int64)
        self.lacks = ""
        if not len(keys):
            self.lacks = "holds no key frame"
        elif not len(self.starts):
            seconds = times[-1] - times[0] if len(times) else 0.0
            unit = "frames" if how.in_frames else "s"
            self.lacks = (
                f"too short: {len(times)} frames in {seconds:.2f} s, and a clip takes "
                f"{how.stride * (how.frames - 1):.2f} {unit}, then {how.gap:.2f} {unit} "
                f"and {how.window} vector maps"
            )

    def cut(self, seed: Sequence[int]) -> Cut:
        """Draws a sample; all random choices depend only on the seed."""
        random, how, clock = np.random.default_rng(seed), self.how, self.clock
        start = int(random.choice(self.starts))
        clip = clip_frames(clock, start, how)
        future = int(self._futures(clip[-1:])[0])
        last = len(clock) - how.window
        others: list[int] = []
        if how.num_negative_windows:
            apart = [window for window in range(last + 1) if abs(window - future) >= how.window]
            others = random.choice(
                apart, how.num_negative_windows, replace=len(apart) < how.num_negative_windows
            ).tolist()
        first, final = clock[clip[0]] - how.max_keyframe_distance, clock[clip[-1]] + how.max_keyframe_distance
        key_times = clock[self.keys]
        near = self.keys[(key_times >= first - _ROUNDING) & (key_times <= final + _ROUNDING)]
        if not len(near):
            near = self.keys[[np.argmin(np.abs(key_times - (first + final) / 2))]]
        return Cut(clip, (future, *others), int(random.choice(near)), int(random.integers(2**62)))

    def _futures(self, lasts: NDArray[np.int64]) -> NDArray[np.int64]:
        """The first vector map of the near future behind these last frames; -1 where it lies before 0."""
        clock = self.clock
        frame = (clock[-1] - clock[0]) / (len(clock) - 1)
        earliest = clock[lasts] + self.how.gap - 0.1 * frame  # a tenth of a frame absorbs rounding
        return np.where(earliest < clock[0] - 0.2 * frame, -1, np.searchsorted(clock, earliest))

    def _starts(self) -> NDArray[np.int64]:
        how, clock = self.how, self.clock
        starts = np.flatnonzero(clock + how.stride * (how.frames - 1) <= clock[-1] + _ROUNDING)
        futures = self._futures(_nearest(clock, clock[starts] + how.stride * (how.frames - 1)))
        last = len(clock) - how.window
        fits = (futures >= 0) & (futures <= last)
        if how.num_negative_windows:  # room for another window before or behind
            fits &= (futures >= how.window) | (futures + how.window <= last)
        return starts[fits]


def clip_frames(clock: NDArray[np.float64], start: int, how: ClipSampling) -> NDArray[np.int64]:
    """The frames nearest to the sampled times."""
    return _nearest(clock, clock[start] + how.stride * np.arange(how.frames))


def evaluation_frames(times: NDArray[np.float64], how: ClipSampling, clips: int) -> NDArray[np.int64]:
    """The frames of clips spread evenly over a video.

    Args:
        times: (frames of the video,) seconds, rising.
        how: Number of frames and stride.
        clips: Number of clips.

    Returns:
        (clips, T) int64 frame numbers.

    Raises:
        ValueError: The video is shorter than a clip.

    Example:
        >>> evaluation_frames(np.arange(40) / 25, ClipSampling(frames=4), clips=3).tolist()
        [[8, 10, 12, 14], [16, 18, 20, 22], [25, 27, 29, 31]]
    """
    clock = np.arange(len(times), dtype=np.float64) if how.in_frames else times
    span = how.stride * (how.frames - 1)
    last = int(np.searchsorted(clock, clock[-1] - span + 1e-6, side="right")) - 1
    if last < 0:
        raise ValueError(f"shorter than a clip of {span:.2f} {'frames' if how.in_frames else 's'}")
    starts = np.linspace(0, last, clips + 2)[1:-1].round().astype(int)
    return np.stack([clip_frames(clock, int(start), how) for start in starts])


def _nearest(clock: NDArray[np.float64], times: NDArray[np.float64]) -> NDArray[np.int64]:
    right = np.searchsorted(clock, times).clip(1, len(clock) - 1)
    return np.where(times - clock[right - 1] <= clock[right] - times, right - 1, right)
