"""`CompressedVideo` held against a straight decode, file by file.

A straight decode (see straight.py) says how many frames a file has, in which order, with which pixels,
types and vectors, and which are key frames. Whatever CompressedVideo says, at any place, in any order of
calls, packets in memory or sought, its index read anew or from a cache, must be the slice of that.

    python tests/codec/differential.py                   files made for the purpose (see matrix.py)
    python tests/codec/differential.py FOLDER ...        the files in these folders, and below them
    python tests/codec/differential.py a.mp4 --calls 200

A line for each difference, then a summary; exit code 1 where anything differs, 2 where nothing was compared.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import av.logging
import matrix
import numpy as np
from comparison import Comparison
from straight import NoStream, Straight, digest, straight

from cvrl_lite import CompressedVideo, NotAVideo, NoVideoStream, UnreadableFile, VideoError

HELD = (0, 1, 2, 1000)  # frames in memory while the next ones are decoded: FFmpeg's buffers then differ
WHOLE, DAMAGED, DIFFERENT, NO_VIDEO = "whole", "damaged", "different", "no video"


@dataclass
class Verdict:
    """What came of one file.

    Attributes:
        differences: A line each.
        damage: Why the file is not whole, in the words of the straight decode and of CompressedVideo.
        read: Whether anything was compared.
    """

    differences: list[str] = field(default_factory=list)
    damage: str = ""
    read: bool = True

    @property
    def word(self) -> str:
        """The file's class."""
        if self.differences:
            return DIFFERENT
        return NO_VIDEO if not self.read else DAMAGED if self.damage else WHOLE


def compare(path: Path, calls: int = 12, seed: int = 0) -> Verdict:
    """Holds one file against its straight decode.

    Args:
        path: The file.
        calls: Random calls an opening.
        seed: Of the calls.
    """
    verdict = Verdict()
    try:
        truth = straight(path)
    except NoStream as error:
        verdict.read = False
        try:
            CompressedVideo(path).close()
            verdict.differences.append(f"opened, the straight decode says: {error}")
        except VideoError as refusal:
            verdict.damage = refusal.reason
        return verdict
    try:
        with CompressedVideo(path, apply_rotation=False) as video:
            frames = video.info.frames
            for _ in video.frames(size=16):
                pass
    except (UnreadableFile, NotAVideo, NoVideoStream) as error:
        verdict.differences.append(f"not opened ({error.reason}), a straight decode reads it")
        return verdict
    except VideoError as error:
        if truth.trouble:
            verdict.damage = f"{error.reason} (straight decode: {truth.trouble})"
            _compare_damaged(path, verdict.differences)
        else:
            verdict.differences.append(
                f"refused ({error.reason}), a straight decode delivers {len(truth.images)} sound frames"
            )
        return verdict
    if truth.trouble:
        verdict.differences.append(f"{frames} frames without a fault, the straight decode: {truth.trouble}")
        return verdict
    kinds = compare_whole(path, truth, verdict.differences, calls, seed)
    if kinds and kinds <= {"pixels", "vectors"} and not _settled(path):
        verdict.differences, verdict.damage = [], "FFmpeg conceals, and says nothing of it"
        _compare_damaged(path, verdict.differences)
    return verdict


def _settled(path: Path) -> bool:
    """Whether a straight decode gives the same pixels whatever lies in memory beside it."""
    truths = [straight(path, vectors=False, held=held).images for held in HELD]
    return all(images == truths[0] for images in truths)


def compare_whole(path: Path, truth: Straight, told: list[str], calls: int, seed: int) -> set[str]:
    """Five openings of a sound file, up to the first that differs; what kinds of differences it has."""
    with tempfile.TemporaryDirectory() as cache:
        openings = [
            ("in order", {}),
            ("at random", {}),
            ("index made", {"cache": cache}),
            ("index kept", {"cache": cache}),  # packets are not in memory here: it seeks
            ("on_damage=keep", {"on_damage": "keep"}),
        ]
        for number, (where, options) in enumerate(openings):
            comparison = Comparison(told, truth, where)
            chance = random.Random(f"{seed} {path.name} {number}")
            try:
                _compare_opening(comparison, path, options, calls, chance)
            except VideoError as error:
                comparison.tell("refusals", f"refused: {error.reason}")
            except Exception as error:
                comparison.tell("errors", f"{type(error).__name__}: {error}")
            comparison.finish()
            if told:
                return comparison.kinds
    return set()


def _compare_opening(
    comparison: Comparison, path: Path, options: dict[str, str], calls: int, chance: random.Random
) -> None:
    with CompressedVideo(path, apply_rotation=False, **options) as video:
        if comparison.where != "at random":
            _compare_facts(comparison, video)
        if comparison.where == "in order":
            _compare_all(comparison, video)
        if comparison.where == "on_damage=keep" and video.damage:
            comparison.tell("damage", f"damage where there is none: {video.damage}")
        _compare_calls(comparison, video, calls, chance)


