"""Pictures and files that the codec tests are made of."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import av
import numpy as np

from cvrl_lite import CompressedVideo
from cvrl_lite.codec._stream.raster import RECORD, records


def texture(height: int, width: int, seed: int = 0, grain: int = 6) -> np.ndarray:
    """A smooth random texture, (height, width, 3) uint8, that block matching can follow."""
    coarse = np.random.default_rng(seed).integers(0, 256, (height // grain + 2, width // grain + 2, 3))
    y, x = np.arange(height) / grain, np.arange(width) / grain
    top, left = y.astype(int), x.astype(int)
    a, b = (y - top)[:, None, None], (x - left)[None, :, None]
    rows = coarse[top] * (1 - a) + coarse[top + 1] * a
    return (rows[:, left] * (1 - b) + rows[:, left + 1] * b).astype(np.uint8)


def pan(frames: int, dx: int, dy: int, height: int = 96, width: int = 128, seed: int = 0) -> np.ndarray:
    """A texture whose content moves by (dx, dy) pixels a frame."""
    room = frames * max(abs(dx), abs(dy), 1)
    big = texture(height + 2 * room, width + 2 * room, seed)
    corners = [(room - dy * t, room - dx * t) for t in range(frames)]
    return np.stack([big[y : y + height, x : x + width] for y, x in corners])


def noise(frames: int, height: int = 96, width: int = 128, seed: int = 0) -> np.ndarray:
    """Pictures that have nothing to do with each other."""
    return np.random.default_rng(seed).integers(0, 256, (frames, height, width, 3), np.uint8)


def remux(src: Path, dst: Path, matrix: Sequence[int] | None = None, **options: str) -> Path:
    """Copies the packets of the first video stream into another container, perhaps with a display matrix."""
    with av.open(str(src)) as old, av.open(str(dst), "w", options=options) as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        if matrix is not None:
            stream.set_display_matrix(matrix)
        for packet in old.demux(old.streams.video[0]):
            if packet.size:
                packet.stream = stream
                new.mux(packet)
    return dst


_ONE = 1 << 16

MATRICES = {
    name: (a * _ONE, b * _ONE, 0, c * _ONE, d * _ONE, 0, 0, 0, 1 << 30)
    for name, (a, b, c, d) in {
        "identity": (1, 0, 0, 1),
        "clockwise": (0, 1, -1, 0),
        "half turn": (-1, 0, 0, -1),
        "anticlockwise": (0, -1, 1, 0),
        "hflip": (-1, 0, 0, 1),
        "vflip": (1, 0, 0, -1),
        "transpose": (0, 1, 1, 0),
        "antitranspose": (0, -1, -1, 0),
    }.items()
}
"""The eight display matrices of whole quarter turns and mirrors: x' = a x + c y, y' = b x + d y."""


def shown(images: np.ndarray, matrix: Sequence[int] | None, rows: int = 1) -> np.ndarray:
    """Images whose rows are the axis `rows`, pixel by pixel where the matrix puts them."""
    if matrix is None:
        return images
    a, b, c, d = (int(np.sign(matrix[i])) for i in (0, 1, 3, 4))
    height, width = images.shape[rows : rows + 2]
    y, x = np.mgrid[0:height, 0:width]
    right, down = a * x + c * y, b * x + d * y
    right, down = right - right.min(), down - down.min()
    moved = np.moveaxis(images, (rows, rows + 1), (0, 1))
    made = np.empty((down.max() + 1, right.max() + 1, *moved.shape[2:]), images.dtype)
    made[down, right] = moved
    return np.moveaxis(made, (0, 1), (rows, rows + 1))


def write_sound(path: Path) -> Path:
    """A tenth of a second of silence, and no frame."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
        frame.sample_rate = 8000
        container.mux([*stream.encode(frame), *stream.encode(None)])
    return path


def slow_painter(path: Path, direction: str, most: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The dense field of the first frames by loops over PyAV's vector objects, not divided by distances."""
    sign = -1 if direction == "past" else 1
    fields, masks = [], []
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        video.codec_context.thread_count = 1
        video.codec_context.flags2 |= av.codec.context.Flags2.export_mvs
        for frame in islice(container.decode(video), most):
            rows, columns = -(-frame.height // 8), -(-frame.width // 8)
            field, mask = np.zeros((2, rows, columns), np.float32), np.zeros((rows, columns), bool)
            for v in frame.side_data.get("MOTION_VECTORS") or ():
                if v.source != sign:
                    continue
                for y in range((v.dst_y - v.h // 2) // 8, -(-(v.dst_y + v.h // 2) // 8)):
                    for x in range((v.dst_x - v.w // 2) // 8, -(-(v.dst_x + v.w // 2) // 8)):
                        if y < rows and x < columns:
                            field[:, y, x] = v.motion_x / v.motion_scale, v.motion_y / v.motion_scale
                            mask[y, x] = True
            fields.append(field)
            masks.append(mask)
    return np.stack(fields), np.stack(masks)


def pack_b_pictures(src: Path, dst: Path, cut: int = 0) -> Path:
    """Writes an MPEG-4 stream with B-frames (.m4v) as an AVI file packed as DivX and XviD do it.

    The last `cut` packets are left out.
    """
    with av.open(str(src)) as container:
        stream = container.streams.video[0]
        header = bytes(stream.codec_context.extradata or b"")
        size, rate = (stream.codec_context.width, stream.codec_context.height), stream.average_rate
        packets = [bytes(packet) for packet in container.demux(stream) if packet.size]
    code = b"\0\0\1\xb6"
    kinds = [data[data.index(code) + 4] >> 6 for data in packets]  # 0 I, 1 P, 2 B
    filler = code + b"\x50\x4f"  # a P-frame that is not coded, at 25 frames a second
    chunks: list[bytes] = []
    for data, kind, before in zip(packets, kinds, [0, *kinds], strict=False):
        if kind == 2 and before != 2:
            chunks[-1] += data
            chunks.append(filler)
        elif kind == 2:
            chunks.insert(-1, data)
        else:
            chunks.append(data)
    at = chunks[0].index(code)
    layers = header[: header.index(b"\0\0\1\xb2")]
    chunks[0] = layers + chunks[0][:at] + b"\0\0\1\xb2DivX503b1393p" + chunks[0][at:]
    with av.open(str(dst), "w") as container:
        stream = container.add_stream("mpeg4", rate=rate)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for i, data in enumerate(chunks[: len(chunks) - cut]):
            packet = av.Packet(data)
            packet.pts = packet.dts = i
            packet.time_base, packet.stream, packet.is_keyframe = 1 / rate, stream, not i
            container.mux(packet)
    return dst


def exported_records(video: CompressedVideo) -> list[np.ndarray]:
    """Each frame's vectors as FFmpeg exports them to our decoder, (N,) of dtype RECORD."""
    stream = video._stream
    with stream.decoders.borrow(vectors=True, pixels="none") as decoder:
        frames = (frame for _, frame in decoder.frames(stream.index, stream.frame_range(0, None)))
        held = (records(frame) for frame in frames)
        return [np.empty(0, RECORD) if part is None else part.copy().view(RECORD) for part in held]
