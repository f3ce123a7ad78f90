"""A folder of videos as one finds them on an old disk: drawn, cut from tapes, and packed in many ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from cvrl_lite.codec import encode
from cvrl_lite.course.truth import shape_centers
from cvrl_lite.datasets.moving_scenes import draw
from cvrl_lite.errors import VideoError

PLACES = ("bricks", "waves", "rings")
"""The scenes of the tapes; each has a folder of its own."""

MOTIONS = ("right", "down", "clockwise", "turn")
"""The actions of the tapes: of each four in a row one."""

_WATCHING: dict[str, Any] = {"gop": 250, "b_frames": 2, "references": 3, "crf": 23}
_ODD: dict[int, dict[str, Any]] = {2: {"codec": "mpeg4"}, 3: {"fps": 50}, 4: {"codec": "hevc"}}


def pack(frames: np.ndarray, path: Path, **settings: Any) -> None:
    """Writes a file for watching: few key frames, B-frames, several references.

    Args:
        frames: (T, H, W, 3) uint8 RGB.
        path: Where to; its folder is made.
        **settings: Of `encode`, in place of these. Where there is no encoder for a codec, it is H.264.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        encode(frames, path, **_WATCHING | settings)
    except (ValueError, VideoError):
        encode(frames, path, **_WATCHING)


def found_folder(root: Path) -> Path:
    """Builds a folder of twelve tapes in two files each, and of three files that are of no use for training.

    Args:
        root: Where to.

    Returns:
        `root`. Tape n shows `PLACES[(n - 1) // 4]` and `MOTIONS[(n - 1) % 4]`; tape 2 is MPEG-4 in AVI
        files, 3 has every frame twice, 4 is HEVC, 6 is larger. tape12c has nine frames, tape13a breaks off,
        and notes.mp4 is a text.
    """
    for tape in range(1, 13):
        place, motion = PLACES[(tape - 1) // 4], MOTIONS[(tape - 1) % 4]
        frames = draw(place, motion, 900 + tape, frames=120, size=256 if tape == 6 else 128)
        if tape == 3:
            frames = frames.repeat(2, 0)  # a converter doubled each frame
        suffix = ".avi" if tape == 2 else ".mp4"
        for piece, part in zip("ab", np.array_split(frames, 2), strict=True):
            pack(part, root / place / f"tape{tape:02}{piece}{suffix}", **_ODD.get(tape, {}))
    pack(frames[:9], root / "rings/tape12c.mp4")
    pack(frames[:60], root / "rings/tape13a.mkv")
    whole = (root / "rings/tape13a.mkv").read_bytes()
    (root / "rings/tape13a.mkv").write_bytes(whole[: len(whole) // 2])
    (root / "waves/notes.mp4").write_text("Do not forget to buy tapes.", encoding="utf-8")
    return root


def ways(name: str, *, frames: int, size: int) -> np.ndarray:
    """Where the shapes of a tape of `found_folder` go, known because we drew it.

    Args:
        name: Of a file, such as "tape01b.mp4".
        frames: How many, from the file's first on.
        size: Pixels of a side.

    Returns:
        (frames, shapes, 2) pixels, x right and y down from the center of the first one; some lie outside.

    Example:
        >>> ways("tape01b.mp4", frames=13, size=72).shape[::2]
        (13, 2)
    """
    tape, start = int(name[4:6]), 60 * (name[6] == "b")
    whole = shape_centers(MOTIONS[(tape - 1) % 4], 900 + tape, frames=start + frames, size=size)
    return whole[start:] - 0.5
