"""The same work by several libraries. Run as a process by `timing.Reader`, one library each:

    python benchmarks/peers.py NAME

reads one job a line from its input, as JSON, and answers with one line. No two libraries that bring an
FFmpeg are loaded into one process.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

clock = time.process_time
Job = Callable[..., dict[str, Any]]


def answer(frames: int, began: float, opened: float, ended: float, **facts: float) -> dict[str, Any]:
    return {"frames": frames, "opening": opened - began, "reading": ended - opened, "facts": facts}


def paint(columns: dict[str, np.ndarray], height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Past vectors on a field of 8x8 cells, the plain way: a scatter for each cell of each block size.

    Args:
        columns: Of the vectors: source, w, h, dst_x, dst_y (the center), motion_x, motion_y, motion_scale.
        height: Of the picture.
        width: Of the picture.
    """
    field = np.zeros((2, -(-height // 16) * 2, -(-width // 16) * 2), np.float32)
    mask = np.zeros(field.shape[1:], bool)
    for w in (8, 16):
        for h in (8, 16):
            of_size = (columns["source"] < 0) & (columns["w"] == w) & (columns["h"] == h)
            one = {name: column[of_size].astype(np.int64) for name, column in columns.items()}
            top, left = (one["dst_y"] - h // 2) // 8, (one["dst_x"] - w // 2) // 8
            for down in range(h // 8):
                for right in range(w // 8):
                    field[0, top + down, left + right] = one["motion_x"] / one["motion_scale"]
                    field[1, top + down, left + right] = one["motion_y"] / one["motion_scale"]
                    mask[top + down, left + right] = True
    rows, across = -(-height // 8), -(-width // 8)
    return field[:, :rows, :across], mask[:rows, :across]


def ours() -> tuple[str, dict[str, Job]]:
    import jobs

    import cvrl_lite

    return cvrl_lite.__version__, jobs.JOBS


def pyav() -> tuple[str, dict[str, Job]]:
    import av

    def start(path: str, vectors: bool = False) -> tuple[Any, Any]:
        container = av.open(path)
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        if vectors:
            stream.codec_context.flags2 |= av.codec.context.Flags2.export_mvs
        return container, stream

    def field(frame: Any) -> tuple[np.ndarray, np.ndarray]:
        side = frame.side_data.get("MOTION_VECTORS")
        if side is None:
            rows, columns = -(-frame.height // 8), -(-frame.width // 8)
            return np.zeros((2, rows, columns), np.float32), np.zeros((rows, columns), bool)
        records = side.to_ndarray()
        return paint({name: records[name] for name in NAMES}, frame.height, frame.width)

    def decode(path: str) -> dict[str, Any]:
        began = clock()
        container, stream = start(path)
        opened = clock()
        frames = sum(1 for _ in container.decode(stream))
        container.close()
        return answer(frames, began, opened, clock())

    def read(path: str) -> dict[str, Any]:
        began = clock()
        container, stream = start(path, vectors=True)
        opened = clock()
        images, fields, masks = [], [], []
        for frame in container.decode(stream):
            if frame.key_frame:
                images.append(frame.to_ndarray(format="rgb24"))
            vectors, mask = field(frame)
            fields.append(vectors)
            masks.append(mask)
        container.close()
        images, vectors, mask = np.stack(images), np.stack(fields), np.stack(masks)
        ended = clock()
        return answer(len(mask), began, opened, ended, **facts(images, vectors, mask))

    def sample(path: str, starts: list[int], side: int, frames: int, window: int) -> dict[str, Any]:
        """Clip, key picture and the next vector fields, as one would first write it down."""
        import torch

        torch.set_num_threads(1)
        began = clock()
        for first in starts:
            container, stream = start(path, vectors=True)
            origin, rate = stream.start_time or 0, stream.average_rate
            wanted = {origin + round(i / rate / stream.time_base): i for i in range(first, first + frames)}
            later = {
                origin + round(i / rate / stream.time_base): i
                for i in range(first + frames, first + frames + window)
            }
            container.seek(min(wanted), stream=stream)
            pictures, fields = [], []
            for frame in container.decode(stream):
                if frame.key_frame and frame.pts <= min(wanted):
                    key = frame.to_ndarray(format="rgb24")
                if frame.pts in wanted:
                    pictures.append(frame.to_ndarray(format="rgb24"))
                if frame.pts in later:
                    fields.append(field(frame))
                if frame.pts >= max(later):
                    break
            container.close()
            batch = torch.from_numpy(np.stack([*pictures, key])).permute(0, 3, 1, 2).float()
            batch = torch.nn.functional.interpolate(batch, (side, side), mode="bilinear", antialias=True)
            made = batch.round().to(torch.uint8).numpy(), np.stack([v for v, _ in fields])
        ended = clock()
        shapes = {
            "pictures": len(made[0]),
            "fields": len(made[1]),
            "cells": int(np.sum([m for _, m in fields])),
        }
        return answer(len(starts), began, began, ended, **shapes)

    return av.__version__, {"decode": decode, "read": read, "sample": sample}


def mv_extractor() -> tuple[str, dict[str, Job]]:
    from importlib.metadata import version

    from mvextractor.videocap import VideoCap

    def read(path: str) -> dict[str, Any]:
        began = clock()
        video = VideoCap()
        if not video.open(path):
            raise OSError(f"{path} cannot be opened")
        opened = clock()
        images, fields, masks = [], [], []
        while True:
            there, picture, vectors, kind = video.read()[:4]
            if not there:
                break
            if kind == "I":
                images.append(picture[..., ::-1])
            columns = dict(zip(ORDER, vectors.reshape(-1, 10).T, strict=True))
            field, mask = paint({name: columns[name] for name in NAMES}, *picture.shape[:2])
            fields.append(field)
            masks.append(mask)
        video.release()
        images, vectors, mask = np.stack(images), np.stack(fields), np.stack(masks)
        ended = clock()
        return answer(len(mask), began, opened, ended, **facts(images, vectors, mask))

    return version("motion-vector-extractor"), {"read": read}


def decord() -> tuple[str, dict[str, Job]]:
    import decord as library

    def clips(path: str, starts: list[int], frames: int, size: list[int] | None) -> dict[str, Any]:
        began = clock()
        height, width = size or (-1, -1)
        for first in starts:
            video = library.VideoReader(path, library.cpu(0), width=width, height=height, num_threads=1)
            made = video.get_batch(list(range(first, first + frames))).asnumpy()
        return answer(frames * len(starts), began, began, clock(), mean=float(made.mean()))

    return library.__version__, {"clips": clips}


def torchcodec() -> tuple[str, dict[str, Job]]:
    import torch
    import torchcodec as library
    from torchcodec.decoders import VideoDecoder

    torch.set_num_threads(1)

    def clips(path: str, starts: list[int], frames: int, size: list[int] | None) -> dict[str, Any]:
        began = clock()
        options: dict[str, Any] = {"dimension_order": "NHWC", "num_ffmpeg_threads": 1}
        if size:
            from torchcodec.transforms import Resize

            options["transforms"] = [Resize(tuple(size))]
        for first in starts:
            # "approximate" takes the header's word for the frames' times; "exact" reads all packets first.
            video = VideoDecoder(path, seek_mode="approximate", **options)
            made = video.get_frames_in_range(first, first + frames).data.numpy()
        return answer(frames * len(starts), began, began, clock(), mean=float(made.mean()))

    return library.__version__, {"clips": clips}


def opencv() -> tuple[str, dict[str, Job]]:
    import cv2

    cv2.setNumThreads(1)

    def flow(path: str, method: str, to: str = "") -> dict[str, Any]:
        """Flow from each picture back to the one before, as the vectors point.

        `path` is an .npy file of (T, H, W) uint8 gray pictures; the result goes to `to`, (T - 1, 2, H, W).
        """
        gray = np.load(path)
        if method == "DIS":
            search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

            def run(here: np.ndarray, before: np.ndarray) -> np.ndarray:
                return search.calc(here, before, None)
        else:

            def run(here: np.ndarray, before: np.ndarray) -> np.ndarray:
                return cv2.calcOpticalFlowFarneback(here, before, None, 0.5, 3, 15, 3, 5, 1.2, 0)

        began = clock()
        fields = [run(here, before) for before, here in pairwise(gray)]
        ended = clock()
        if to:
            np.save(to, np.stack(fields).transpose(0, 3, 1, 2))
        return answer(len(fields), began, began, ended)

    return cv2.__version__, {"flow": flow}


def facts(images: np.ndarray, vectors: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    """What is compared between readers."""
    return {
        "keys": len(images),
        "cells": int(mask.sum()),
        "sum": float(np.abs(vectors, dtype=np.float64).sum()),
        "brightness": round(float(images.mean()), 1),
    }


ORDER = ("source", "w", "h", "src_x", "src_y", "dst_x", "dst_y", "motion_x", "motion_y", "motion_scale")
NAMES = ("source", "w", "h", "dst_x", "dst_y", "motion_x", "motion_y", "motion_scale")
LIBRARIES: dict[str, Callable[[], tuple[str, dict[str, Job]]]] = {
    "ours": ours,
    "pyav": pyav,
    "mv-extractor": mv_extractor,
    "decord": decord,
    "torchcodec": torchcodec,
    "opencv": opencv,
}


def main(name: str) -> None:
    # Whatever a library prints goes to stderr; the answers have the first stdout for themselves.
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        version, jobs = LIBRARIES[name]()
    except (ImportError, OSError, RuntimeError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        print(json.dumps({"missing": f"cannot be imported: {reason[:200]}"}), file=channel, flush=True)
        return
    print(json.dumps({"version": version}), file=channel, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            reply = jobs[request["job"]](request["path"], **request["options"])
        except Exception as error:
            reply = {"missing": f"{request['job']} fails: {type(error).__name__}: {error}"}
        print(json.dumps(reply), file=channel, flush=True)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main(sys.argv[1])
