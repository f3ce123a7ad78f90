"""What a video file says about itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import cached_property


@dataclass(frozen=True)
class VideoInfo:
    """Facts about one video stream, by one pass over its packets.

    `rotation`, `picture_counts` and `reference_distance_known` are found at first use; the first two decode.

    Attributes:
        file: The path, or the file object's name.
        container: FFmpeg's name of the file format, such as "mov,mp4,m4a,3gp,3g2,mj2".
        stream: The container's index of the stream read.
        streams: One entry for each stream of the container, such as "video h264".
        codec: "h264", "mpeg4", "hevc" ...
        pixel_format: FFmpeg's name, such as "yuv420p".
        width: Pixels.
        height: Pixels.
        frames: How many.
        duration: Seconds, from the first picture's start to the last one's end.
        frame_rate: Frames a second, on average.
        gop_lengths: Frames from each key picture to the next; the last one to the end.
        has_vectors: Whether FFmpeg's decoder exports motion vectors for this codec.
        has_timestamps: Whether times are the file's own; a raw stream has none and counts frames.
    """

    file: str
    container: str
    stream: int
    streams: tuple[str, ...]
    codec: str
    pixel_format: str
    width: int
    height: int
    frames: int
    duration: float
    frame_rate: float
    gop_lengths: tuple[int, ...]
    has_vectors: bool
    has_timestamps: bool
    _count: Callable[[], dict[str, int]] = field(repr=False, compare=False)
    _rotation: Callable[[], int] = field(repr=False, compare=False)
    _known: Callable[[], bool] = field(repr=False, compare=False)

    @cached_property
    def picture_counts(self) -> dict[str, int]:
        """How many I-, P- and B-pictures there are: {"I": ..., "P": ..., "B": ...}; decodes the file once."""
        return self._count()

    @cached_property
    def rotation(self) -> int:
        """Degrees by which a player turns the pictures, anticlockwise."""
        return self._rotation()

    @cached_property
    def reference_distance_known(self) -> bool:
        """Whether each vector leads to the nearest I- or P-picture before (or behind) it.

        The older codecs know no other references. In H.264 the headers of all slices must say so; what
        they leave open counts as False.
        """
        return self._known()

    def as_dict(self) -> dict[str, object]:
        """All of it, ready for JSON."""
        facts: dict[str, object] = {
            entry.name: getattr(self, entry.name) for entry in fields(self) if not entry.name.startswith("_")
        }
        late = ("rotation", "picture_counts", "reference_distance_known")
        return facts | {name: getattr(self, name) for name in late}
