"""MovingScenes as a data set for training and evaluation."""

from __future__ import annotations

import os
from pathlib import Path

from cvrl_lite.datasets.base import Entry, VideoDataset
from cvrl_lite.datasets.moving_scenes.actions import ACTIONS
from cvrl_lite.datasets.moving_scenes.light import APPEARANCES
from cvrl_lite.datasets.moving_scenes.sets import course_set, read_index
from cvrl_lite.datasets.moving_scenes.textures import SCENES
from cvrl_lite.datasets.samples import SampleConfig


class MovingScenes(VideoDataset):
    """The built-in data set: clips whose scene, action and appearance are independent labels.

    The labels are `scene` and `action`, and `appearance` where the set, in all its splits, has more than one.

    Args:
        split: `"train"`, `"val"` or `"test"`.
        root: Made by `moving_scenes.make`; the course's own set, made when it is missing, if None.
        samples: How `dataset[i]` reads a sample, as in `VideoDataset`.

    Raises:
        ValueError: The set has no such split.

    Example:
        >>> import tempfile
        >>> from cvrl_lite.datasets import moving_scenes
        >>> folder = tempfile.mkdtemp()
        >>> _ = moving_scenes.make(folder, clips=10)
        >>> train = MovingScenes("train", folder)
        >>> sample = train[0]
        >>> len(train), tuple(sample.clip.shape), list(sample.labels)
        (8, (8, 72, 72, 3), ['scene', 'action'])
    """

    def __init__(
        self,
        split: str,
        root: str | os.PathLike[str] | None = None,
        *,
        samples: SampleConfig | None = None,
    ) -> None:
        folder = course_set() if root is None else Path(root)
        index = read_index(folder)
        clips = [clip for clip in index if clip.split == split]
        if not clips:
            raise ValueError(f"{folder}: holds no split named {split!r}")
        classes = {"scene": SCENES, "action": ACTIONS}
        # Checked over all splits, so that each split has the same labels.
        if any(clip.appearance != index[0].appearance for clip in index):
            classes["appearance"] = APPEARANCES
        entries = [
            Entry(
                folder / clip.file,
                clip.file,
                {label: names.index(getattr(clip, label)) for label, names in classes.items()},
            )
            for clip in clips
        ]
        super().__init__(entries, classes, samples=samples)
