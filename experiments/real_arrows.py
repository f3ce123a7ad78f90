"""Draws the motion of one real clip of each class, as arrows: a riddle, and the same with its answers.

    python experiments/real_arrows.py FOLDER --root UCF11

Nothing of the clips is shown but what their motion vectors say, and each arrow stands for four cells and five
frames. As with `loops.py`, the files in git are the ones that count.
"""

from __future__ import annotations

import argparse
import colorsys
import sys
from pathlib import Path

import numpy as np
from loops import Loop, arrow, tiled, write
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from cvrl_lite import CompressedVideo

CLIPS = {
    "A": ("PlayingViolin", 17, 2),
    "B": ("CricketBowling", 9, 4),
    "C": ("HorseRace", 14, 3),
    "D": ("PlayingSitar", 16, 1),
    "E": ("BasketballDunk", 17, 4),
    "F": ("PlayingPiano", 14, 4),
    "G": ("Archery", 16, 1),
    "H": ("Surfing", 19, 3),
    "I": ("PlayingCello", 10, 4),
    "J": ("PizzaTossing", 8, 3),
    "K": ("CricketShot", 10, 2),
}
"""The letter, class, source and number of each clip, all of them training clips."""
LABELS = {
    "riddle": list(CLIPS),
    "riddle_solved": [f"{letter}: {name}" for letter, (name, _, _) in CLIPS.items()],
}
"""The loops, and what stands below each clip."""
WIDTH, HEIGHT, CELLS = 168, 126, 2  # pixels of a tile; cells that share an arrow, along each axis
WINDOW, STEP, COUNT = 5, 4, 19  # frames that share an arrow, frames from one image to the next, images
LEAST = 0.2  # pixels a frame, of 256: shorter arrows are noise, and so are those alone
NEXT = ((-1, 0), (1, 0), (0, -1), (0, 1))
GROUND = "#20242A"

Motion = NDArray[np.float32]  # (COUNT, 2, 12, 16) pixels a frame, x right and y down


def motion_of(path: Path) -> Motion:
    """Where the content of a clip goes, with the outliers taken out."""
    with CompressedVideo(path) as video:
        flow = np.nan_to_num(video.motion(0, STEP * COUNT + WINDOW).flow())[1:]
    rows, columns = (side // CELLS for side in flow.shape[2:])
    coarse = flow.reshape(-1, 2, rows, CELLS, columns, CELLS).mean((3, 5))
    steady = np.stack([np.median(coarse[STEP * at : STEP * at + WINDOW], 0) for at in range(COUNT)])
    framed = np.pad(steady, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    around = [framed[:, :, y : y + rows, x : x + columns] for y in range(3) for x in range(3)]
    return 0.4 * steady + 0.6 * np.median(around, 0)


def color_of(x: float, y: float) -> str:
    """The color of a direction: red to the right, then yellow, green, ... as a clock goes."""
    red, green, blue = colorsys.hsv_to_rgb(np.arctan2(y, x) / (2 * np.pi) % 1, 0.75, 1)
    return f"#{round(255 * red):02X}{round(255 * green):02X}{round(255 * blue):02X}"


def drawn(motion: Motion) -> NDArray[np.uint8]:
    """(COUNT, HEIGHT, WIDTH, 3) images; the length of an arrow goes with the root of the speed."""
    images = []
    for field in motion:
        image = Image.new("RGB", (2 * WIDTH, 2 * HEIGHT), GROUND)
        pen = ImageDraw.Draw(image)
        side = 2 * WIDTH / field.shape[2]
        speed = np.hypot(*field)
        moving = speed > LEAST
        framed = np.pad(moving, 1).astype(int)
        others = sum(framed[1 + y :, 1 + x :][: moving.shape[0], : moving.shape[1]] for x, y in NEXT)
        for row, column in np.argwhere(moving & (others > 0)).tolist():
            x, y = way = field[:, row, column] / speed[row, column]
            step = np.clip(np.sqrt(speed[row, column]), 0.6, 2.5) * side * way
            start = side * (column + 0.5) - step[0] / 2, side * (row + 0.5) - step[1] / 2
            arrow(pen, start, step, color_of(x, y), 4, around=GROUND)
        images.append(np.asarray(image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)))
    return np.stack(images)


def key() -> NDArray[np.uint8]:
    """(COUNT, HEIGHT, WIDTH, 3): which direction has which color."""
    image = Image.new("RGB", (2 * WIDTH, 2 * HEIGHT), "white")
    pen = ImageDraw.Draw(image)
    for angle in np.arange(0, 2 * np.pi, np.pi / 6):
        way = np.cos(angle), np.sin(angle)
        start = WIDTH + 40 * way[0], HEIGHT + 40 * way[1]
        arrow(pen, start, (60 * way[0], 60 * way[1]), color_of(*way), 8, around=GROUND)
    small = np.asarray(image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS))
    return np.repeat(small[None], COUNT, 0)


def loops_of(root: Path) -> dict[str, Loop]:
    """All clips under their letters, and under their names as well."""
    tiles = [
        drawn(motion_of(root / name / f"v_{name}_g{source:02}_c{number:02}.avi"))
        for name, source, number in CLIPS.values()
    ]
    return {
        name: Loop(tiled([*tiles, key()], [*words, "colors of directions"], 4), 160, still=16, quality=18)
        for name, words in LABELS.items()
    }


def main() -> int:
    """Writes both loops."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("folder", type=Path, help="where the files go")
    parser.add_argument("--root", type=Path, required=True, help="the clips that ucf11.py makes")
    args = parser.parse_args()
    write(args.folder, loops_of(args.root))
    return 0


if __name__ == "__main__":
    sys.exit(main())