def _compare_facts(comparison: Comparison, video: CompressedVideo) -> None:
    truth, info, times = comparison.truth, video.info, video.times
    count = len(truth.images)
    comparison.equal("frames", info.frames, count)
    comparison.equal("times", len(times), count)
    if not (np.isfinite(times).all() and (np.diff(times) > 0).all()):
        comparison.tell("times", "times do not rise")
    stamps = np.array(truth.stamps, float)
    adjusted = bool(getattr(info, "times_adjusted", False))
    if info.has_timestamps and not adjusted:
        if not truth.rises:
            comparison.tell("times", "times are said to be the file's, whose own do not rise")
        elif len(times) == count and np.abs(times - stamps).max() > 1e-6:
            first = int(np.argmax(np.abs(times - stamps) > 1e-6))
            words = f"frame {first} at {times[first]:.6f} s, the straight decode has {stamps[first]:.6f} s"
            comparison.tell("times", f"times: {words}")
    elif truth.rises and adjusted:
        comparison.tell("times", "times adjusted, and the file's own rise")
    types = comparison.read("picture_types", lambda: video.picture_types)
    if types is not None:
        comparison.equal("picture types", types, truth.types, "types")
    if not truth.keys:  # a decoder that flags none
        return
    starts = np.cumsum([0, *info.gop_lengths])
    comparison.equal("GOPs", [int(n) for n in starts], sorted({0, *truth.keys, count}))
    keys = comparison.read("keyframes", video.keyframes)
    if keys is not None:
        comparison.equal("key frames", keys.indices.tolist(), truth.keys, "keys")
        comparison.images("keyframes", keys.images, keys.indices.tolist())


def _compare_all(comparison: Comparison, video: CompressedVideo) -> None:
    """Whole readings, front to back."""
    count = video.info.frames

    def read() -> Iterator[int]:
        for place, image in enumerate(video.frames()):
            comparison.images("frames", image[None], [place])
            yield place

    passed = comparison.read("frames", lambda: sum(1 for _ in read()))
    comparison.equal("frames read", passed, len(comparison.truth.images))
    if video.info.has_vectors:
        for direction in ("past", "future"):
            comparison.motion(f"motion {direction}", video, 0, count, direction)
    with_vectors = video.info.has_vectors
    what = {
        "images",
        *(["keyframes"] if comparison.truth.keys else []),
        *(["motion"] if with_vectors else []),
    }
    known = with_vectors and video.reference_distance_known

    def chunked() -> None:
        keys: list[int] = []
        for chunk in video.chunks(17, what):
            stop = chunk.start + len(chunk.times)
            comparison.images("chunks", chunk.images, list(range(chunk.start, stop)))
            if chunk.keyframes is not None:
                places = chunk.keyframes.indices.tolist()
                comparison.images("chunks' keyframes", chunk.keyframes.images, places)
                keys += places
            if with_vectors:
                comparison.field("chunks", chunk.motion, chunk.start, stop, "past", known)
        comparison.equal("chunks: key frames", keys, comparison.truth.keys, "keys")

    comparison.read("chunks", chunked)


def _compare_calls(comparison: Comparison, video: CompressedVideo, calls: int, chance: random.Random) -> None:
    """Calls in any order, at places that tend to lie near key frames and the ends."""
    count, keys = video.info.frames, comparison.truth.keys
    doors = ["clip", "clip", "list", "frames"]
    doors += ["motion", "motion", "sample"] if video.info.has_vectors else []
    _compare_call(comparison, video, "clip", count - 1, 1)
    for _ in range(calls):
        near = chance.choice([0, count - 1, *chance.sample(keys, min(4, len(keys)))]) + chance.randint(-3, 3)
        start = min(max(0, near if chance.random() < 0.5 else chance.randrange(count)), count - 1)
        length = min(chance.randint(1, 5), count - start)
        _compare_call(comparison, video, chance.choice(doors), start, length)


