"""HMDB51, read from its usual folder layout."""

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
    visible,
)
from cvrl_lite.datasets.samples import SampleConfig

_TAGS = re.compile(r"_[hluf]_(?:cm|nm)_np\d+_(?:fr|ba|le|ri)_(?:goo|med|bad)_\d+$")


class HMDB51(VideoDataset):
    """HMDB51: 6,766 clips of 51 actions; a fold trains on 70 of each and tests on 30.

    The label is `class`: the class names of the lists, sorted. For the source see `hmdb_source`. Clips that a
    fold marks 0 belong to neither split, and are not in `extra` either, so a complete data set gives no
    warning. Clips on disk are matched by class folder and file name without the suffix, ignoring case.

    Args:
        root: Holds the class folders (`brush_hair/April_09_brush_hair_u_nm_np1_ba_goo_0.avi`), or a folder
            `hmdb51_org` or `videos` with them.
        split: `"train"` or `"test"`.
        fold: Which of the three official splits, 1 to 3.
        annotations: The folder with `brush_hair_test_split1.txt` and so on; if None,
            `testTrainMulti_7030_splits`, `test_train_splits` or `annotations` in `root` or beside it.
        samples: How `dataset[i]` reads a sample, as in `VideoDataset`.

    Raises:
        FileNotFoundError: The lists are missing, or no clip of the split is there.
        ValueError: There is no such split or fold, or a line of a list cannot be read.

    Source:
        Kuehne, Jhuang, Garrote, Poggio and Serre, HMDB, ICCV 2011, and the lists published with it.

    Example:
        >>> import tempfile
        >>> root = Path(tempfile.mkdtemp())
        >>> clip = "Smile!_smile_h_cm_np1_fr_goo_0.avi"
        >>> for folder in ("smile", "annotations"):
        ...     (root / folder).mkdir()
        >>> (root / "smile" / clip).touch()
        >>> _ = (root / "annotations/smile_test_split1.txt").write_text(f"{clip} 1")
        >>> HMDB51(root, "train").entries[0].source
        'Smile!'
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
        ending = f"_test_split{fold}.txt"
        places = ("testTrainMulti_7030_splits", "test_train_splits", "annotations")
        files = visible(find_lists(root, annotations, places, f"*{ending}"), f"*{ending}")
        listed: dict[str, str] = {}
        in_split: list[str] = []
        for file in files:
            name = file.name.removesuffix(ending)
            for where, line in read_lines(file):
                clip, _, mark = line.rpartition(" ")
                if not clip or mark not in ("0", "1", "2"):
                    raise ValueError(f"{where}: expected a clip and 0, 1 or 2, found {line!r}")
                listed[f"{name}/{clip}"] = name
                if mark == ("1" if split == "train" else "2"):
                    in_split.append(f"{name}/{clip}")
        home = first_folder(Path(root), ("hmdb51_org", "videos", "."))
        classes = sorted(set(listed.values()))
        found = collect_clips(
            home, videos_in(home), in_split, listed=listed, classes=classes, source=hmdb_source
        )
        super().__init__(
            found.entries,
            {"class": classes},
            missing=found.missing,
            extra=found.extra,
            samples=samples,
        )
        warn_of_gaps(self, found.home)


def hmdb_source(stem: str, action: str) -> str:
    """The video a clip of HMDB51 was cut from: its name up to the action.

    A name is title, action, then visible body part (head, upper, full, lower), camera motion (cm, nm),
    number of people (np1), view (fr, ba, le, ri), quality (goo, med, bad) and the clip's number. Assumed:
    one title is one video, also across classes, so a film's clips are never each other's negatives; the
    numbered parts of a film (`Return_of_the_King_1`, `Return_of_the_King_4`) are separate videos.

    Args:
        stem: The file's name without its suffix.
        action: The clip's class.

    Returns:
        The title; with the action where that is not the clip's class; the whole stem where it does not
        follow the scheme.

    Example:
        >>> hmdb_source("Return_of_the_King_4_smile_h_nm_np1_fr_goo_4", "smile")
        'Return_of_the_King_4'
    """
    return _TAGS.sub("", stem).removesuffix(f"_{action}") if _TAGS.search(stem) else stem
