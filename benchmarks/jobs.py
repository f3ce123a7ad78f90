"""The work as this package does it, for `peers.py`; and how much of it is spent inside FFmpeg."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from peers import answer, facts

from cvrl_lite import CompressedVideo
from cvrl_lite.codec._stream import decode, source

clock = time.process_time


class Stopwatch:
    """CPU seconds spent in the calls that it wraps."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, timed."""

        def run(*arguments: Any, **options: Any) -> Any:
            began = clock()
            try:
                return function(*arguments, **options)
            finally:
                self.seconds += clock() - began

        return run

    def iterated(self, items: Iterator[Any]) -> Iterator[Any]:
        """The iterator, each step timed."""
        step = self.timed(next)
        while (item := step(items, None)) is not None:
            yield item


class _Timed:
    """Stands for an object of PyAV's; some of its calls are timed."""

    def __init__(self, target: Any, watch: Stopwatch, calls: tuple[str, ...]) -> None:
        vars(self)["_target"] = target
        vars(self).update({name: watch.timed(getattr(target, name)) for name in calls})

    def __getattr__(self, name: str) -> Any:
        return getattr(vars(self)["_target"], name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(vars(self)["_target"], name, value)


class _Container(_Timed):
    def __init__(self, target: Any, watch: Stopwatch) -> None:
        super().__init__(target, watch, ("seek", "close"))
        vars(self)["demux"] = lambda *streams: watch.iterated(target.demux(*streams))


@contextmanager
def inside_ffmpeg() -> Iterator[Stopwatch]:
    """Times the calls into FFmpeg: opening, seeking, demuxing, decoding, converting to RGB."""
    watch = Stopwatch()
    attach = decode.Decoder._attach

    def attached(decoder: Any, opened: Any) -> None:
        attach(decoder, opened)
        decoder.context = _Timed(decoder.context, watch, ("decode",))

    class Library:
        def __getattr__(self, name: str) -> Any:
            return getattr(av, name)

        def open(self, *arguments: Any, **options: Any) -> _Container:
            return _Container(watch.timed(av.open)(*arguments, **options), watch)

    def converter() -> _Timed:
        return _Timed(VideoReformatter(), watch, ("reformat",))

    with (
        patch.object(source, "av", Library()),
        patch.object(decode.Decoder, "_attach", attached),
        patch.object(decode, "VideoReformatter", converter),
    ):
        yield watch


def read_twice(path: str) -> dict[str, Any]:
    """Key frames in one pass, vectors in another."""
    began = clock()
    with CompressedVideo(path) as video:
        opened = clock()
        keys, motion = video.keyframes(), video.motion()
    ended = clock()
    return answer(len(motion.mask), began, opened, ended, **facts(keys.images, motion.vectors, motion.mask))


def read_once(path: str) -> dict[str, Any]:
    """Key frames and vectors in one pass."""
    began = clock()
    with CompressedVideo(path) as video:
        opened = clock()
        (chunk,) = video.chunks(video.info.frames, ("keyframes", "motion"))
    ended = clock()
    found = facts(chunk.keyframes.images, chunk.motion.vectors, chunk.motion.mask)
    return answer(len(chunk.times), began, opened, ended, **found)


def vectors(path: str) -> dict[str, Any]:
    """Vectors alone."""
    began = clock()
    with CompressedVideo(path) as video:
        opened = clock()
        motion = video.motion()
    return answer(len(motion.mask), began, opened, clock(), cells=int(motion.mask.sum()))


def keys(path: str) -> dict[str, Any]:
    """Key frames alone."""
    began = clock()
    with CompressedVideo(path) as video:
        opened = clock()
        found = video.keyframes()
    return answer(len(found.images), began, opened, clock())


def clips(path: str, starts: list[int], frames: int, size: list[int] | None) -> dict[str, Any]:
    """RGB clips, each from a file opened anew."""
    began = clock()
    for first in starts:
        with CompressedVideo(path) as video:
            made = video.clip(first, frames, size=tuple(size) if size else None)
    return answer(frames * len(starts), began, began, clock(), mean=float(made.mean()))


def sample(
    path: str,
    starts: list[int],
    side: int,
    frames: int,
    window: int,
    keep: bool = False,
    inside: bool = False,
) -> dict[str, Any]:
    """What a training step takes: clip, key picture, vectors behind the clip.

    Args:
        path: The video.
        starts: The samples' first frames.
        side: Of the pictures.
        frames: Of a clip.
        window: Vector fields of a sample.
        keep: Whether the file stays open from one sample to the next, and from one call to the next.
        inside: Whether to time the calls into FFmpeg: `facts["inside"]`, a share.
    """
    if inside:
        with inside_ffmpeg() as watch:
            if keep:  # opened anew, under the watch, and not counted
                if (video := _kept.pop(path, None)) is not None:
                    video.close()
                sample(path, starts[:1], side, frames, window, keep)
            before = watch.seconds
            reply = sample(path, starts, side, frames, window, keep)
            share = (watch.seconds - before) / reply["reading"]
            if keep:
                _kept.pop(path).close()
        return reply | {"facts": {"inside": share}}
    began = clock()
    for first in starts:
        video = _kept.get(path) if keep else None
        if video is None:
            video = CompressedVideo(path)
        if keep:
            _kept[path] = video
        made = video.sample(first, frames, size=(side, side), window=window)
        if not keep:
            video.close()
    ended = clock()
    shapes = {"pictures": len(made.clip) + 1, "fields": window, "cells": int(made.motion.mask.sum())}
    return answer(len(starts), began, began, ended, **shapes)


def residuals(path: str) -> dict[str, Any]:
    """Residuals; `reading` is what they take beside FFmpeg's decoding: compensation and subtraction."""
    with inside_ffmpeg() as watch:
        began = clock()
        with CompressedVideo(path) as video:
            found = video.residuals()
        ended = clock()
    mean = float(np.abs(found.values).mean())
    return answer(len(found.values), began, began + watch.seconds, ended, exact=float(found.exact), mean=mean)


_kept: dict[str, CompressedVideo] = {}
JOBS = {
    "read_twice": read_twice,
    "read_once": read_once,
    "vectors": vectors,
    "keys": keys,
    "clips": clips,
    "sample": sample,
    "residuals": residuals,
}
