"""Eleven classes of UCF101, all encoded alike: the real clips of experiments/real.py.

    python experiments/ucf11.py UCF101 OUT     # makes the set from a full copy of UCF101; resumable

In the files that UCF101 is published as, the frame rate, the GOP and the sound track nearly give the class
away, so each clip is decoded, scaled to 256x192 and encoded once more: MPEG-4 Part 2 in AVI, 25 frames a
second, at most 100 frames (the middle of longer clips), a key frame every 12, no B-frames, a fixed quantizer
of 5. The set holds the first four clips of each of the groups g08 to g25 of each class; a group's clips come
from one source video.
"""

from __future__ import annotations

import argparse
import re
import sys
from itertools import islice
from pathlib import Path

from cvrl_lite.codec import CompressedVideo, encode
from cvrl_lite.datasets import VideoDataset, VideoFolder
from cvrl_lite.errors import VideoError
from cvrl_lite.processes import map_in_processes, processors
from cvrl_lite.progress import track

CLASSES = (
    "Archery",
    "BasketballDunk",
    "CricketBowling",
    "CricketShot",
    "HorseRace",
    "PizzaTossing",
    "PlayingCello",
    "PlayingPiano",
    "PlayingSitar",
    "PlayingViolin",
    "Surfing",
)
SPLITS = {"train": range(8, 20), "val": range(20, 22), "test": range(22, 26)}
"""Groups: trained on and searched; every choice is made on these; reported, and read once at the end."""

SOURCE = "v_.+_g[0-9]+"
CLIPS = 4  # of each group
FRAMES = 100  # of a clip, at most
RATE = 25
SIZE = (192, 256)  # height, width
_NAME = re.compile(r"v_(.+)_g(\d+)_c(\d+)")


def ucf11(root: Path, split: str) -> VideoDataset:
    """A split of the set.

    Args:
        root: The folder that holds a folder for each class.
        split: A name of `SPLITS`.

    Raises:
        FileNotFoundError: The folder is not there, or holds no clip of a class.
    """
    videos = VideoFolder(root, SOURCE)
    if missing := sorted(set(CLASSES) - set(videos.classes.get("class", ()))):
        raise FileNotFoundError(f"{root}: no clips of {', '.join(missing)}")
    return VideoDataset(
        [entry for entry in videos.entries if _group(entry.path) in SPLITS[split]], videos.classes
    )


def _group(path: Path) -> int:
    found = _NAME.fullmatch(path.stem)
    if found is None:
        raise ValueError(f"{path}: its name is not that of a clip of UCF101")
    return int(found[2])


def chosen(root: Path) -> list[Path]:
    """The clips of a full UCF101 that the set is made of, wherever they lie below the folder."""
    groups: dict[tuple[str, int], list[Path]] = {}
    for path in sorted(root.rglob("v_*_g*_c*.avi")):
        found = _NAME.fullmatch(path.stem)
        if found and found[1] in CLASSES and any(int(found[2]) in groups_ for groups_ in SPLITS.values()):
            groups.setdefault((found[1], int(found[2])), []).append(path)
    return [path for clips in groups.values() for path in clips[:CLIPS]]


def make(job: tuple[Path, Path]) -> str:
    """Encodes one clip where it is not yet; what went wrong, or ""."""
    source, target = job
    if target.exists():
        return ""
    try:
        with CompressedVideo(source) as video:
            first = max(0, len(video) - FRAMES) // 2
            frames = islice(video.frames(size=SIZE), first, first + FRAMES)
            encode(frames, target, fps=RATE, codec="mpeg4", gop=12, quantizer=5)
    except VideoError as error:
        return str(error)
    return ""


def main() -> int:
    """Makes the set."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("root", type=Path, help="UCF101's folder, its class folders anywhere below")
    parser.add_argument("out", type=Path, help="the folder to make")
    arguments = parser.parse_args()
    clips = chosen(arguments.root)
    if not clips:
        print(f"{arguments.root}: no clip of {', '.join(CLASSES)}", file=sys.stderr)
        return 2
    jobs = []
    for clip in clips:
        found = _NAME.fullmatch(clip.stem)
        assert found is not None
        target = arguments.out / found[1] / clip.name
        target.parent.mkdir(parents=True, exist_ok=True)
        jobs.append((clip, target))
    made = map_in_processes(make, jobs, processors())
    failed = [line for line in track(made, "encoding", len(jobs)) if line]
    print("\n".join(failed), file=sys.stderr, end="\n" if failed else "")
    print(f"{arguments.out}: {len(jobs) - len(failed)} clips")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
