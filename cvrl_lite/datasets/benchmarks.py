"""UCF101, HMDB51 and Kinetics, from the folders in which their users already have them.

Nothing is opened here but the lists: which clip belongs to which split, and what it shows. A clip on disk is
known by its class folder and its name without the suffix, so a set that was re-encoded to `.mp4` is still
read. Upper and lower case count alike in class names and in the clips of UCF101 and HMDB51, as copies of
UCF101, and its own lists, differ in the case of `HandstandPushups` (both ours).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path, PurePath, PurePosixPath

from cvrl_lite.datasets.files import Entry, VideoSet, read_lines, read_table, warn_of_gaps
from cvrl_lite.folders import videos_below

_UCF_NAME = re.compile(r"(v_.+_g\d+)_c\d+", re.I)
_HMDB_TAGS = re.compile(r"_[hluf]_(?:cm|nm)_np\d+_(?:fr|ba|le|ri)_(?:goo|med|bad)_\d+$")
_KINETICS_FOLDERS = {"train": ("train",), "val": ("validate", "val"), "test": ("test",)}
_KINETICS_NAME = re.compile(r"(.+)_\d{6}_\d{6}")


def UCF101(
    root: str | os.PathLike[str],
    split: str = "train",
    *,
    fold: int = 1,
    annotations: str | os.PathLike[str] | None = None,
) -> VideoSet:
    """UCF101: 13,320 clips of 101 actions.

    Args:
        root: Holds the class folders (`ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi`), or a folder
            `UCF-101` or `videos` with them.
        split: `"train"` or `"test"`.
        fold: Which of the three official splits, 1 to 3.
        annotations: The folder with `classInd.txt`, `trainlist01.txt`, `testlist01.txt` and so on; where
            None, `ucfTrainTestlist` or `annotations` in `root` or beside it.

    Returns:
        Entries with the label `class`, numbered from 0 in the order of `classInd.txt`. A source is a group
        (`v_ApplyEyeMakeup_g08`), as the clips of a group were cut from one video.

    Raises:
        FileNotFoundError: The lists are missing, or not one clip of the split is there.
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
    _check(split, fold)
    lists = _lists(root, annotations, ("ucfTrainTestlist", "annotations"), "classInd.txt")
    classes: list[str] = []
    for where, line in read_lines(lists / "classInd.txt"):
        number, _, name = line.partition(" ")
        if number != str(len(classes) + 1) or not name:
            raise ValueError(f"{where}: wanted a class's number and name, in order, found {line!r}")
        classes.append(name)
    numbers = {name.casefold(): number for number, name in enumerate(classes)}
    if len(numbers) < len(classes):
        raise ValueError(f"{lists / 'classInd.txt'}: names a class twice")
    listed: dict[str, str] = {}
    wanted: list[str] = []
    for part in ("train", "test"):
        for where, line in read_lines(lists / f"{part}list{fold:02}.txt"):
            clip, _, number = line.partition(" ")
            name, _, file = clip.partition("/")
            place = numbers.get(name.casefold())
            if place is None or not file or number not in ("", str(place + 1)):
                raise ValueError(f"{where}: wanted Class/clip.avi and the class's number, found {line!r}")
            listed[clip] = classes[place]
            if part == split:
                wanted.append(clip)
    home = _first(Path(root), ("UCF-101", "videos", "."))
    return _collect(
        home, _videos(home), wanted, listed=listed, classes=classes, source=lambda stem, _: ucf_source(stem)
    )


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
    found = _UCF_NAME.fullmatch(stem)
    return found[1] if found else stem


