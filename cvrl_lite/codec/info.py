"""What a video file says about itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from fractions import Fraction
from functools import cached_property

from cvrl_lite.codec.turn import orientation


@dataclass(frozen=True)
class VideoInfo:
    """Facts about one video stream, by one pass over its packets.

    `display_matrix`, `picture_types` (with what rests on them), `interlaced` and `reference_distance_known`
    are found at first use, while the video is open; the first three decode. Pickling finds them, too.

    Attributes:
        file: The path, or the file object's name.
        container: FFmpeg's name of the file format, such as "mov,mp4,m4a,3gp,3g2,mj2".
        stream: The container's index of the stream read.
        streams: One entry for each stream of the container, such as "video h264".
        codec: "h264", "mpeg4", "hevc" ...
        pixel_format: FFmpeg's name, such as "yuv420p".
        width: Pixels of a frame as it is handed out: turned, unless read with `apply_rotation=False`.
        height: As `width`.
        sample_aspect_ratio: A pixel's width by its height, of frames as they are handed out: the container's,
            or else the codec's; None where neither says, which players take for 1.
        display_width: Pixels of a frame that is shown with square ones, rounded: the coded width is stretched
            by the sample aspect ratio, the coded height stays.
        display_height: As `display_width`.
        frames: How many.
        duration: Seconds, from the first picture's start to the last one's end.
        average_rate: Frames a second: `frames` by `duration`. Where all frames last as long, up to what the
            clock rounds, it equals `nominal_rate`.
        nominal_rate: Frames a second by the step between most frames, as headers declare it where they are
            consistent with that. Without time stamps it is the rate of the stream's headers, 25 where they
            are silent, and all frames keep to it.
        time_base: Seconds a tick of the stream's clock; times are known no better.
        gop_lengths: Frames from each key picture to the next; the last one to the end.
        has_vectors: Whether FFmpeg's decoder exports motion vectors that can be used for this codec.
        vectors_in_fields: Whether vectors may count the lines of fields, half as many as a frame has, and
            lead to fields: H.264's MBAFF and field pictures, MPEG-2's and MPEG-4's field prediction. FFmpeg
            does not tell which blocks are fields, so that such vectors and their residuals cannot be
            trusted; `cvrl-lite transcode --deinterlace` makes a file whose vectors can be.
        has_timestamps: Whether times are the file's own; a raw stream has none and counts frames.
        times_adjusted: Whether some frames' times are not their own time stamps, as these are missing or
            repeated, jump back, or belong to another frame; the times rise nevertheless.
        clock_jumps: Indices of frames at which the file's clock jumps back, as where recordings were joined;
            from there on times go on from before.
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
    sample_aspect_ratio: Fraction | None
    display_width: int
    display_height: int
    frames: int
    duration: float
    average_rate: Fraction
    nominal_rate: Fraction
    time_base: Fraction
    gop_lengths: tuple[int, ...]
    has_vectors: bool
    vectors_in_fields: bool
    has_timestamps: bool
    times_adjusted: bool
    clock_jumps: tuple[int, ...]
    frame_bytes: tuple[int, ...] = field(repr=False)
    _types: Callable[[], str] = field(repr=False, compare=False)
    _interlaced: Callable[[], bool] = field(repr=False, compare=False)
    _matrix: Callable[[], tuple[int, ...] | None] = field(repr=False, compare=False)
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
    def display_matrix(self) -> tuple[int, ...] | None:
        """How a player lays the coded frames: nine numbers (a, b, u, c, d, v, x, y, w) as the file has them.

        A pixel at (x, y) is shown at (a x + c y, b x + d y); all are counted in 1/65536, but u, v and w in
        1/2**30. They are the container's (MP4, MOV, Matroska), or else those that an H.264 or HEVC stream
        says itself; None where neither does.
        """
        return self._matrix()

    @cached_property
    def interlaced(self) -> bool:
        """Whether frames are, or may be, of two fields that were taken at two times.

        H.264's headers tell where its blocks are fields, or may be; of other codecs the first frame's mark
        counts, too.
        """
        return self._interlaced()

    @property
    def mirrored(self) -> bool:
        """Whether a player flips the coded frames left to right, before it turns them by `rotation`."""
        return orientation(self.display_matrix).mirrored

    @property
    def rotation(self) -> int:
        """Degrees by which a player turns the coded frames, anticlockwise: -90, 0, 90 or 180."""
        return orientation(self.display_matrix).rotation

    @cached_property
    def reference_distance_known(self) -> bool:
        """Whether each vector leads to the nearest I- or P-picture before (or behind) it.

        The older codecs know no other references, but for FLV1: where any of its P-pictures is marked as
        disposable, this is False. In H.264 the headers of all slices must say so; what they leave open counts
        as False.
        """
        return self._known()

    def as_dict(self) -> dict[str, object]:
        """All of it but the lists with an entry a frame, ready for JSON; fractions become floats."""
        shown = [entry.name for entry in fields(self) if not entry.name.startswith("_")]
        shown.remove("frame_bytes")
        shown += ["display_matrix", "mirrored", "rotation", "interlaced"]
        shown += ["picture_counts", "picture_bytes", "reference_distance_known"]
        facts = {name: getattr(self, name) for name in shown}
        ratio = self.sample_aspect_ratio
        facts["sample_aspect_ratio"] = ratio and f"{ratio.numerator}:{ratio.denominator}"
        return {name: float(fact) if isinstance(fact, Fraction) else fact for name, fact in facts.items()}

    def __getstate__(self) -> dict[str, object]:
        late = ("display_matrix", "picture_types", "interlaced", "reference_distance_known")
        found = {name: getattr(self, name) for name in late}
        return {name: value for name, value in vars(self).items() if not name.startswith("_")} | found
