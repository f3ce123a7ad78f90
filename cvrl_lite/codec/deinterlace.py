"""Deinterlaces frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

import numpy as np
from av.filter import Graph
from av.video.frame import VideoFrame

from cvrl_lite.codec.stream import Stream
from cvrl_lite.codec.turn import Size, turned_images


def deinterlaced(frames: Iterable[VideoFrame]) -> Iterator[VideoFrame]:
    """Applies FFmpeg's filter bwdif, one output frame per frame.

    Frames that are not marked as interlaced, or are too small for the filter, which requires 3 columns and 4
    lines per plane, pass unchanged.

    Args:
        frames: Decoded frames of one size, in order, with all pixels.
    """
    graph, count = None, 0
    for count, frame in enumerate(frames, 1):
        if frame.format.chroma_width(frame.width) < 3 or frame.format.chroma_height(frame.height) < 4:
            yield frame
            continue
        graph = graph or _graph(frame)
        frame.pts = count
        graph.push(frame)
        yield from _ready(graph)
    if graph is not None:
        graph.push(None)
        yield from _ready(graph)


def _graph(like: VideoFrame) -> Graph:
    graph = Graph()
    source = graph.add_buffer(
        width=like.width, height=like.height, format=like.format, time_base=Fraction(1, 25)
    )
    fields = graph.add("bwdif", "mode=send_frame:parity=auto:deint=interlaced")
    sink = graph.add("buffersink")
    source.link_to(fields)
    fields.link_to(sink)
    graph.configure()
    return graph


def _ready(graph: Graph) -> Iterator[VideoFrame]:
    while True:
        try:
            frame = graph.pull()
        except (BlockingIOError, EOFError):  # needs more input, or is finished
            return
        assert isinstance(frame, VideoFrame)
        yield frame


def deinterlaced_images(stream: Stream, size: Size | None) -> Iterator[np.ndarray]:
    """All frames of a stream as (h, w, 3) uint8 RGB, deinterlaced before scaling and rotation.

    Raises:
        DamagedVideo: A frame cannot be decoded.
    """
    height, width = stream.plan(1, (), size).size
    with stream.decoders.borrow() as decoder:
        decoded = decoder.frames(stream.index, range(stream.index.frames))
        for frame in deinterlaced(frame for _, frame in decoded):
            image = decoder.rgb(frame, np.empty((height, width, 3), np.uint8))
            yield turned_images(image, stream.orientation)
