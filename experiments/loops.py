"""Draws the moving pictures of the course, `cvrl_lite/course/loops/*.webp`, and a still of each.

    python experiments/loops.py FOLDER      # all but those of real clips, which `real_arrows.py` draws

All of them show clips of MovingScenes or of `data/`. The pixels drawn are the same on every machine; the
encoded bytes depend on the build of libwebp, and arrows and residuals on that of x264. So the files in
git are the ones that count, and running this elsewhere writes files with the same content but perhaps other
bytes.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import matplotlib
import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from cvrl_lite import CompressedVideo, data_path
from cvrl_lite.codec import encode
from cvrl_lite.course.figures import COLORS, INK
from cvrl_lite.course.truth import shape_centers
from cvrl_lite.datasets.moving_scenes import ACTIONS, APPEARANCES, draw
from cvrl_lite.train import recipes
from cvrl_lite.transforms import color_matrix

GAP = 8  # pixels between tiles
WORDS = 22  # pixels, of a line of text under a tile
REST = 800  # ms, of the last frame before a loop starts again
FONT = str(Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"))


@dataclass(frozen=True)
class Loop:
    """T frames and how to store them.

    Attributes:
        frames: T images of one size.
        interval: Milliseconds from one frame to the next.
        still: Which frame stands for the loop where nothing may move, or another image that does.
        quality: Of the WebP file, 0 to 100.
    """

    frames: Sequence[Image.Image]
    interval: int
    still: int | Image.Image = -1
    quality: int = 40


def tiled(clips: Sequence[np.ndarray], labels: Sequence[str], columns: int) -> list[Image.Image]:
    """T images that show clips (T, H, W, 3) side by side, each with its label below."""
    height, width = clips[0].shape[1:3]
    rows = -(-len(clips) // columns)
    size = columns * (width + GAP) - GAP, rows * (height + WORDS + GAP) - GAP
    font = next(
        font
        for font in (ImageFont.truetype(FONT, points) for points in range(12, 0, -1))
        if max(map(font.getlength, labels)) <= width
    )
    made = []
    for time in range(len(clips[0])):
        image = Image.new("RGB", size, "white")
        for place, (clip, label) in enumerate(zip(clips, labels, strict=True)):
            left, top = place % columns * (width + GAP), place // columns * (height + WORDS + GAP)
            image.paste(Image.fromarray(clip[time]), (left, top))
            middle = left + width / 2, top + height + WORDS / 2
            ImageDraw.Draw(image).text(middle, label, INK, font, anchor="mm")
        made.append(image)
    return made


def actions() -> Loop:
    """The eight actions on one scene."""
    clips = [draw("clouds", name, 30, frames=32, size=160) for name in ACTIONS]
    still = [with_ways(clip[0], name, 30, 28)[None] for clip, name in zip(clips, ACTIONS, strict=True)]
    (image,) = tiled(still, ACTIONS, 4)
    return Loop(tiled([clip[::2] for clip in clips], ACTIONS, 4), 80, still=image, quality=25)


def with_ways(frame: np.ndarray, action: str, seed: int, count: int) -> np.ndarray:
    """The first frame of a drawn clip, pale and gray, with the way of each shape over `count` frames."""
    image = Image.fromarray((160 + 0.35 * frame.mean(2)).astype(np.uint8)).convert("RGB")
    pen = ImageDraw.Draw(image)
    for way in shape_centers(action, seed, frames=count, size=len(frame)).swapaxes(0, 1):
        if np.abs(np.diff(way, axis=0)).max() > len(frame) / 4:  # begins again at the other side
            continue
        pen.line([tuple(place) for place in way], COLORS["motion"], 2, joint="curve")
        steps = np.diff(way, axis=0)
        rests = np.hypot(*steps.T) < 0.1
        if action == "stop_and_go" and rests.any():
            x, y = way[np.argmax(rests)]
            pen.ellipse([x - 3, y - 3, x + 3, y + 3], COLORS["motion"])
        far = int(np.argmax(np.hypot(*(way - way[0]).T))) if action in ("shake", "pulse") else len(way) - 1
        ends = [(way[far], way[far] - way[max(far - 3, 0)])]
        if far < len(way) - 1:  # there and back
            ends.append((way[0], way[0] - way[3]))
        for place, heading in ends:
            length = float(np.hypot(*heading))
            if length > 0.5:
                arrow(pen, place - 3 * heading / length, 9 * heading / length, COLORS["motion"], 2)
    return np.array(image)


def appearances() -> Loop:
    """The four ways in which the light changes, on one clip."""
    clips = [draw("planks", "right", 5, appearance=name, frames=40, size=112)[::2] for name in APPEARANCES]
    twice = [clip.repeat(2, 1).repeat(2, 2) for clip in clips]
    return Loop(tiled(twice, APPEARANCES, 4), 80, still=0, quality=25)  # 0: they differ most


def sample() -> Loop:
    """The sample clip, cut included, as a player shows it."""
    with CompressedVideo(data_path("sample.mp4")) as video:
        frames = video.clip(0, 72)
    return Loop([Image.fromarray(frame) for frame in frames[::2]], 80, still=0, quality=30)


def arrow(
    pen: ImageDraw.ImageDraw,
    start: Sequence[float],
    step: Sequence[float],
    color: str,
    width: int,
    *,
    around: str = "white",
) -> None:
    """A line with a head, under which a wider one makes it stand out."""
    (x, y), (dx, dy) = start, step
    length = float(np.hypot(dx, dy))
    u, v = dx / length, dy / length
    head = min(3.5 * width, 0.6 * length)
    end = x + dx - 0.5 * head * u, y + dy - 0.5 * head * v
    tip = [
        (x + dx, y + dy),
        (x + dx - head * u - 0.6 * head * v, y + dy - head * v + 0.6 * head * u),
        (x + dx - head * u + 0.6 * head * v, y + dy - head * v - 0.6 * head * u),
    ]
    for shade, more in ((around, 3), (color, 0)):
        pen.line([(x, y), end], shade, width + more)
        pen.polygon(tip, shade, outline=shade, width=1 + more // 2)


def frame_block(pen: ImageDraw.ImageDraw, box: Sequence[float]) -> None:
    """A white frame that stands out on any ground."""
    left, top, right, bottom = box
    pen.rectangle([left - 1, top - 1, right + 1, bottom + 1], outline="black", width=5)
    pen.rectangle(box, outline="white", width=3)


def flow_of(drawn: np.ndarray) -> np.ndarray:
    """(T, 2, H8, W8) pixels a frame, as the vectors of a file of these frames (T, H, W, 3) tell it."""
    with tempfile.TemporaryDirectory() as folder:
        encode(drawn, Path(folder, "clip.mp4"), gop=len(drawn), crf=18)
        with CompressedVideo(Path(folder, "clip.mp4")) as video:
            return video.motion().flow()


def with_arrows(
    drawn: np.ndarray,
    flow: np.ndarray,
    times: Sequence[int],
    side: int = 168,
    *,
    canvas: int = 288,
    width: int = 4,
) -> np.ndarray:
    """(K, side, side, 3) frames at K times, under five times the motion of every fourth cell.

    The arrows are `width` wide on a canvas of that many pixels, which is then resized.
    """
    frames = []
    for time in times:
        image = Image.fromarray(drawn[time]).resize((canvas, canvas), Image.Resampling.LANCZOS)
        pen = ImageDraw.Draw(image)
        scale = canvas / drawn.shape[2]
        for row, column in np.argwhere(np.hypot(*flow[time]) > 0.7).tolist():
            if row % 2 == column % 2 == 0:  # every fourth cell, or the shapes would be hidden
                step = 5 * scale * flow[time, :, row, column]
                middle = 8 * scale * (column + 0.5), 8 * scale * (row + 0.5)
                arrow(pen, middle, step, COLORS["motion"], width)
        frames.append(np.asarray(image.resize((side, side), Image.Resampling.LANCZOS)))
    return np.stack(frames)


def two_turns() -> Loop:
    """The same shapes circling one way and the other, each with the motion that the file tells of it."""
    shown, size, names = 11, 240, ("clockwise", "counter_clockwise")
    tiles = []
    for name in names:
        drawn = draw("clouds", name, 30, frames=shown, size=size)
        flow, centers = flow_of(drawn), shape_centers(name, 30, frames=shown, size=size)
        images = [Image.fromarray(frame).resize((2 * size, 2 * size)) for frame in drawn[1:]]
        for time, image in enumerate(images, 1):
            for x, y in centers[time]:
                if min(x, y) < 12 or max(x, y) > size - 12:
                    continue
                row, column = int(y // 8), int(x // 8)
                cells = flow[time, :, max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
                step = 16 * np.median(cells, (1, 2))
                if np.hypot(*step) > 24:  # nearer to the center hardly anything moves
                    start = 2 * x - step[0] / 2, 2 * y - step[1] / 2
                    arrow(ImageDraw.Draw(image), start, step, "white", 7, around="black")
        tiles.append(np.stack([np.asarray(image.resize((size, size))) for image in images]))
    return Loop(tiled(tiles, names, 2), 160, still=4, quality=25)


def mirrors() -> Loop:
    """A clip and twice its mirror image: in the second, the vectors keep their signs."""
    shown, turned = 13, np.array([-1, 1])[:, None, None]
    drawn = draw("clouds", "right", 35, frames=shown, size=144)  # hardly a shape is orange as the arrows
    flow, flipped = flow_of(drawn), drawn[:, :, ::-1]
    pairs = [(drawn, flow), (flipped, flow[..., ::-1]), (flipped, turned * flow[..., ::-1])]
    tiles = [with_arrows(frames, field, range(1, shown), 340, canvas=680, width=7) for frames, field in pairs]
    return Loop(tiled(tiles, ("as filmed", "mirror A", "mirror B"), 3), 160, still=4, quality=20)


def flicker() -> Loop:
    """A clip whose colors were changed once, and one whose colors change in each frame."""
    drawn = draw("lattice", "clockwise", 6, frames=24, size=340)[::3]
    strength = replace(recipes.laptop().augmentation, grayscale_prob=0)
    draws = torch.rand(8, 15, generator=torch.Generator().manual_seed(5))
    tiles = []
    for rows in (draws[1:2].expand(8, -1), draws):
        matrix, offset = color_matrix(rows, strength)
        levels = torch.einsum("thwc,tdc->thwd", torch.tensor(drawn) / 255, matrix) + offset[:, None, None]
        tiles.append((255 * levels.clamp(0, 1)).byte().numpy())
    # Slower than three changes a second, for the sake of those whom flashes harm.
    return Loop(tiled(tiles, ("one change for the clip", "one for each frame"), 2), 400, quality=25)


def leftovers() -> Loop:
    """What the vectors leave over of a clip under each of the four lights, in an order to be guessed."""
    shades, tiles = matplotlib.colormaps["BrBG"], []
    for name in ("wavering", "steady", "dimming", "brightening"):
        with tempfile.TemporaryDirectory() as folder:
            clip = draw("planks", "right", 5, appearance=name, frames=40, size=112)
            encode(clip, Path(folder, "clip.mp4"), gop=40, preset="slow")
            with CompressedVideo(Path(folder, "clip.mp4")) as video:
                values = video.residuals().values[3::2].astype(float)  # (T, 112, 112)
        cells = values.reshape(-1, 28, 4, 28, 4).mean((2, 4))  # as the task of notebook 13 gets them
        tiles.append((255 * shades(cells / 8 + 0.5)[..., :3]).astype(np.uint8).repeat(8, 1).repeat(8, 2))
    return Loop(tiled(tiles, "ABCD", 4), 120, still=15, quality=25)  # 15: a crest of A


def hand_held() -> Loop:
    """A clip from a tripod and hand-held, as in notebook 14, with the motion in each file."""
    drawn = draw("bricks", "right", 300, frames=32, size=96)
    angle = np.arange(32) / 6
    left, top = (np.rint(12 + 12 * np.sin(angle)), np.rint(12 + 12 * np.cos(1.3 * angle)))
    still = drawn[:, 12:84, 12:84]
    swaying = np.stack(
        [f[y : y + 72, x : x + 72] for f, y, x in zip(drawn, top.astype(int), left.astype(int), strict=True)]
    )
    tiles = [with_arrows(clip, flow_of(clip), range(1, 32, 2)) for clip in (still, swaying)]
    return Loop(tiled(tiles, ("tripod", "hand-held"), 2), 120, still=8, quality=20)


def pan() -> Loop:
    """A camera that goes right and down: a block drifts left and up, and its vector points back."""
    scale, side = 2, 24
    with CompressedVideo(data_path("lessons/pan.mp4")) as video:
        frames, vectors = video.clip(0, 9), video.motion(0, 9).vectors
    x, y = 108.0, 60.0  # the corner of a block in frame 0
    made = []
    for time, frame in enumerate(frames):
        image = Image.fromarray(frame).resize((scale * 192, scale * 128), Image.Resampling.LANCZOS)
        pen = ImageDraw.Draw(image)
        if time:
            dx, dy = vectors[time][:, int(y + side / 2) // 8, int(x + side / 2) // 8]
            x, y = x - dx, y - dy  # the content moves as minus the vector
        frame_block(pen, [scale * value for value in (x, y, x + side, y + side)])
        if time:
            middle = scale * (x + side / 2), scale * (y + side / 2)
            arrow(pen, middle, (scale * 8 * dx, scale * 8 * dy), COLORS["motion"], 4)
        made.append(np.asarray(image))
    labels = [f"frame {time}" for time in range(len(made))]
    images = [tiled([frame[None]], [label], 1)[0] for frame, label in zip(made, labels, strict=True)]
    return Loop(images, 240, still=4)


def past_and_future() -> Loop:
    """A block of a B-frame, where it was in the I-frame before and where it will be in the P-frame."""
    scale, side, left, top, width, height = 5, 16, 48, 40, 80, 56
    with CompressedVideo(data_path("lessons/steady_pan_b.mp4")) as video:
        frames = video.clip(0, 5)
    places = {0: (6, 2), 2: (0, 0), 4: (-6, -2)}  # of the block's content: 3 and 1 pixels a frame
    words = {0: "I, the past", 2: "B, now", 4: "P, the future"}
    made = []
    for time in places:
        part = Image.fromarray(frames[time][top : top + height, left : left + width])
        image = part.resize((scale * width, scale * height), Image.Resampling.LANCZOS)
        pen = ImageDraw.Draw(image)
        for other, (dx, dy) in places.items():
            x, y = scale * (32 + dx), scale * (20 + dy)
            box = [x, y, x + scale * side, y + scale * side]
            if other == time:
                frame_block(pen, box)
            else:
                pen.rectangle(box, outline="white")
        if time == 2:
            middle = scale * (32 + side / 2), scale * (20 + side / 2)
            arrow(pen, middle, (scale * 6, scale * 2), COLORS["motion"], 5)
            arrow(pen, middle, (scale * -6, scale * -2), COLORS["B"], 5)
        made += tiled([np.asarray(image)[None]], [words[time]], 1)
    return Loop(made, REST, still=1, quality=50)


LOOPS: dict[str, Callable[[], Loop]] = {
    made.__name__: made
    for made in (
        *(actions, appearances, sample, two_turns, pan, past_and_future),
        *(mirrors, flicker, leftovers, hand_held),
    )
}


def write(folder: Path, loops: Mapping[str, Loop]) -> None:
    """Writes each loop, and a still of it."""
    for name, loop in loops.items():
        first, *others = loop.frames
        durations = [*[loop.interval] * len(others), REST]
        file, still = folder / f"{name}.webp", folder / f"{name}.jpg"
        first.save(
            file, save_all=True, append_images=others, duration=durations, quality=loop.quality, method=6
        )
        image = loop.still if isinstance(loop.still, Image.Image) else loop.frames[loop.still]
        image.save(still, quality=70, optimize=True)
        print(f"{name:16} {file.stat().st_size:7} {still.stat().st_size:6} bytes")


if __name__ == "__main__":
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_dir():
        raise SystemExit(__doc__)
    write(Path(sys.argv[1]), {name: make() for name, make in LOOPS.items()})