def _compare_call(comparison: Comparison, video: CompressedVideo, door: str, start: int, length: int) -> None:
    call, count, stop = f"{door} {start} {length}", video.info.frames, start + length
    if door == "clip":
        found = comparison.read(call, lambda: video.clip(start, length))
        comparison.images(call, found, list(range(start, stop)))
    elif door == "list":
        wanted = [(start + 7) % count, start, start // 2, start, count - 1 - start // 3]
        found = comparison.read(call, lambda: video.frames_at(wanted))
        comparison.images(f"clip {wanted}", found, wanted)
    elif door == "frames":
        found = comparison.read(call, lambda: np.stack(list(video.frames(start, stop))))
        comparison.images(call, found, list(range(start, stop)))
    elif door == "motion":
        direction = "future" if start % 3 else "past"
        comparison.motion(f"{call} {direction}", video, start, stop, direction)
    elif stop < count:
        end = min(count, stop + 4)
        found = comparison.read(call, lambda: video.sample(start, length, window=end - stop))
        if found is None:
            return
        comparison.images(call, found.clip, list(range(start, stop)))
        comparison.images(f"{call} key frame", found.keyframe[None], [found.keyframe_index])
        key = max((key for key in comparison.truth.keys if key <= start), default=found.keyframe_index)
        comparison.equal(f"{call}: its key frame", found.keyframe_index, key, "keys")
        known = video.reference_distance_known
        comparison.field(call, found.motion, stop, end, "past", known)


def _compare_damaged(path: Path, told: list[str]) -> None:
    """What on_damage="keep" hands out of a damaged file: frames of the straight decode, in its order."""
    comparison = Comparison(told, straight(path, vectors=False), "on_damage=keep")
    readings = [_kept(path, comparison) for _ in range(2)]
    comparison.equal("second reading", readings[1], readings[0])
    if isinstance(readings[0], list):
        strays = [find_strays(readings[0], path, lead) for lead in ("keep", "skip")]
        for number in min(strays, key=len):
            comparison.tell("order", f"frame {number} is none of the straight decode, or not in its order")
    comparison.finish()


def find_strays(images: list[bytes], path: Path, lead: Literal["keep", "skip"]) -> list[int]:
    """The frames that are not in a straight decode, behind the frames before them."""
    truths = [straight(path, lead=lead, vectors=False, held=held).images for held in HELD]
    places, at, strays = list(zip(*truths)), 0, []
    for number, name in enumerate(images):
        # Where FFmpeg conceals with what lies in its memory, a frame looks different each time.
        loose = (i for i in range(at, len(places)) if len(set(places[i])) > 1)
        found = next((i for i in range(at, len(places)) if name in places[i]), next(loose, None))
        if found is None:
            strays.append(number)
        else:
            at = found + 1
    return strays


def _kept(path: Path, comparison: Comparison) -> list[bytes] | str:
    """Digests of the frames that are kept, or why there are none."""
    try:
        with CompressedVideo(path, on_damage="keep", apply_rotation=False) as video:
            images, times = [digest(image) for image in video.frames()], video.times
            if not (np.diff(times) > 0).all():
                comparison.tell("times", "times do not rise")
            counts = {len(images), len(times), video.info.frames, video.damage.frames}
            counts.add(len(video.picture_types))
            if len(counts) > 1:
                comparison.tell("frames", f"the doors count differently: {sorted(counts)}")
            return images
    except VideoError as error:
        return error.reason


def files_in(roots: list[Path]) -> list[Path]:
    """All files in and below some folders, or given as such."""
    found: list[Path] = []
    for root in roots:
        found += sorted(path for path in root.rglob("*") if path.is_file()) if root.is_dir() else [root]
    return found


def run(roots: list[Path], calls: int, seed: int) -> int:
    """Compares all files, prints what differs and returns the exit code."""
    counts: Counter[str] = Counter()
    for path in files_in(roots):
        verdict = compare(path, calls, seed)
        counts[verdict.word] += 1
        for line in verdict.differences:
            print(f"{path}: {line}", flush=True)
        if verdict.word == DAMAGED:
            print(f"{path}: damaged: {verdict.damage}", flush=True)
    compared = counts[WHOLE] + counts[DAMAGED] + counts[DIFFERENT]
    print(
        f"{compared} files: {counts[WHOLE]} whole, {counts[DAMAGED]} damaged, {counts[DIFFERENT]} different"
        f" ({counts[NO_VIDEO]} others hold no video)"
    )
    return 1 if counts[DIFFERENT] else 0 if compared else 2


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("paths", nargs="*", type=Path, help="folders or files")
    parser.add_argument("--calls", type=int, default=12, help="random calls an opening (12)")
    parser.add_argument("--seed", type=int, default=0, help="of the calls (0)")
    arguments = parser.parse_args()
    missing = [path for path in arguments.paths if not path.exists()]
    for path in missing:
        print(f"{path}: there is no such file or folder", file=sys.stderr)
    if missing:
        return 2
    av.logging.set_level(av.logging.PANIC)
    warnings.simplefilter("ignore")  # such as that a file is interlaced
    if arguments.paths:
        return run(arguments.paths, arguments.calls, arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        matrix.make(Path(folder), matrix.CASES)
        return run([Path(folder)], arguments.calls, arguments.seed)


if __name__ == "__main__":
    sys.exit(main())