def HMDB51(
    root: str | os.PathLike[str],
    split: str = "train",
    *,
    fold: int = 1,
    annotations: str | os.PathLike[str] | None = None,
) -> VideoSet:
    """HMDB51: 6,766 clips of 51 actions; a fold trains on 70 of each and tests on 30.

    Args:
        root: Holds the class folders (`brush_hair/April_09_brush_hair_u_nm_np1_ba_goo_0.avi`), or a folder
            `hmdb51_org` or `videos` with them.
        split: `"train"` or `"test"`.
        fold: Which of the three official splits, 1 to 3.
        annotations: The folder with `brush_hair_test_split1.txt` and so on; where None,
            `testTrainMulti_7030_splits`, `test_train_splits` or `annotations` in `root` or beside it.

    Returns:
        Entries with the label `class`, the lists' class names sorted. For the source see `hmdb_source`.
        Clips that a fold marks 0 are in neither of its splits, and not in `extra` either: a whole data
        set gives no warning.

    Raises:
        FileNotFoundError: The lists are missing, or not one clip of the split is there.
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
    _check(split, fold)
    ending = f"_test_split{fold}.txt"
    places = ("testTrainMulti_7030_splits", "test_train_splits", "annotations")
    files = _seen(_lists(root, annotations, places, f"*{ending}"), f"*{ending}")
    listed: dict[str, str] = {}
    wanted: list[str] = []
    for file in files:
        name = file.name.removesuffix(ending)
        for where, line in read_lines(file):
            clip, _, mark = line.rpartition(" ")
            if not clip or mark not in ("0", "1", "2"):
                raise ValueError(f"{where}: wanted a clip and 0, 1 or 2, found {line!r}")
            listed[f"{name}/{clip}"] = name
            if mark == ("1" if split == "train" else "2"):
                wanted.append(f"{name}/{clip}")
    home = _first(Path(root), ("hmdb51_org", "videos", "."))
    classes = sorted(set(listed.values()))
    return _collect(home, _videos(home), wanted, listed=listed, classes=classes, source=hmdb_source)


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
    return _HMDB_TAGS.sub("", stem).removesuffix(f"_{action}") if _HMDB_TAGS.search(stem) else stem


def Kinetics(
    root: str | os.PathLike[str],
    split: str = "train",
    *,
    annotations: str | os.PathLike[str] | None = None,
) -> VideoSet:
    """Kinetics-400, or another Kinetics with the same layout.

    Args:
        root: Holds a folder for each split with class folders, whose names have blanks or underscores, and
            in them `<YouTube id>_<start>_<end>.mp4`, the seconds in six digits. With a list the clips may
            also lie in the split's folder directly.
        split: `"train"`, `"val"` or `"test"`; the folder of `"val"` may also be called `validate`.
        annotations: The official list, a CSV file with the columns `label`, `youtube_id`, `time_start`,
            `time_end` and `split`, or a folder with `<split>.csv`. Where None, `<split>.csv` in `root` or
            in its `annotations`; where there is none, the folders tell the classes.

    Returns:
        Entries with the label `class`: the class names of all splits' lists sorted, or those of their
        folders, so that `"train"` and `"val"` number them alike. A source is a YouTube id. Many clips have
        gone from YouTube: `missing` tells which, where there is a list.

    Raises:
        FileNotFoundError: The list given is missing, or not one clip of the split is there.
        ValueError: There is no such split, or a line of the list cannot be read.

    Source:
        Kay et al., The Kinetics Human Action Video Dataset, 2017, and the lists published with it.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp()) / "val/air_drumming"
        >>> folder.mkdir(parents=True)
        >>> (folder / "_dbcJuKJQNs_000040_000050.mp4").touch()
        >>> videos = Kinetics(folder.parent.parent, "val")
        >>> videos.classes["class"], videos.entries[0].source
        (('air drumming',), '_dbcJuKJQNs')
    """
    if split not in _KINETICS_FOLDERS:
        raise ValueError(f"split is train, val or test, not {split!r}")
    homes = {name: _first(Path(root), names) for name, names in _KINETICS_FOLDERS.items()}
    videos = _videos(homes[split])
    in_folders = [path for path in videos if len(path.parts) > 1]
    lists = _kinetics_lists(Path(root), annotations)
    if annotations is not None and split not in lists:
        raise FileNotFoundError(f"{annotations}: no list of Kinetics, nor a folder with {split}.csv")
    classes = {name for file in lists.values() for name in _kinetics_classes(file)}
    if split in lists:
        listed, wanted = _read_kinetics(lists[split], _KINETICS_FOLDERS[split], bool(in_folders))
    else:
        listed = {path.as_posix(): _plain(path.parent.name) for path in in_folders}
        wanted = list(listed)
        classes |= {_plain(p.name) for home in homes.values() for p in _seen(home, "*") if p.is_dir()}
    spelled = {name.casefold(): name for name in sorted(classes, reverse=True)}  # once, whatever the case
    return _collect(
        homes[split],
        videos,
        wanted,
        listed={clip: spelled[name.casefold()] for clip, name in listed.items()},
        classes=sorted(spelled.values()),
        source=lambda stem, _: kinetics_source(stem),
        key=_exact,
    )


def kinetics_source(stem: str) -> str:
    """The YouTube id in the name of a Kinetics clip.

    Args:
        stem: The file's name without its suffix.

    Returns:
        What stands before the two times; the whole stem where there are none.

    Example:
        >>> kinetics_source("-3B32lodo2M_000059_000069")
        '-3B32lodo2M'
    """
    found = _KINETICS_NAME.fullmatch(stem)
    return found[1] if found else stem


def _kinetics_lists(root: Path, given: str | os.PathLike[str] | None) -> dict[str, Path]:
    """For each split the CSV file with its clips, where there is one; one in `root` itself goes first."""
    if given is not None and Path(given).is_file():
        return dict.fromkeys(_KINETICS_FOLDERS, Path(given))
    places = (root / "annotations", root) if given is None else (Path(given),)
    return {n: f for place in places for n in _KINETICS_FOLDERS if (f := place / f"{n}.csv").is_file()}


def _kinetics_classes(file: Path) -> set[str]:
    """The classes that a list names; the first release's list of the test split names none."""
    return {_plain(row["label"]) for _, row in read_table(file)[1] if row.get("label")}


