"""Two searches: a query's nearest clips as the weight goes from the context part to the motion part.

Axes: N clips, Q chosen queries, M clips of the gallery, D columns of a part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cvrl_lite.course.explorables.base import Explorable, module, resized, sheet
from cvrl_lite.course.figures import COLORS

LABEL = (
    "A query clip and its five nearest clips, playing. Left and right choose another query. The slider goes "
    "from the same place to the same motion; ticks say where a neighbor has the query's scene or action."
)
STEPS = 50  # of the slider
NEIGHBORS = 5
FULL = 32767  # a cosine of 1, as int16
QUALITY = 25  # of the WebP file, 0 to 100
CLIPS_A_ROW = 10  # of the sheet


class TwoSearches(Explorable):
    """Made by `two_searches`.

    Example:
        >>> frames = [np.zeros((16, 56, 56, 3), np.uint8)] * 6
        >>> clips = Clips(frames, np.eye(6), np.eye(6), np.arange(6), np.arange(6))
        >>> widget = two_searches(clips, clips, {"scene": "abcdef", "action": "uvwxyz"}, chosen=[0, 3])
        >>> widget, widget.state["label"][:30]
        (TwoSearches(), 'A query clip and its five near')
    """

    _esm = module("two_searches")


@dataclass(frozen=True)
class Clips:
    """What the explorable needs to know of N clips.

    Attributes:
        frames: N arrays (T, H, W, 3) uint8 RGB.
        context: (N, D), the context parts of the feature vectors.
        motion: (N, D), the motion parts.
        scene: (N,) numbers.
        action: (N,) numbers.

    Example:
        >>> frames = [np.zeros((16, 56, 56, 3), np.uint8)] * 2
        >>> clips = Clips(frames, np.eye(2), np.eye(2), scene=np.array([0, 0]), action=np.array([0, 1]))
        >>> clips.context.shape
        (2, 2)
    """

    frames: Sequence[np.ndarray]
    context: np.ndarray
    motion: np.ndarray
    scene: np.ndarray
    action: np.ndarray


def two_searches(
    queries: Clips,
    gallery: Clips,
    names: Mapping[str, Sequence[str]],
    *,
    chosen: Sequence[int],
    frames: int = 8,
    stride: int = 2,
    side: int = 56,
) -> TwoSearches:
    """A slider from "same place" to "same motion", with the nearest clips playing beside the query.

    At weight w a clip's score is (1 - w) times the cosine of the context parts plus w times that of the
    motion parts. That is the cosine of whole vectors whose parts have the lengths sqrt(1 - w) and sqrt(w).

    Args:
        queries: All of them; the curves under the slider average over these.
        gallery: The clips to be found.
        names: `{"scene": names, "action": names}`.
        chosen: The queries on offer, at most eight.
        frames: Of each clip that is shown, from its first frame on.
        stride: Frames from one to the next.
        side: Pixels.

    Returns:
        A widget; as the last line of a cell it shows itself.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> frames = [np.zeros((16, 56, 56, 3), np.uint8)] * 8
        >>> clips = Clips(frames, *rng.standard_normal((2, 8, 4)), *rng.integers(0, 2, (2, 8)))
        >>> names = {"scene": ("bricks", "dots"), "action": ("right", "turn")}
        >>> two_searches(clips, clips, names, chosen=[0, 1])
        TwoSearches()
    """
    cosines = np.stack(
        [_cosines(getattr(queries, part), getattr(gallery, part)) for part in ("context", "motion")], 1
    )  # (N, 2, M) int16
    weights = np.arange(STEPS + 1) / STEPS
    labels = {name: (getattr(queries, name), getattr(gallery, name)) for name in names}
    curves: dict[str, list[float]] = {name: [] for name in names}
    shown: set[int] = set()
    for weight in weights:
        order = _nearest(cosines, weight)  # (N, 5)
        shown.update(order[list(chosen)].ravel().tolist())
        for name, (y_query, y_gallery) in labels.items():
            curves[name].append(float((y_gallery[order[:, 0]] == y_query).mean().round(4)))
    places = sorted(shown)
    strips = [queries.frames[row] for row in chosen] + [gallery.frames[place] for place in places]
    picked = cosines[list(chosen)]
    state = {
        "label": LABEL,
        "colors": {name: COLORS[name] for name in ("context", "motion")},
        "names": {name: list(values) for name, values in names.items()},
        "queries": {name: y_query[list(chosen)].tolist() for name, (y_query, _) in labels.items()},
        "gallery": {name: y_gallery.tolist() for name, (_, y_gallery) in labels.items()},
        "shown": places,  # clips of the gallery that have a strip, after the queries' strips
        "curves": curves,
        "neighbors": NEIGHBORS,
        "steps": STEPS,
        "sheet": {"frames": frames, "side": side, "columns": CLIPS_A_ROW, "interval": 40 * stride},
        "cosines": picked.size,  # so many int16 stand before the sheet in `data`
    }
    small = [resized(frame, side) for strip in strips for frame in strip[: frames * stride : stride]]
    drawn = sheet(small, columns=CLIPS_A_ROW * frames, quality=QUALITY)
    return TwoSearches(state=state, data=picked.astype("<i2").tobytes() + drawn)


def _cosines(queries: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    """(N, M) int16."""
    a, b = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (queries, gallery))
    return np.asarray((a @ b.T * FULL).round().clip(-FULL, FULL), np.int16)


def _nearest(cosines: np.ndarray, weight: float) -> np.ndarray:
    """(N, 5) places in the gallery, nearest first; of equals the first."""
    scores = (1 - weight) * cosines[:, 0].astype(float) + weight * cosines[:, 1]
    return np.argsort(-scores, axis=1, kind="stable")[:, :NEIGHBORS]
