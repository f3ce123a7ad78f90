"""Where did this block come from? The search that an encoder makes, by hand."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from cvrl_lite.course.explorables.base import Explorable, module
from cvrl_lite.course.figures import COLORS

LABEL = (
    "Two frames side by side; a box in the frame before shows where a block of the current frame was copied "
    "from. Arrow keys move the box by a pixel, with Shift they choose another block. Below are the block, "
    "what lies under the box, their difference, and a map of the error of every place."
)


class BlockOrigin(Explorable):
    """Made by `block_origin`.

    Example:
        >>> black = np.zeros((16, 16, 3), np.uint8)
        >>> widget = block_origin(black, black, np.zeros((2, 2, 2)), np.ones((2, 2), bool))
        >>> widget, widget.state["width"], widget.state["cell"]
        (BlockOrigin(), 16, [0, 0])
    """

    _esm = module("block_origin")


def block_origin(
    previous: np.ndarray,
    current: np.ndarray,
    vectors: np.ndarray,
    mask: np.ndarray,
    *,
    row: int = 0,
    column: int = 0,
) -> BlockOrigin:
    """Click a block, see where it was copied from, and drag the box to find a better match.

    Args:
        previous: (H, W, 3) uint8 RGB, the frame that the vectors lead to.
        current: The same, the frame that they belong to.
        vectors: (2, H8, W8) pixels, x right and y down, pointing back.
        mask: (H8, W8) bool.
        row: The cell shown first, 0 to H8 - 1.
        column: The same, 0 to W8 - 1.

    Returns:
        A widget; as the last line of a cell it shows itself.

    Raises:
        ValueError: The shapes do not go together.
        IndexError: There is no such cell.

    Example:
        >>> black = np.zeros((32, 32, 3), np.uint8)
        >>> block_origin(black, black, np.zeros((2, 4, 4)), np.ones((4, 4), bool), row=2).state["cell"]
        [2, 0]
    """
    height, width = current.shape[:2]
    cells = (-(-height // 8), -(-width // 8))
    if previous.shape != current.shape or vectors.shape != (2, *cells) or mask.shape != cells:
        raise ValueError(
            f"frames {previous.shape} and {current.shape}, vectors {vectors.shape} and mask {mask.shape} "
            "do not go together"
        )
    if not (0 <= row < cells[0] and 0 <= column < cells[1]):
        raise IndexError(f"no cell in row {row}, column {column}; there are {cells[0]} rows of {cells[1]}")
    pairs = vectors.transpose(1, 2, 0).astype(float).round(2).tolist()
    state = {
        "label": LABEL,
        "colors": {"motion": COLORS["motion"]},
        "width": width,
        "height": height,
        "cell": [row, column],
        "vectors": [
            [pair if known else None for pair, known in zip(*line, strict=True)]
            for line in zip(pairs, mask.tolist(), strict=True)
        ],
    }
    file = io.BytesIO()
    Image.fromarray(np.concatenate([previous, current])).save(file, "webp", lossless=True)
    return BlockOrigin(state=state, data=file.getvalue())
