"""What a video file says about itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import cached_property


@dataclass(frozen=True)
class VideoInfo:
    """Facts about one video stream, by one pass over its packets.

    `rotation`, `picture_types` (with what rests on them) and `reference_distance_known` are found at first
    use, while the video is open; the first two decode. Pickling finds them, too.

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
        has_vectors: Whether FFmpeg's decoder exports motion vectors that can be used for this codec.
        has_timestamps: Whether times are the file's own; a raw stream has none and counts frames.
        frame_bytes: Bytes of each frame, in display order; empty where a stream has no time stamps or
            several pictures a packet, so that they cannot be told apart.
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
    frame_bytes: tuple[int, ...] = field(repr=False)
    _types: Callable[[], str] = field(repr=False, compare=False)
    _rotation: Callable[[], int] = field(repr=False, compare=False)
    _known: Callable[[], bool] = field(repr=False, compare=False)

    @cached_property
    def picture_types(self) -> str:
        """A letter a frame, of I, P and B, in display order; decodes the file once."""
        return self._types()

    @property
    def picture_counts(self) -> dict[str, int]:
        """How many I-, P- and B-pictures there are: {"I": ..., "P": ..., "B": ...}."""
        return {kind: self.picture_types.count(kind) for kind in "IPB"}

    @property
    def picture_bytes(self) -> dict[str, int] | None:
        """Bytes of all I-, P- and B-pictures: {"I": ..., ...}; None where `frame_bytes` is empty."""
        if not self.frame_bytes:
            return None
        pairs = list(zip(self.picture_types, self.frame_bytes, strict=True))
        return {kind: sum(size for other, size in pairs if other == kind) for kind in "IPB"}

    @cached_property
    def rotation(self) -> int:
        """Degrees by which a player turns the pictures, anticlockwise."""
        return self._rotation()

    @cached_property
    def reference_distance_known(self) -> bool:
        """Whether each vector leads to the nearest I- or P-picture before (or behind) it.

        The older codecs know no other references, but for FLV1: where any of its P-pictures is marked as
        disposable, this is False. In H.264 the headers of all slices must say so; what they leave open counts
        as False.
        """
        return self._known()

    def as_dict(self) -> dict[str, object]:
        """All of it but the lists with an entry a frame, ready for JSON."""
        shown = [entry.name for entry in fields(self) if not entry.name.startswith("_")]
        shown.remove("frame_bytes")
        shown += ["rotation", "picture_counts", "picture_bytes", "reference_distance_known"]
        return {name: getattr(self, name) for name in shown}

    def __getstate__(self) -> dict[str, object]:
        late = ("rotation", "picture_types", "reference_distance_known")
        found = {name: getattr(self, name) for name in late}
        return {name: value for name, value in vars(self).items() if not name.startswith("_")} | found
