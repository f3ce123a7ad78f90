"""Files mutated at random, and what reading them may and may not do.

Whatever the bytes are, each door of the codec room gives a result or a VideoError. With on_damage="keep"
the doors agree with each other and with the report. Nothing else may happen: no other exception, no crash,
no silence, no growing memory. Workers in processes of their own read the files, so that a death or a
silence is noticed, and blamed on the mutation at hand.

    python tests/codec/fuzz.py                     10,000 mutations
    python tests/codec/fuzz.py --count 300 --seed 5000
    python tests/codec/fuzz.py --only 1234         one of them, in this process, its file kept
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import queue
import random
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from cvrl_lite import CompressedVideo, VideoError
from cvrl_lite.codec import encode

FRAMES = 36
CLIPS = {
    "b.mp4": {"gop": 12, "b_frames": 2, "references": 2},
    "old.avi": {"codec": "mpeg4", "gop": 12, "b_frames": 1},
    "plain.mkv": {"gop": 9},
    "raw.264": {"gop": 12, "b_frames": 1},
    "b.ts": {"gop": 12, "b_frames": 2},
}
SILENCE = 60.0  # seconds that one mutation may take
MOST_MEMORY = 4 << 30  # bytes of address space of a worker
MOST_GROWTH = 48 << 20  # bytes that a worker's memory may grow behind its first mutations
BATCH = 250  # mutations a worker


def make_clips(folder: Path) -> None:
    """Writes the clips that are mutated."""
    chance = np.random.default_rng(0)
    big = chance.integers(0, 256, (16, 20, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    frames = np.stack([big[t : t + 48, 2 * t : 2 * t + 64] for t in range(FRAMES)])
    frames[20:, :, ::-1] = frames[20:]
    for name, how in CLIPS.items():
        encode(frames, folder / name, **how)


def mutate(data: bytes, chance: random.Random) -> tuple[bytes, str]:
    """Some mutations of one file, and a word on each."""
    held, harm = bytearray(data), []
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        size = len(held)
        if size < 2:
            break
        at = chance.randrange(size if chance.random() < 0.7 else min(size, 1500))  # the header is interesting
        long = min(size - at, 1 + int(chance.paretovariate(0.5)) % max(1, size // 3))
        kind = chance.choice(("flip", "bytes", "zero", "cut", "double", "delete", "swap", "number"))
        if kind == "flip":
            for _ in range(chance.choice((1, 1, 4, 30, 300))):
                held[chance.randrange(size)] ^= 1 << chance.randrange(8)
        elif kind == "bytes":
            held[at : at + long] = chance.randbytes(long)
        elif kind == "zero":
            held[at : at + long] = bytes(long)
        elif kind == "cut":
            del held[at:]
        elif kind == "double":
            held[at:at] = held[at : at + long]
        elif kind == "delete":
            del held[at : at + long]
        elif kind == "swap":
            other = chance.randrange(size)
            a, b = sorted((at, other))
            long = min(long, b - a, size - b)
            held[a : a + long], held[b : b + long] = held[b : b + long], held[a : a + long]
        else:  # a field of a header
            width = chance.choice((1, 2, 4, 8))
            most = (1 << 8 * width) - 1
            value = min(most, chance.choice((0, 1, 127, 128, 255, most // 2 + 1, most)))
            held[at : at + width] = value.to_bytes(width, chance.choice(("big", "little")))
        harm.append(f"{kind} at {at}, {long}")
    return bytes(held), "; ".join(harm)


def mutation(folder: Path, seed: int) -> tuple[str, bytes, str]:
    """The name of the clip, the mutated bytes and what was done."""
    chance = random.Random(seed)
    name = chance.choice(sorted(CLIPS))
    return name, *mutate((folder / name).read_bytes(), chance)


def read_all(path: Path, mode: str, seed: int) -> tuple[str, dict[str, object]]:
    """Goes through every door: the first error's class or "whole", and what each door gave."""
    found: dict[str, object] = {}
    errors: list[str] = []

    def door(name: str, read: Callable[..., object], *which: object, **how: object) -> None:
        try:
            found[name] = read(*which, **how)
        except VideoError as error:
            assert str(error).startswith(str(path)) and "\n" not in str(error), str(error)
            if name != "accumulated":  # which streams with B-frames refuse
                errors.append(f"{type(error).__name__} {name}")

    try:
        video = CompressedVideo(path, on_damage=mode)
    except VideoError as error:
        return type(error).__name__, {}
    chance = random.Random(seed)
    with video:
        door("info", lambda: video.info)
        if "info" not in found:
            return errors[0].split()[0], {}
        frames = video.info.frames
        door("facts", lambda: video.summary())
        door("damage", lambda: video.damage)
        door("times", lambda: video.times)
        door("frames", lambda: np.stack(list(video.frames())))
        door("keyframes", video.keyframes)
        if video.info.has_vectors:
            for direction in ("past", "both"):
                door(direction, video.motion, direction=direction)
            door("residuals", video.residuals, frames // 2, min(frames, frames // 2 + 4))
            door("accumulated", video.motion, accumulate=True)
        for _ in range(3):
            start = chance.randrange(frames)
            count = min(4, frames - start)
            door(f"clip {start} {count}", video.clip, start, count)
        vectors = ("motion", "residuals") if video.info.has_vectors else ()
        door("chunks", lambda: list(video.chunks(7, ("images", "keyframes", *vectors))))
        if vectors and frames > 8:
            start = chance.randrange(frames - 8)
            door(f"sample {start}", video.sample, start, 3, 2, window=4)
    return (errors or ["whole"])[0], found


def agreement(found: dict[str, object]) -> list[str]:
    """Asserts that what the doors of one video gave fits together.

    Returns:
        The doors whose frames or vectors differ from those of a reading from the start.
    """
    if "frames" not in found:
        return []
    frames, info, past = found["frames"], found["info"], found.get("past")
    count = len(frames)
    assert count == info.frames == len(found["times"]), "frames, info and times differ"
    assert sum(info.gop_lengths) <= count and min(info.gop_lengths) > 0, "GOPs of no pictures"
    assert sum(found["facts"]["picture_counts"].values()) <= count
    pairs = []
    for name, part in found.items():
        if name.startswith("clip "):
            start, length = map(int, name.split()[1:])
            pairs.append((name, part, frames[start : start + length]))
        elif name in ("past", "both"):
            assert len(part.vectors) == len(part.mask) == len(part.picture_types) == count
            assert np.isfinite(part.vectors).all(), "vectors are no numbers"
        elif name.startswith("sample "):
            start = int(name.split()[1])
            pairs.append((name, part.clip, frames[start : start + 6 : 2]))
            pairs.append((name, part.keyframe, frames[part.keyframe_index]))
            pairs.append((name, part.motion.vectors, past.vectors[start + 5 : start + 9]))
    if "keyframes" in found:
        keys = found["keyframes"]
        pairs.append(("keyframes", keys.images, frames[keys.indices]))
    for chunk in found.get("chunks", ()):
        here = slice(chunk.start, chunk.start + 7)
        pairs.append(("chunks", chunk.images, frames[here]))
        if past is not None:
            pairs.append(("chunks", chunk.motion.vectors, past.vectors[here]))
    assert all(a.shape == b.shape for _, a, b in pairs)
    return sorted({name.split()[0] for name, a, b in pairs if not np.array_equal(a, b)})


def examine(path: Path, seed: int) -> dict[str, str]:
    """Reads one file in both modes; what came of it, in a word each.

    Raises:
        AssertionError: What was read does not fit together.
        Exception: Anything that is not a VideoError.
    """
    strict_end, strict = read_all(path, "raise", seed)
    keep_end, keep = read_all(path, "keep", seed)
    differs = set(agreement(strict)) | set(agreement(keep))
    if keep:
        report, info = keep["damage"], keep["info"]
        assert keep_end == "whole", f"keep gave {keep_end}"
        assert report.frames == info.frames, "the report counts other frames"
        assert report == strict.get("damage", report), "the modes report different damage"
        assert list(report.corrupt) == sorted(set(report.corrupt))
        assert all(0 <= i < info.frames for i in report.corrupt)
        assert list(report.missing) == sorted(report.missing)
        if "info" in strict:
            assert report.frames + len(report.missing) == strict["info"].frames, "frames are lost"
        assert report or strict_end == "whole", f"raise gave {strict_end}, keep found nothing wrong"
        if "frames" in strict:  # which reads no further than the last frame, whatever comes behind it
            inside = [time for time in report.missing if time < keep["times"][-1]]
            assert not (report.corrupt or inside or report.breaks_off), f"raise has read {report}"
        if "frames" in strict and not np.array_equal(strict["frames"], keep["frames"]):
            differs.add("modes")
    else:
        assert "frames" not in strict, "raise reads what keep does not"
    kept = "nothing" if not keep else "all" if not keep["damage"] else "some"
    return {"raise": strict_end.split()[0], "kept": kept, "differs": " ".join(sorted(differs))}


def memory() -> int:
    """The resident bytes of this process."""
    return int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1]) * 4096


