"""What comes next? A clip's true future beside the windows that a network expects at a point.

Axes: K clips, T frames of a clip, W windows, F frames of a window, S pixels, G cells to a side of a vector
map, P points (R rows and C columns of them), H parts of a clip.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from cvrl_lite.course.explorables.base import Explorable, module, resized, sheet
from cvrl_lite.course.figures import COLORS

LABEL = (
    "A clip plays, then its true future beside the five windows that a trained network finds most like its "
    "prediction. Arrow keys move the point that is asked for, with Shift left and right choose another clip, "
    "space plays. Where the network looks in the clip is bright, the rest is dark."
)
NEAREST = 5
NONE = -128  # in place of a vector
FULL = 32767  # a cosine of 1, as int16
PARTS_OF_A_CELL = 32  # the unit of vectors
QUALITY = 28  # of the WebP file, 0 to 100
COLUMNS = 24  # of the sheet


class WhatNext(Explorable):
    """Made by `what_next`.

    Example:
        >>> from cvrl_lite.course.explorables import stored
        >>> widget = stored("what_next")
        >>> widget, widget.state["label"][:30]
        (WhatNext(), 'A clip plays, then its true fu')
    """

    _esm = module("what_next")

    def arrays(self) -> dict[str, np.ndarray]:
        """What is drawn, for figures beside it.

        Returns:
            `cosines` (K, P, W) of the prediction at each point with the windows there; `flow`
            (W, F, 2, G, G) in cells a frame, NaN where there is no vector; `clips` (K, T, S, S, 3) and
            `windows` (W, F, S, S, 3) uint8 RGB.

        Example:
            >>> from cvrl_lite.course.explorables import stored
            >>> {name: values.shape[:3] for name, values in stored("what_next").arrays().items()}
            {'cosines': (8, 16, 64), 'flow': (64, 4, 2), 'clips': (8, 8, 64), 'windows': (64, 4, 64)}
        """
        clips, windows = (len(self.state["names"][kind]) for kind in ("clips", "windows"))
        times, spans = self.state["frames"]["clip"], self.state["frames"]["window"]
        points, cells = int(np.prod(self.state["grid"])), self.state["cells"]
        side, columns = self.state["sheet"]["side"], self.state["sheet"]["columns"]
        shape = clips, points, windows
        cosines = np.frombuffer(self.data, "<i2", int(np.prod(shape))).reshape(shape) / FULL
        start = cosines.size * 2 + clips * points * self.state["parts"] * points
        shape_of_flow = windows, spans, 2, cells, cells
        flow = np.frombuffer(self.data, np.int8, int(np.prod(shape_of_flow)), start).reshape(shape_of_flow)
        whole = np.asarray(Image.open(io.BytesIO(self.data[start + flow.size :])).convert("RGB"))
        tiles = whole.reshape(-1, side, columns, side, 3).swapaxes(1, 2).reshape(-1, side, side, 3)
        filmed = clips * times
        return {
            "cosines": cosines,
            "flow": np.where(flow == NONE, np.nan, flow / PARTS_OF_A_CELL),
            "clips": tiles[:filmed].reshape(clips, times, side, side, 3),
            "windows": tiles[filmed : filmed + windows * spans].reshape(windows, spans, side, side, 3),
        }


@dataclass(frozen=True)
class Windows:
    """W windows of a few frames, among which a future is looked for.

    Attributes:
        frames: (W, F, H, H, 3) uint8 RGB.
        flow: (W, F, 2, G, G), the motion that is seen, x right and y down, in cells a frame.
        mask: (W, F, G, G) bool.
        names: W captions.

    Example:
        >>> frames, mask = np.zeros((2, 8, 64, 64, 3), np.uint8), np.ones((2, 8, 4, 4), bool)
        >>> flow = np.zeros((2, 8, 2, 4, 4))
        >>> flow[1, :, 0] = 0.5  # half a cell a frame to the right
        >>> windows = Windows(frames, flow, mask, names=("still", "right"))
        >>> windows.flow.shape
        (2, 8, 2, 4, 4)
    """

    frames: np.ndarray
    flow: np.ndarray
    mask: np.ndarray
    names: Sequence[str]


def what_next(
    clips: np.ndarray,
    windows: Windows,
    *,
    names: Sequence[str],
    own: Sequence[int],
    cosines: np.ndarray,
    attention: np.ndarray,
    start: tuple[int, int] = (0, 0),
    side: int = 64,
) -> WhatNext:
    """A point of a clip's future, and the windows that fit the prediction best at that point.

    Args:
        clips: (K, T, H, H, 3) uint8 RGB, the clips on offer.
        windows: All windows, the true futures among them.
        names: K captions.
        own: (K,) the window that is the true future of each clip.
        cosines: (K, P, W, P) of the prediction at each point with each point of each window.
        attention: (K, P, H, R, C), 0 or more: how much each place of each part of the clip is looked at.
        start: The clip and the point shown first.
        side: Pixels to which frames are shrunk.

    Returns:
        A widget; as the last line of a cell it shows itself.

    Raises:
        ValueError: The shapes do not go together.

    Example:
        >>> clips, flow = np.zeros((1, 8, 16, 16, 3), np.uint8), np.zeros((3, 2, 2, 4, 4))
        >>> names = ("right", "turn", "pulse")
        >>> windows = Windows(np.zeros((3, 2, 16, 16, 3), np.uint8), flow, np.ones((3, 2, 4, 4), bool), names)
        >>> given = {"cosines": np.zeros((1, 4, 3, 4)), "attention": np.ones((1, 4, 2, 2, 2))}
        >>> what_next(clips, windows, names=("right",), own=(0,), **given)
        WhatNext()
    """
    count, points = cosines.shape[:2]
    rows, columns = attention.shape[3:]
    if not len(clips) == len(names) == len(own) == len(attention) == count or rows * columns != points:
        raise ValueError(
            f"clips {clips.shape}, {len(names)} names, {len(own)} futures, cosines {cosines.shape} and "
            f"attention {attention.shape} do not go together"
        )
    here = cosines[:, np.arange(points), :, np.arange(points)].transpose(
        1, 0, 2
    )  # (K, P, W) at its own place
    truth = np.take_along_axis(here, np.asarray(own)[:, None, None], 2)  # (K, P, 1)
    shares = attention / attention.max((2, 3, 4), keepdims=True)
    vectors = np.where(
        windows.mask[:, :, None], (PARTS_OF_A_CELL * windows.flow).round().clip(-127, 127), NONE
    )
    state = {
        "label": LABEL,
        "colors": {"motion": COLORS["motion"]},
        "names": {"clips": list(names), "windows": list(windows.names)},
        "own": list(map(int, own)),
        "grid": [rows, columns],
        "cells": windows.flow.shape[3],
        "frames": {"clip": clips.shape[1], "window": windows.frames.shape[1]},
        "sheet": {"side": side, "columns": COLUMNS},
        "start": list(start),
        "nearest": NEAREST,
        "rank": (1 + (here > truth).sum(2)).tolist(),  # of the truth among the windows at this point
        "rank_of_all": (1 + (cosines > truth[..., None]).sum((2, 3))).tolist(),  # and among all points
        "parts": attention.shape[2],
    }
    frames = [
        resized(frame, side) for strips in (clips, windows.frames) for strip in strips for frame in strip
    ]
    numbers = [
        (FULL * here).round().astype("<i2"),  # (K, P, W)
        (255 * shares).round().astype(np.uint8),  # (K, P, H, R, C)
        vectors.astype(np.int8),  # (W, F, 2, G, G)
    ]
    data = b"".join(part.tobytes() for part in numbers) + sheet(frames, columns=COLUMNS, quality=QUALITY)
    return WhatNext(state=state, data=data)
