"""Be the decoder: frames built from an I-frame, vectors and residuals.

Axes: T frames, H W pixels, H8 W8 cells of 8x8 pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cvrl_lite.course.explorables.base import Explorable, module, sheet
from cvrl_lite.course.figures import COLORS

LABEL = (
    "A frame as a decoder builds it: blocks fly in from the frame before, along the vectors, then the "
    "residual is added. Left and right step through the frames, space plays. Bars show how far each frame is "
    "from the true one."
)
NONE = 32767  # in place of a vector
QUALITY = 80  # of the WebP file, 0 to 100
COLUMNS = 4  # of the sheet


class Decoder(Explorable):
    """Made by `decoder`."""

    _esm = module("decoder")


def decoder(
    frames: np.ndarray,
    picture_types: Sequence[str] | np.ndarray,
    vectors: np.ndarray,
    mask: np.ndarray,
) -> Decoder:
    """A decoder in the browser, whose parts can be switched off.

    What a P-frame gets beside its vectors is computed from the frames: each frame minus what the vectors make
    of the one before, with the mean of four pixels between pixels.

    Args:
        frames: (T, H, W, 3) uint8 RGB, the first of them an I-frame.
        picture_types: (T,) of "I" and "P"; each P-frame refers to the frame before.
        vectors: (T, 2, H8, W8) pixels, x right and y down, pointing back.
        mask: (T, H8, W8) bool.

    Returns:
        A widget; as the last line of a cell it shows itself.

    Raises:
        ValueError: There are other types than these, or no I-frame comes first.

    Example:
        >>> still = np.zeros((2, 16, 16, 3), np.uint8)
        >>> decoder(still, "IP", np.zeros((2, 2, 2, 2)), np.ones((2, 2, 2), bool)).state["types"]
        'IP'
    """
    types = "".join(picture_types)
    if not types.startswith("I") or set(types) - {"I", "P"}:
        raise ValueError(f"frames of the types {types}; an I-frame comes first, then I and P")
    height, width = frames.shape[1:3]
    quarters = np.where(mask[:, None], (4 * vectors).round(), NONE).transpose(0, 2, 3, 1)
    state = {
        "label": LABEL,
        "colors": {name: COLORS[name] for name in ("motion", "residual", "I", "P")},
        "width": width,
        "height": height,
        "types": types,
        "columns": COLUMNS,
    }
    drawn = sheet(list(frames), columns=COLUMNS, quality=QUALITY)
    return Decoder(state=state, data=quarters.astype("<i2").tobytes() + drawn)