def work(folder: Path, start: int, stop: int) -> None:
    """A worker: a line before each mutation and one behind it."""
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    faulthandler.enable()
    import av.logging

    av.logging.set_level(av.logging.PANIC)
    baseline = 0
    for number, seed in enumerate(range(start, stop)):
        print(json.dumps({"seed": seed}), flush=True)
        name, data, harm = mutation(folder, seed)
        path = folder / f"{seed}-{name}"
        path.write_bytes(data)
        try:
            answer = examine(path, seed)
        except Exception as error:
            where = traceback.format_exc().splitlines()
            answer = {"fault": f"{type(error).__name__}: {error}", "where": "\n".join(where[-12:])}
        finally:
            path.unlink()
        answer |= {"clip": name, "told": harm}
        if sys.platform == "linux":
            answer["memory"] = memory() >> 20
            baseline = memory() if number == 60 else baseline
            if number > 60 and memory() - baseline > MOST_GROWTH:
                answer.setdefault("fault", f"memory grew by {memory() - baseline >> 20} MB")
                baseline = memory()
        print(json.dumps(answer), flush=True)


def answers(folder: Path, start: int, stop: int, silence: float) -> Iterator[tuple[int, dict[str, str]]]:
    """Each seed from `start` to `stop` and what came of it, workers started as needed."""
    while start < stop:
        last = min(stop, start + BATCH)
        command = [sys.executable, __file__, "--worker", str(folder), str(start), str(last)]
        with tempfile.TemporaryFile() as complaints:
            worker = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=complaints, text=True)
            lines: queue.Queue[str] = queue.Queue()

            def listen(pipe=worker.stdout, lines=lines) -> None:
                for line in pipe:
                    lines.put(line)
                lines.put("")

            threading.Thread(target=listen, daemon=True).start()
            seed = None
            try:
                while line := lines.get(timeout=silence):
                    answer = json.loads(line)
                    if "seed" in answer:
                        seed = answer["seed"]
                    else:
                        yield seed, answer
                        start, seed = seed + 1, None
                worker.wait()
                if seed is not None or worker.returncode or start < last:
                    complaints.seek(0)
                    words = complaints.read().decode(errors="replace")[-2000:]
                    seed = start if seed is None else seed
                    yield seed, {"fault": f"the worker died with {worker.returncode}", "where": words}
                    start = seed + 1
            except queue.Empty:
                yield seed or start, {"fault": f"silent for {silence:g} s"}
                start = (seed or start) + 1
            finally:
                worker.kill()
                worker.wait()
                worker.stdout.close()


