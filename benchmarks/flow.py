"""Vectors beside dense optical flow: speed at 320x240, and agreement with the known motion of MovingScenes.

Axes: T frames, H W pixels.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import mean

import clips
import numpy as np
from known import known_motion
from timing import Missing, Reader, Timing, in_turn, say, table, typical

from cvrl_lite import CompressedVideo
from cvrl_lite.codec import encode
from cvrl_lite.datasets.moving_scenes import ACTIONS, SCENES, draw

METHODS = {"DIS": "OpenCV DIS (medium)", "Farneback": "OpenCV Farneback"}
SIDE, FRAMES = 240, 25
LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def gray(path: Path, frames: int) -> np.ndarray:
    """(T, H, W) uint8 of a clip's first pictures."""
    with CompressedVideo(path) as video:
        stop = min(frames, video.info.frames)
        return np.stack([(picture @ LUMA).round().astype(np.uint8) for picture in video.frames(0, stop)])


def agreement(found: np.ndarray, truth: np.ndarray, moving: np.ndarray, still: np.ndarray) -> list[float]:
    """How well a field agrees with the known one.

    Args:
        found: (T, 2, H, W).
        truth: The same.
        moving: (T, H, W), where things moved.
        still: The same, where nothing did.

    Returns:
        The mean end-point error in moving parts, in pixels; the mean cosine there between what is found and
        what is true, no vector counting as 0; the mean length found in still parts.
    """
    found, truth = found.transpose(0, 2, 3, 1), truth.transpose(0, 2, 3, 1)
    here, true = found[moving], truth[moving]
    lengths = np.linalg.norm(here, axis=1) * np.linalg.norm(true, axis=1)
    cosine = (here * true).sum(1) / np.maximum(lengths, 1e-9)
    error = np.linalg.norm(here - true, axis=1)
    return [float(error.mean()), float(cosine.mean()), float(np.linalg.norm(found[still], axis=1).mean())]


def compare(reader: Reader | None, seeds: int) -> dict[str, list[float]]:
    """The agreement of each method, means over clips of all actions."""
    scores: dict[str, list[list[float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        file, pictures, fields = (Path(folder) / name for name in ("clip.mp4", "gray.npy", "flow.npy"))
        for seed, action in ((seed, action) for seed in range(seeds) for action in ACTIONS):
            scene = SCENES[(seed * len(ACTIONS) + ACTIONS.index(action)) % len(SCENES)]
            encode(draw(scene, action, seed, frames=FRAMES, size=SIDE), file)
            truth, moving, still = known_motion(action, seed, FRAMES, SIDE)
            with CompressedVideo(file) as video:
                motion = video.motion()
            some = motion.picture_types == "P"
            truth, moving, still = truth[some], moving[some], still[some]
            found = {
                "motion vectors": motion.resample(None, (SIDE, SIDE)).vectors[some],
                "no motion at all": np.zeros_like(truth),
            }
            if reader:
                np.save(pictures, gray(file, FRAMES))
                for method, name in METHODS.items():
                    reader.run("flow", pictures, method=method, to=str(fields))
                    found[name] = np.load(fields)[some[1:]]
            if moving.any():
                for name, field in found.items():
                    scores.setdefault(name, []).append(agreement(field, truth, moving, still))
    return {name: [mean(column) for column in zip(*rows, strict=True)] for name, rows in scores.items()}


def tables(rounds: int, fast: bool) -> list[str]:
    """One table: speed and agreement."""
    path, frames = clips.clip(clips.H264), 20 if fast else 60
    reader, ours = None, Reader("ours")
    try:
        reader = Reader("opencv")
    except Missing as error:
        say(f"optical flow is left out: {error}")

    def decoding() -> Timing:
        began = time.process_time()
        made = gray(path, frames)
        return Timing(len(made), 0, time.process_time() - began)

    contenders = {"motion vectors": lambda: ours.run("vectors", path)}
    with tempfile.TemporaryDirectory() as folder:
        pictures = Path(folder) / "gray.npy"
        np.save(pictures, gray(path, frames))
        if reader:
            contenders["decoding"] = decoding
            for method, name in METHODS.items():
                contenders[name] = lambda method=method: reader.run("flow", pictures, method=method)
        timings = in_turn(contenders, rounds)
    scores = compare(reader, 1 if fast else 2)
    for each in filter(None, (reader, ours)):
        each.close()

    seconds = {name: typical(each) / each[0].frames for name, each in timings.items()}
    rows: list[list[object]] = []
    for name in ("motion vectors", *METHODS.values(), "no motion at all"):
        if name not in scores:
            continue
        alone = None if name == "motion vectors" else 1 / seconds[name] if name in seconds else None
        whole = seconds.get(name)
        if whole and alone:
            whole += seconds["decoding"]
        times = seconds["motion vectors"] / whole if whole else None
        rows.append([name, alone, 1 / whole if whole else None, times, *scores[name]])
    head = [
        "method",
        "fps alone",
        "fps from the file",
        "speed / vectors'",
        "error, px",
        "cosine",
        "still parts, px",
    ]
    return table(head, rows)
