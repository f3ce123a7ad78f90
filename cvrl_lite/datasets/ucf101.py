"""UCF101, read from its usual folder layout."""

from __future__ import annotations

import os
import re
from pathlib import Path

from cvrl_lite.datasets.base import VideoDataset, warn_of_gaps
from cvrl_lite.datasets.lists import (
    check_split,
    collect_clips,
    find_lists,
    first_folder,
    read_lines,
    videos_in,
)
from cvrl_lite.datasets.samples import SampleConfig

_NAME = re.compile(r"(v_.+_g\d+)_c\d+", re.I)


class UCF101(VideoDataset):
    """UCF101: 13,320 clips of 101 actions.

    The label is `class`, numbered from 0 in the order of `classInd.txt`. A source is a group
    (`v_ApplyEyeMakeup_g08`), because the clips of a group were cut from one video. Clips on disk are matched
    by class folder and file name without the suffix, ignoring case (ours): a set re-encoded to `.mp4` still
    works, and copies of UCF101 (and its own lists) spell `HandstandPushups` differently.

    Args:
        root: Holds the class folders (`ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi`), or a folder
            `UCF-101` or `videos` with them.
        split: `"train"` or `"test"`.
        fold: Which of the three official splits, 1 to 3.
        annotations: The folder with `classInd.txt`, `trainlist01.txt`, `testlist01.txt` and so on; where
            None, `ucfTrainTestlist` or `annotations` in `root` or beside it.
        samples: How `dataset[i]` reads a sample, as in `VideoDataset`.

    Raises:
        FileNotFoundError: The lists are missing, or no clip of the split is there.
        ValueError: There is no such split or fold, or a line of a list cannot be read.

    Source:
        Soomro, Zamir and Shah, UCF101, 2012, and the lists published with it.

    Example:
        >>> import tempfile
        >>> root = Path(tempfile.mkdtemp())
        >>> lists = {"classInd": "1 YoYo", "trainlist01": "YoYo/v_YoYo_g08_c01.avi 1", "testlist01": ""}
        >>> for folder in ("YoYo", "ucfTrainTestlist"):
        ...     (root / folder).mkdir()
        >>> for name, text in lists.items():
        ...     _ = (root / f"ucfTrainTestlist/{name}.txt").write_text(text)
        >>> (root / "YoYo/v_YoYo_g08_c01.avi").touch()
        >>> UCF101(root, "train").entries[0].source
        'v_YoYo_g08'
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: str = "train",
        *,
        fold: int = 1,
        annotations: str | os.PathLike[str] | None = None,
        samples: SampleConfig | None = None,
    ) -> None:
        check_split(split, fold)
        lists = find_lists(root, annotations, ("ucfTrainTestlist", "annotations"), "classInd.txt")
        classes: list[str] = []
        for where, line in read_lines(lists / "classInd.txt"):
            number, _, name = line.partition(" ")
            if number != str(len(classes) + 1) or not name:
                raise ValueError(f"{where}: expected a class's number and name, in order, found {line!r}")
            classes.append(name)
        numbers = {name.casefold(): number for number, name in enumerate(classes)}
        if len(numbers) < len(classes):
            raise ValueError(f"{lists / 'classInd.txt'}: names a class twice")
        listed: dict[str, str] = {}
        in_split: list[str] = []
        for part in ("train", "test"):
            for where, line in read_lines(lists / f"{part}list{fold:02}.txt"):
                clip, _, number = line.partition(" ")
                name, _, file = clip.partition("/")
                place = numbers.get(name.casefold())
                if place is None or not file or number not in ("", str(place + 1)):
                    raise ValueError(
                        f"{where}: expected Class/clip.avi and the class's number, found {line!r}"
                    )
                listed[clip] = classes[place]
                if part == split:
                    in_split.append(clip)
        home = first_folder(Path(root), ("UCF-101", "videos", "."))
        found = collect_clips(
            home,
            videos_in(home),
            in_split,
            listed=listed,
            classes=classes,
            source=lambda stem, _: ucf_source(stem),
        )
        super().__init__(
            found.entries,
            {"class": classes},
            missing=found.missing,
            extra=found.extra,
            samples=samples,
        )
        warn_of_gaps(self, found.home)


def ucf_source(stem: str) -> str:
    """The video a clip of UCF101 was cut from: its name up to the group.

    Args:
        stem: The file's name without its suffix.

    Returns:
        The group; the whole stem where it does not follow the scheme.

    Example:
        >>> ucf_source("v_HandStandPushups_g08_c01")
        'v_HandStandPushups_g08'
    """
    found = _NAME.fullmatch(stem)
    return found[1] if found else stem