def run(count: int, seed: int, silence: float = SILENCE, *, loud: bool = True) -> list[dict[str, str]]:
    """Reads `count` mutations and returns those with a fault."""
    faults, ends, clock = [], Counter(), time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_clips(folder)
        for at, answer in answers(folder, seed, seed + count, silence):
            if answer.get("differs"):  # the same call gives the same bytes, whatever the file
                answer["fault"] = f"two readings differ: {answer['differs']}"
            if "fault" in answer:
                faults.append({"seed": at, **answer})
                if loud:
                    print(json.dumps(faults[-1], indent=1), flush=True)
            else:
                ends[f"raise {answer['raise']:14} keep {answer['kept']}"] += 1
            done = at - seed + 1
            if loud and done % 500 == 0:
                took = time.monotonic() - clock
                print(f"{done} of {count}, {len(faults)} faults, {took:.0f} s", flush=True)
    if loud:
        print(*(f"{number:6} {end}" for end, number in sorted(ends.items()) if number), sep="\n")
    return faults


def main() -> int:
    """The command line; 1 where there were faults."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--count", type=int, default=10_000, help="mutations (10000)")
    parser.add_argument("--seed", type=int, default=0, help="the first one's number (0)")
    parser.add_argument("--only", type=int, help="read this one alone, here")
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        work(Path(arguments.worker[0]), int(arguments.worker[1]), int(arguments.worker[2]))
        return 0
    if arguments.only is not None:
        folder = Path(tempfile.mkdtemp())
        make_clips(folder)
        name, data, harm = mutation(folder, arguments.only)
        path = folder / f"{arguments.only}-{name}"
        path.write_bytes(data)
        print(path, harm, sep="\n")
        print(examine(path, arguments.only))
        return 0
    return 1 if run(arguments.count, arguments.seed) else 0


if __name__ == "__main__":
    sys.exit(main())
