"""Draws the moving picture of the README, `docs/figures/result.webp`: one clip, its vectors, two searches.

    python experiments/result_loop.py

The shipped joint network searches `train` of MovingScenes for the clips nearest to one of `test`, once by the
context part of its vectors and once by the motion part. Embedding `train` takes two minutes on two quiet
cores. As with `loops.py`, the file in git is the one that counts.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from loops import FONT, GAP, REST, arrow
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

import cvrl_lite
from cvrl_lite import CompressedVideo
from cvrl_lite.course.figures import COLORS, INK
from cvrl_lite.datasets import MovingScenes
from cvrl_lite.pretrained import Embeddings

FILE = Path(__file__).resolve().parents[1] / "docs" / "figures" / "result.webp"
QUERY = 1  # of `test`: the first clip whose shapes circle
FOUND = 3  # neighbors of each search
SIDE = 168  # pixels, of a tile
LINE = 24  # pixels, of a line of text
FRAMES = slice(1, 36, 2)  # never an I-frame, which has no vectors
INTERVAL = 80  # ms
PARTS = {
    "context": ("scene", "The context part finds the same place"),
    "motion": ("action", "The motion part finds the same motion"),
}

Clip = NDArray[np.uint8]  # (T, SIDE, SIDE, 3) RGB
Row = tuple[Path, dict[str, str]]  # a file, and the names of its labels


def row_of(videos: MovingScenes, index: int) -> Row:
    """A file of a data set with its labels in words."""
    entry = videos.entries[index]
    return entry.path, {label: videos.classes[label][number] for label, number in entry.labels.items()}


def clip_of(path: Path) -> Clip:
    """What a file shows."""
    with CompressedVideo(path) as video:
        return video.clip(
            FRAMES.start, len(range(*FRAMES.indices(FRAMES.stop))), stride=FRAMES.step, size=SIDE
        )


def arrows_of(path: Path, clip: Clip) -> Clip:
    """The same clip, pale, under the motion that its vectors tell of, ten times as long."""
    with CompressedVideo(path) as video:
        flow = video.motion(0, FRAMES.stop).flow()[FRAMES]  # (T, 2, H8, W8) px a frame
        scale = SIDE / video.info.width
    made = []
    for frame, vectors in zip(clip, flow, strict=True):
        image = Image.fromarray((255 - (255 - frame.astype(int)) // 3).astype(np.uint8))
        image = image.resize((2 * SIDE, 2 * SIDE), Image.Resampling.LANCZOS)  # for smooth lines
        pen = ImageDraw.Draw(image)
        for row, column in np.argwhere(np.hypot(*vectors) > 0.7).tolist():
            place = 2 * scale * (8 * column + 4), 2 * scale * (8 * row + 4)
            arrow(pen, place, 10 * scale * vectors[:, row, column], COLORS["motion"], 3)
        made.append(np.asarray(image.resize((SIDE, SIDE), Image.Resampling.LANCZOS)))
    return np.stack(made)


def text(pen: ImageDraw.ImageDraw, left: float, middle: float, *words: tuple[str, str]) -> None:
    """Words side by side, each in its color; one alone is a title."""
    font = ImageFont.truetype(FONT, 13 if len(words) == 1 else 11)
    for word, color in words:
        pen.text((left, middle), word, color, font, anchor="lm")
        left += font.getlength(word)


def searches(table: Embeddings, gallery: MovingScenes, query: Path) -> dict[str, list[Row]]:
    """What each part of the vector finds."""
    model = cvrl_lite.load("joint")
    rows = {entry.path.name: index for index, entry in enumerate(gallery.entries)}
    return {
        part: [row_of(gallery, rows[hit.name]) for hit in model.search(query, table, part=part, k=FOUND)]
        for part in PARTS
    }


def drawn(query: Row, found: dict[str, list[Row]]) -> list[Image.Image]:
    """The frames of the loop."""
    height = SIDE + 2 * LINE
    start = SIDE + 4 * GAP  # of the neighbors
    canvas = Image.new("RGB", (start + FOUND * (SIDE + GAP) - GAP, len(PARTS) * height), "white")
    pen = ImageDraw.Draw(canvas)
    clip = clip_of(query[0])
    tiles = [(0, LINE, clip), (0, height + LINE, arrows_of(query[0], clip))]
    text(pen, 0, LINE / 2, ("A clip", INK))
    scene, action = query[1]["scene"], query[1]["action"]
    text(pen, 0, LINE + SIDE + LINE / 2, (scene, COLORS["context"]), (", ", INK), (action, COLORS["motion"]))
    text(pen, 0, height + LINE / 2, ("and its motion, from its vectors", COLORS["motion"]))
    for line, (part, (label, title)) in enumerate(PARTS.items()):
        top = line * height + LINE
        text(pen, start, top - LINE / 2, (title, COLORS[part]))
        for place, (path, labels) in enumerate(found[part]):
            left = start + place * (SIDE + GAP)
            tiles.append((left, top, clip_of(path)))
            words = [
                (labels[name], COLORS[part] if name == label and labels[name] == query[1][name] else INK)
                for name in ("scene", "action")
            ]
            text(pen, left, top + SIDE + LINE / 2, words[0], (", ", INK), words[1])
    frames = []
    for time in range(len(clip)):
        image = canvas.copy()
        for left, top, tile in tiles:
            image.paste(Image.fromarray(tile[time]), (left, top))
        frames.append(image)
    return frames


def main() -> None:
    """Searches, and writes the file."""
    gallery = MovingScenes("train")
    query = row_of(MovingScenes("test"), QUERY)
    found = searches(cvrl_lite.load("joint").embed(gallery), gallery, query[0])
    for part, rows in found.items():
        print(part, *(f"{labels['scene']}, {labels['action']}" for _, labels in rows), sep="\n  ")
    first, *others = drawn(query, found)
    durations = [*[INTERVAL] * len(others), REST]
    first.save(FILE, save_all=True, append_images=others, duration=durations, quality=40, method=6)
    print(f"{FILE.name}: {FILE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
