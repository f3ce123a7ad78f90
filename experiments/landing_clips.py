"""Makes what moves on the site's first page: `docs/landing/opening.json` and `docs/landing/clips.webp`.

    python experiments/landing_clips.py docs/landing

Two clips of MovingScenes `test`, the motion that their files tell of, and for each the three nearest clips of
`train` by the context part and by the motion part of the shipped network `joint`. The clips are the first of
two scenes and two actions for which all three neighbors agree with the query in what was asked for and differ
among themselves in the rest; docs/model_cards.md says how often the nearest agrees over all queries.
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

import cvrl_lite
from cvrl_lite import CompressedVideo
from cvrl_lite.datasets import DecodedSet, MovingScenes, decode
from cvrl_lite.datasets.moving_scenes.actions import STEADY  # easily seen in a small picture
from cvrl_lite.pretrained import Embeddings

QUERIES, NEIGHBORS = 2, 3
FRAMES, STRIDE = 16, 2  # frames 1, 3, 5 ... of 40, 25 a second: each has vectors, for a GOP is of 12
SIDES = {"query": 112, "context": 64, "motion": 64}  # pixels of a clip on the sheet
QUALITY = 20  # of the WebP file, 0 to 100
ASKED = {"context": "scene", "motion": "action"}


class Clip(NamedTuple):
    """A file of MovingScenes and its labels by name."""

    path: Path
    names: dict[str, str]


def nearest(queries: Embeddings, gallery: Embeddings, part: str) -> np.ndarray:
    """(N, 3) rows of the gallery, nearest first by the cosine of a part."""
    a, b = (table.by_file().part(part).features for table in (queries, gallery))
    a, b = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (a, b))
    return np.argsort(-(a @ b.T), axis=1, kind="stable")[:, :NEIGHBORS]


def choose(queries: Embeddings, gallery: Embeddings, found: dict[str, np.ndarray]) -> list[int]:
    """Queries that show what is meant, no two of one scene or one action."""
    rows, seen = [], set()
    for row in range(len(queries)):
        own = {label: queries.labels[label][row] for label in ASKED.values()}
        words = {(label, int(value)) for label, value in own.items()}
        fits = queries.classes["action"][own["action"]] in STEADY and not words & seen
        for part, label in ASKED.items():
            other = "action" if label == "scene" else "scene"
            near = found[part][row]
            fits &= bool((gallery.labels[label][near] == own[label]).all())
            fits &= len({own[other], *gallery.labels[other][near]}) == NEIGHBORS + 1
        if fits:
            rows.append(row)
            seen |= words
        if len(rows) == QUERIES:
            break
    return rows


def flow(path: Path) -> np.ndarray:
    """(16, 2, 14, 14) int8: the motion of each frame that is shown, in quarters of a pixel; 0 where none."""
    with CompressedVideo(path) as video:
        shown = video.motion(0, FRAMES * STRIDE).flow()[1::STRIDE]
    return np.asarray((4 * shown).round().clip(-127, 127), np.int8)


def main(folder: Path) -> None:
    """Writes both files."""
    model = cvrl_lite.load("joint")
    sets: list[DecodedSet] = [
        decode(MovingScenes(split), size=model.recipe.decoded_size, vectors=False)
        for split in ("test", "train")
    ]
    queries, gallery = (model.embed(decoded).by_file() for decoded in sets)
    found = {part: nearest(queries, gallery, part) for part in ASKED}
    chosen = choose(queries, gallery, found)

    def told(table: Embeddings, decoded: DecodedSet, row: int) -> Clip:
        names = {label: table.classes[label][table.labels[label][row]] for label in ASKED.values()}
        return Clip(decoded.videos[row].entry.path, names)

    write(
        folder,
        [
            {
                "query": [told(queries, sets[0], row)],
                **{
                    part: [told(gallery, sets[1], int(place)) for place in found[part][row]] for part in ASKED
                },
            }
            for row in chosen
        ],
    )


def write(folder: Path, searches: list[dict[str, list[Clip]]]) -> None:
    """Writes both files: a WebP with a row for each clip, its frames from left to right, and their names."""
    heights = [SIDES[role] for search in searches for role, clips in search.items() for _ in clips]
    image = Image.new("RGB", (FRAMES * max(heights), sum(heights)))
    top, told = 0, []
    for search in searches:
        told.append({role: [] for role in search})
        for role, clips in search.items():
            side = SIDES[role]
            for clip in clips:
                with CompressedVideo(clip.path) as video:
                    frames = video.clip(1, FRAMES, stride=STRIDE)
                for place, frame in enumerate(frames):
                    small = Image.fromarray(frame).resize((side, side), Image.Resampling.LANCZOS)
                    image.paste(small, (side * place, top))
                told[-1][role].append(
                    {"top": top, "side": side, "file": "/".join(clip.path.parts[-2:]), **clip.names}
                )
                top += side
        told[-1]["query"][0]["flow"] = base64.b64encode(flow(search["query"][0].path).tobytes()).decode()
    state = {"frames": FRAMES, "interval": 40 * STRIDE, "searches": told}
    (folder / "opening.json").write_text(json.dumps(state, indent=1) + "\n", encoding="utf-8")
    image.save(folder / "clips.webp", quality=QUALITY, method=6)


if __name__ == "__main__":
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_dir():
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