def _read_kinetics(file: Path, splits: Sequence[str], in_folders: bool) -> tuple[dict[str, str], list[str]]:
    """All clips of a list with their classes, and those of the split."""
    listed: dict[str, str] = {}
    wanted: list[str] = []
    columns, rows = read_table(file)
    needed = ("label", "youtube_id", "time_start", "time_end", "split")
    if lacks := [name for name in needed if name not in columns]:
        raise ValueError(f"{file}, line 1: lacks the columns {', '.join(lacks)}")
    for where, row in rows:
        try:
            start, end = int(row["time_start"]), int(row["time_end"])
        except (TypeError, ValueError):
            start = end = -1
        if end < 0 or not row["label"] or not row["youtube_id"] or not row["split"]:
            raise ValueError(f"{where}: wanted {', '.join(needed)}")
        clip = f"{row['youtube_id']}_{start:06}_{end:06}.mp4"
        clip = f"{row['label']}/{clip}" if in_folders else clip
        listed[clip] = _plain(row["label"])
        if row["split"] in splits:
            wanted.append(clip)
    return listed, wanted


def _any_case(path: PurePath) -> tuple[str, str]:
    return path.parent.name.casefold(), path.stem.casefold()


def _exact(path: PurePath) -> tuple[str, str]:
    return _plain(path.parent.name).casefold(), path.stem  # YouTube ids differ by case


def _plain(name: str) -> str:
    """The name of a class of Kinetics from that of its folder."""
    return name.replace("_", " ")


def _collect(
    home: Path,
    videos: Sequence[PurePath],
    wanted: Sequence[str],
    *,
    listed: dict[str, str],
    classes: Sequence[str],
    source: Callable[[str, str], str],
    key: Callable[[PurePath], tuple[str, str]] = _any_case,
) -> VideoSet:
    """Looks for clips on disk; says which are missing, and what is left over.

    `videos` are the paths below `home`, and clips are named like them. `wanted` are the clips of the split,
    `listed` those of every split with their class, `key` what of a path tells clips apart.
    """
    on_disk: dict[tuple[str, str], PurePath] = {}
    left = []
    named = {key(PurePosixPath(clip)) for clip in listed}
    for path in videos:
        if key(path) in named and key(path) not in on_disk:  # .avi comes before .mp4, and is taken
            on_disk[key(path)] = path
        else:
            left.append(home / path)
    numbers = {name: number for number, name in enumerate(classes)}
    entries, missing = [], []
    for clip in dict.fromkeys(wanted):
        name, listed_path = listed[clip], PurePosixPath(clip)
        if key(listed_path) in on_disk:
            file = home / on_disk[key(listed_path)]
            entries.append(Entry(file, source(listed_path.stem, name), {"class": numbers[name]}))
        else:
            missing.append(home / clip)
    if not entries:
        looked = f"{wanted[0]} and {len(wanted) - 1} more" if wanted else "class folders with videos"
        raise FileNotFoundError(f"{home}: holds no clip of this split; looked for {looked}")
    found = VideoSet(tuple(entries), {"class": tuple(classes)}, tuple(missing), tuple(left))
    return warn_of_gaps(found, home, stacklevel=4)


def _videos(home: Path) -> list[PurePath]:
    """Videos in a folder and in its folders, relative to it, sorted."""
    return [path.relative_to(home) for path in videos_below(home, depth=2, twice=True)]


def _seen(folder: Path, pattern: str) -> list[Path]:
    """What of a folder fits a pattern, sorted; without hidden files, which other systems leave behind."""
    return sorted(path for path in folder.glob(pattern) if not path.name.startswith("."))


def _first(root: Path, names: Sequence[str]) -> Path:
    """The first of these folders in `root` that exists; the last name where none does."""
    return next((root / name for name in names if (root / name).is_dir()), root / names[-1])


def _lists(
    root: str | os.PathLike[str],
    given: str | os.PathLike[str] | None,
    names: Sequence[str],
    pattern: str,
) -> Path:
    """The folder with the official lists, told by a file in it."""
    home = Path(root)
    places = [Path(given)] if given is not None else [f / n for f in (home, home.parent) for n in names]
    for place in places:
        if _seen(place, pattern):
            return place
    raise FileNotFoundError(f"{pattern}: in none of {', '.join(map(str, places))}; give annotations=")


def _check(split: str, fold: int) -> None:
    if split not in ("train", "test"):
        raise ValueError(f"split is train or test, not {split!r}")
    if fold not in (1, 2, 3):
        raise ValueError(f"fold is 1, 2 or 3, not {fold!r}")
