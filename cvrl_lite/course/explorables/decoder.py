"""Be the decoder: frames built from an I-frame, vectors and residuals.

Axes: T frames, H W pixels, H8 W8 cells of 8x8 pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cvrl_lite.course.explorables.base import Explorable, module, sheet
from cvrl_lite.course.figures import COLORS

LABEL = (
    "A frame as a decoder builds it: blocks fly in from the frames it is built on, along the vectors, then "
    "the residual is added. Left and right step through the frames, space plays. Bars show how far each "
    "frame is from the true one; where there are B-frames, arcs lead to the frames that each is built on, "
    "and lines to its place in the file."
)
NONE = 32767  # in place of a vector
QUALITY = 80  # of the WebP file, 0 to 100
COLUMNS = 4  # of the sheet


class Decoder(Explorable):
    """Made by `decoder`.

    Example:
        >>> still = np.zeros((3, 16, 16, 3), np.uint8)
        >>> widget = decoder(still, "IPP", np.zeros((3, 2, 2, 2)), np.ones((3, 2, 2), bool))
        >>> widget, widget.state["types"], widget.state["ways"]
        (Decoder(), 'IPP', 1)
    """

    _esm = module("orders", "decoder")


def decoder(
    frames: np.ndarray,
    picture_types: Sequence[str] | np.ndarray,
    vectors: np.ndarray,
    mask: np.ndarray,
) -> Decoder:
    """A decoder in the browser, whose parts can be switched off.

    What a frame gets beside its vectors is computed from the frames: each frame minus what the vectors make
    of those it is built on, with the mean of four pixels between pixels, and that of two blocks where a block
    of a B-frame has two vectors.

    Args:
        frames: (T, H, W, 3) uint8 RGB, the first of them an I-frame.
        picture_types: (T,) of "I", "P" and "B"; a P-frame is built on the I- or P-frame before it, a B-frame
            on those before and after it.
        vectors: (T, 2, H8, W8) pixels a frame, x right and y down, pointing back; with B-frames
            (T, 2, 2, H8, W8), past and future, as `motion(direction="both")` returns them.
        mask: (T, H8, W8) or (T, 2, H8, W8) bool.

    Returns:
        A widget; as the last line of a cell it shows itself.

    Raises:
        ValueError: There are other types, no I-frame comes first, a B-frame comes last, or B-frames have no
            future vectors.

    Example:
        >>> still = np.zeros((2, 16, 16, 3), np.uint8)
        >>> decoder(still, "IP", np.zeros((2, 2, 2, 2)), np.ones((2, 2, 2), bool)).state["types"]
        'IP'
    """
    types = "".join(picture_types)
    if not types.startswith("I") or types.endswith("B") or set(types) - set("IPB"):
        raise ValueError(f"frames of the types {types}; an I-frame comes first, no B-frame last")
    if "B" in types and vectors.ndim == 4:
        raise ValueError("B-frames need vectors in both directions")
    height, width = frames.shape[1:3]
    cells = vectors.shape[-2:]
    both, known = vectors.reshape(len(types), -1, 2, *cells), mask.reshape(len(types), -1, 1, *cells)
    # At the distance that they span, to a quarter of a pixel.
    quarters = np.where(known, (4 * both * _distances(types)[:, : both.shape[1]]).round(), NONE)
    quarters = quarters.transpose(0, 1, 3, 4, 2)  # (T, ways, H8, W8, 2)
    state = {
        "label": LABEL,
        "colors": {name: COLORS[name] for name in ("motion", "residual", "I", "P", "B")},
        "width": width,
        "height": height,
        "types": types,
        "ways": both.shape[1],
        "columns": COLUMNS,
    }
    drawn = sheet(list(frames), columns=COLUMNS, quality=QUALITY)
    return Decoder(state=state, data=quarters.astype("<i2").tobytes() + drawn)


def _distances(types: str) -> np.ndarray:
    """(T, 2, 1, 1, 1): frames from each one back to the I- or P-frame before it, and on to the one after."""
    anchors = [place for place, kind in enumerate(types) if kind != "B"]
    before = [max((a for a in anchors if a < place), default=place) for place in range(len(types))]
    after = [min((a for a in anchors if a > place), default=place) for place in range(len(types))]
    place = np.arange(len(types))
    return np.stack([place - before, after - place], 1)[:, :, None, None, None]
