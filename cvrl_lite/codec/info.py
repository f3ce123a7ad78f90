"""Facts about a video file."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from fractions import Fraction
from typing import TYPE_CHECKING

from cvrl_lite.codec._stream.feed import VECTOR_CODECS
from cvrl_lite.codec._stream.index import describe_streams
from cvrl_lite.codec._stream.rates import average_rate, tick_of
from cvrl_lite.codec.turn import orientation

if TYPE_CHECKING:
    from cvrl_lite.codec.stream import Stream


@dataclass(frozen=True)
class VideoInfo:
    """Facts about a video stream: plain data, found by one pass over its packets and its first frame.

    Attributes:
        file: The path, or the name of the file object.
        container: FFmpeg's name of the format, such as "mov,mp4,m4a,3gp,3g2,mj2".
        stream: Index of the stream in the container.
        streams: All streams of the container, such as "video h264".
        codec: "h264", "mpeg4", "hevc" ...
        pixel_format: FFmpeg's name, such as "yuv420p".
        width: Width in pixels of the frames that are read: rotated, unless read with `apply_rotation=False`.
        height: Height, likewise.
        sample_aspect_ratio: Width of a pixel by its height, for the frames that are read: the container's, or
            else the codec's; None if neither has one, which players take for 1.
        display_width: Width of a frame displayed with square pixels, rounded: the coded width is scaled by
            the sample aspect ratio, the coded height stays.
        display_height: Height, likewise.
        frames: Number of frames.
        duration: Seconds from the start of the first frame to the end of the last one.
        average_rate: Frames per second: `frames` by `duration`. For evenly spaced frames, up to rounding, it
            equals `nominal_rate`.
        nominal_rate: Frames per second by the step between most frames, as headers declare it where they are
            consistent with that. Without timestamps it is the declared rate, or else 25.
        time_base: Seconds per tick of the stream's clock, the resolution of times.
        gop_lengths: Frames from each key frame to the next, or to the end.
        has_vectors: Whether FFmpeg's decoder of this codec exports usable motion vectors.
        vectors_in_fields: Whether vectors may be in lines of fields, half as many as a frame has, and refer
            to fields: H.264's MBAFF and field pictures, field prediction of MPEG-2 and MPEG-4. FFmpeg does
            not tell which blocks are fields, so these vectors and their residuals are unreliable;
            `cvrl-lite transcode --deinterlace` makes a file with reliable ones.
        has_timestamps: Whether times are the file's own; in a raw stream they are computed from the rate.
        times_adjusted: Whether some times are not the frames' own timestamps, because these are missing,
            repeated, jump back, or belong to another frame; times increase nevertheless.
        clock_jumps: Indices of frames at which the file's clock jumps back, as where recordings were
            joined; times continue from the frame before.
        display_matrix: How a player lays out the coded frames: nine numbers (a, b, u, c, d, v, x, y, w). A
            pixel at (x, y) is displayed at (a x + c y, b x + d y); units are 1/65536, for u, v and w 1/2**30.
            It is the container's (MP4, MOV, Matroska), or else that of an H.264 or HEVC stream; None if
            neither has one.
        interlaced: Whether frames are, or may be, of two fields captured at two times. H.264's headers tell
            where blocks may be fields; in other codecs the first frame's flag counts, too.
        frame_bytes: Coded size of each frame, in display order; empty if a stream has no timestamps or
            several frames per packet.

    Example:
        >>> from cvrl_lite import CompressedVideo, data_path
        >>> with CompressedVideo(data_path("sample.mp4")) as video:
        ...     info = video.info
        >>> info.codec, (info.width, info.height), info.frames, float(info.average_rate), info.has_vectors
        ('h264', (224, 224), 72, 25.0, True)
        >>> info.as_dict()["gop_lengths"]
        (12, 12, 12, 12, 12, 12)
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
    display_matrix: tuple[int, ...] | None
    interlaced: bool
    frame_bytes: tuple[int, ...] = field(repr=False)

    @property
    def mirrored(self) -> bool:
        """Whether a player flips the coded frames left to right, before it rotates them by `rotation`."""
        return orientation(self.display_matrix).mirrored

    @property
    def rotation(self) -> int:
        """Degrees by which a player rotates the coded frames, counterclockwise: -90, 0, 90 or 180."""
        return orientation(self.display_matrix).rotation

    def as_dict(self) -> dict[str, object]:
        """All facts but `frame_bytes`, ready for JSON; rates become floats, the aspect ratio "16:15"."""
        names = [entry.name for entry in fields(self) if entry.name != "frame_bytes"]
        facts = {name: getattr(self, name) for name in (*names, "mirrored", "rotation")}
        ratio = self.sample_aspect_ratio
        facts["sample_aspect_ratio"] = ratio and f"{ratio.numerator}:{ratio.denominator}"
        return {name: float(fact) if isinstance(fact, Fraction) else fact for name, fact in facts.items()}


def read_info(stream: Stream) -> VideoInfo:
    """Collects the facts about a stream.

    Raises:
        DamagedVideo: Its packets cannot be read.
    """
    index, first = stream.index, stream.first_frame
    height, width = stream.displayed(index.size)
    ratio = stream.source.sample_aspect_ratio
    wide = round(index.size[1] * (ratio or 1))
    display_height, display_width = stream.displayed((index.size[0], max(1, wide)))
    with stream.decoders.borrow_any() as decoder:
        container, tick = decoder.container, tick_of(decoder.stream)
        return VideoInfo(
            file=stream.name,
            container=container.format.name,
            stream=decoder.stream.index,
            streams=describe_streams(container),
            codec=stream.codec,
            pixel_format=str(decoder.stream.codec_context.pix_fmt),
            width=width,
            height=height,
            sample_aspect_ratio=1 / ratio if ratio and stream.orientation.transpose else ratio,
            display_width=display_width,
            display_height=display_height,
            frames=index.frames,
            duration=index.duration,
            average_rate=average_rate(index.frames, index.duration, index.rate, tick),
            nominal_rate=index.rate,
            time_base=tick,
            gop_lengths=index.gop_lengths,
            has_vectors=stream.codec in VECTOR_CODECS,
            vectors_in_fields=index.in_fields,
            has_timestamps=index.has_timestamps,
            times_adjusted=index.times_adjusted,
            clock_jumps=index.clock_jumps,
            display_matrix=first.display_matrix,
            # What is marked in H.264 may be whole frames nevertheless.
            interlaced=index.in_fields or (stream.codec != "h264" and first.interlaced),
            frame_bytes=tuple(index.bytes.tolist()),
        )
