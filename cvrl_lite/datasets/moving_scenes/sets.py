"""MovingScenes on disk: a folder of H.264 clips and an index, made once and verified ever after.

A set is a folder with `set.json` (what it was made with), `index.csv` (one row per clip) and the clips in
`train/`, `val/` and `test/`. While it is being made, finished rows wait in `index.part.csv`, so that an
interrupted run goes on where it was.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import astuple, dataclass, fields, replace
from functools import cache
from pathlib import Path

from cvrl_lite.datasets.moving_scenes.actions import ACTIONS
from cvrl_lite.datasets.moving_scenes.integers import Dice
from cvrl_lite.datasets.moving_scenes.light import APPEARANCES
from cvrl_lite.datasets.moving_scenes.render import draw
from cvrl_lite.datasets.moving_scenes.textures import SCENES
from cvrl_lite.datasets.moving_scenes.workers import render_clips
from cvrl_lite.errors import UnreadableFile
from cvrl_lite.files import alone, kept_in_cache, replacing, sha256, writing
from cvrl_lite.progress import track

COURSE_CLIPS = 1600
_PER_HUNDRED = {"train": 72, "val": 12, "test": 16}
_SEEDS = 1_000_000  # clip seeds set aside for each set seed


@dataclass(frozen=True)
class Clip:
    """One row of the index.

    Attributes:
        file: Path inside the set's folder, with forward slashes.
        split: `"train"`, `"val"` or `"test"`.
        scene: One of `SCENES`: what stays.
        action: One of `ACTIONS`: what moves.
        appearance: One of `APPEARANCES`: how the light changes.
        seed: What `draw` was given; no two clips share one.
        pixels_sha256: Of the frames as drawn, (T, H, W, 3) uint8 in C order; the same on every machine.
        file_sha256: Of the file; encoders differ from build to build.

    Example:
        >>> clip = plan(40, seed=0)[0]
        >>> clip.split, clip.scene in SCENES, clip.action in ACTIONS
        ('train', True, True)
    """

    file: str
    split: str
    scene: str
    action: str
    appearance: str
    seed: int
    pixels_sha256: str = ""
    file_sha256: str = ""


_COLUMNS = tuple(field.name for field in fields(Clip))
_CARD = "set.json"


def plan(clips: int, seed: int, tie: float = 0.0, appearances: Sequence[str] = APPEARANCES[:1]) -> list[Clip]:
    """Which clips a set holds, before anything is drawn.

    Within a split every pair of a scene and an action comes as often as any other, as far as the number
    of clips allows; `tie` then ties some actions to their scenes.

    Args:
        clips: How many, 1 to 1,000,000.
        seed: Of the set; sets of other seeds share no clip.
        tie: The part of the clips, 0 to 1, whose action is the one their scene stands for
            (`ACTIONS[SCENES.index(scene) % 8]`).
        appearances: Which ones there are; each comes as often, whatever the scene and the action.

    Returns:
        The clips in the order of the index, without their hashes.

    Raises:
        ValueError: A number is out of range.

    Example:
        >>> [clip.split for clip in plan(4, seed=0)]
        ['train', 'train', 'train', 'train']
    """
    if not 1 <= clips <= _SEEDS:
        raise ValueError(f"a set holds 1 to {_SEEDS} clips, not {clips}")
    if not 0 <= tie <= 1:
        raise ValueError(f"tie is a part from 0 to 1, not {tie}")
    counts = {split: clips * part // 100 for split, part in _PER_HUNDRED.items()}
    counts["train"] += clips - sum(counts.values())
    planned: list[Clip] = []
    for order, (split, count) in enumerate(counts.items()):
        dice = Dice(seed, 5, order)
        looks = Dice(seed, 9, order).shuffled([appearances[n % len(appearances)] for n in range(count)])
        for number, (scene, action) in enumerate(_pairs(count, dice)):
            if dice.below(1 << 20) < round(tie * (1 << 20)):
                action = ACTIONS[SCENES.index(scene) % len(ACTIONS)]
            file = f"{split}/{number:05d}.mp4"
            planned.append(Clip(file, split, scene, action, looks[number], seed * _SEEDS + len(planned)))
    return planned


def _pairs(count: int, dice: Dice) -> list[tuple[str, str]]:
    """`count` pairs of scene and action, all equally often but for a remainder that is balanced too."""
    scenes, actions = dice.shuffled(SCENES), dice.shuffled(ACTIONS)
    square = [  # each run of sixteen holds every scene once and every action twice
        (scene, actions[(place + run) % len(actions)])
        for run in range(len(actions))
        for place, scene in enumerate(scenes)
    ]
    return dice.shuffled([square[number % len(square)] for number in range(count)])


@cache
def _look(appearances: tuple[str, ...] = APPEARANCES[:1]) -> str:
    """Sixteen digits that change whenever the drawing does."""
    digest = hashlib.sha256()
    for appearance in appearances:
        for number, scene in enumerate(SCENES):
            action = ACTIONS[number % len(ACTIONS)]
            digest.update(draw(scene, action, number, appearance=appearance, frames=6, size=16).tobytes())
    return digest.hexdigest()[:16]


def make(
    root: str | os.PathLike[str],
    clips: int = COURSE_CLIPS,
    seed: int = 0,
    *,
    frames: int = 40,
    size: int = 112,
    tie: float = 0.0,
    bystanders: float = 0.0,
    appearances: Sequence[str] = APPEARANCES[:1],
    preset: str = "veryfast",
    workers: int | None = None,
) -> list[Clip]:
    """Makes a set, or what is missing of it.

    Files that are there already are verified and kept; a damaged one is made again, and all of them where
    nothing says any more how they were made. Of several processes one makes the set, and the others wait.
    1600 clips of the standard size take half a minute to a minute on 2 cores, and 50 MB.

    Args:
        root: The set's folder.
        clips: How many: 72 of 100 to train, 12 to choose recipes by, 16 to test.
        seed: Of the set; sets of other seeds share no clip.
        frames: Frames of a clip, at 25 a second.
        size: Pixels per side, even, at least 16.
        tie: 0: action and scene are independent; 1: the scene gives the action away.
        bystanders: The share of the sprites that do not take part in the action.
        appearances: Some of `APPEARANCES`: how the light may change.
        preset: Effort of the encoder, as in `codec.encode`.
        workers: Processes; the number of processors if None.

    Returns:
        The index, as `read_index` reads it.

    Raises:
        ValueError: An argument is out of range, or the folder holds a set made with others.
        OSError: The folder cannot be written.
        ChildProcessError: A worker was killed; the clips it finished are kept.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     len(make(folder, clips=2, frames=2, size=32))
        2
    """
    if frames < 1 or size < 16 or size % 2:
        raise ValueError(f"a clip needs 1 frame and an even size of 16 at least, not {frames} and {size}")
    planned = plan(clips, seed, tie, appearances)
    folder = Path(root)
    made_with: dict[str, object] = {
        "clips": clips,
        "seed": seed,
        "frames": frames,
        "size": size,
        "tie": tie,
        "look": _look(tuple(appearances)),
        "bystanders": bystanders,
        "appearances": list(appearances),
        "preset": preset,
    }
    index, ledger = folder / "index.csv", folder / "index.part.csv"
    if _is_of(folder, made_with) and (rows := _indexed(folder)) == _sound(folder, planned, rows) != []:
        return rows
    with alone(folder / ".lock", folder):
        sound = []
        if _is_of(folder, made_with):
            sound = _sound(folder, planned, _indexed(folder) + _rows(ledger)[0])
        else:
            _write_card(folder, made_with)
        done = {clip.file: clip for clip in sound}
        missing = {clip.file: clip for clip in planned if clip.file not in done}
        _write(ledger, sound)
        jobs = [(clip.file, clip.scene, clip.action, clip.appearance, clip.seed) for clip in missing.values()]
        with writing(ledger), open(ledger, "a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            results = render_clips(
                folder, jobs, bystanders=bystanders, preset=preset, frames=frames, size=size, workers=workers
            )
            with closing(results):
                for name, pixels, contents in track(results, "drawing MovingScenes", len(jobs)):
                    done[name] = replace(missing[name], pixels_sha256=pixels, file_sha256=contents)
                    writer.writerow(astuple(done[name]))
                    file.flush()
        _write(index, [done[clip.file] for clip in planned])
        _write_card(folder, made_with | {"index_sha256": sha256(index)})
        ledger.unlink(missing_ok=True)
    return read_index(folder)


def _is_of(folder: Path, made_with: dict[str, object]) -> bool:
    """Whether the folder's card says that its clips are made so; False if it has none, or a broken one.

    Raises:
        ValueError: They are made in another way.
    """
    found = _card(folder)
    if not found:
        return False
    found = {"bystanders": 0.0, "appearances": ["steady"], "preset": "veryfast"} | found  # as of old
    other = [
        f"{name} {found.get(name)}, not {value}"
        for name, value in made_with.items()
        if found.get(name) != value
    ]
    if other:
        raise ValueError(
            f"{folder}: holds a set made with {'; '.join(other)}: choose another folder or delete it"
        )
    return True


def _card(folder: Path) -> dict[str, object]:
    """What the folder's set was made with; empty if nothing says so."""
    try:
        found = json.loads((folder / _CARD).read_text(encoding="utf-8"))
        checksum = found.pop("checksum", None)
    except (FileNotFoundError, IsADirectoryError, ValueError, TypeError, AttributeError):
        return {}  # there is none, or none of ours
    return found if checksum in (None, _checksum(found)) and "seed" in found else {}


def _write_card(folder: Path, card: dict[str, object]) -> None:
    with replacing(folder / _CARD) as part:
        text = json.dumps(card | {"checksum": _checksum(card)}, indent=1)
        part.write_text(text + "\n", encoding="utf-8")


def _checksum(card: dict[str, object]) -> str:
    return hashlib.sha256(json.dumps(card, sort_keys=True).encode()).hexdigest()[:8]


def _indexed(folder: Path) -> list[Clip]:
    """The rows of a finished set's index; none if there is none, or it is not as it was written."""
    index = folder / "index.csv"
    clips, whole = _rows(index)
    return clips if whole and _card(folder).get("index_sha256", sha256(index)) == sha256(index) else []


def _sound(folder: Path, planned: Sequence[Clip], rows: Sequence[Clip]) -> list[Clip]:
    """The planned clips that are there as a row says."""
    by_file = {clip.file: clip for clip in rows}
    return [clip for old in planned if (clip := _verified(folder, old, by_file.get(old.file)))]


def _verified(folder: Path, planned: Clip, row: Clip | None) -> Clip | None:
    """The row of the index, if it is of the planned clip and its file is what it says."""
    if row is None or replace(row, pixels_sha256="", file_sha256="") != planned:
        return None
    path = folder / row.file
    return row if path.is_file() and sha256(path) == row.file_sha256 else None


def _rows(path: Path) -> tuple[list[Clip], bool]:
    """The rows of an index that can be read, and whether that is all of it; none if there is no file."""
    try:
        with open(path, newline="", encoding="utf-8") as file:
            header, *rows = csv.reader(file)
    except (FileNotFoundError, IsADirectoryError, ValueError, csv.Error):
        return [], False
    clips = [
        Clip(file, split, scene, action, appearance, int(seed), *hashes)
        for file, split, scene, action, appearance, seed, *hashes in (
            r for r in rows if len(r) == len(_COLUMNS)
        )
        if seed.removeprefix("-").isdecimal()
    ]
    return clips, header == list(_COLUMNS) and len(clips) == len(rows)


def _write(path: Path, clips: Iterable[Clip]) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    writer.writerows(astuple(clip) for clip in clips)
    with replacing(path) as part:
        part.write_text(text.getvalue(), encoding="utf-8", newline="")


def read_index(root: str | os.PathLike[str]) -> list[Clip]:
    """The clips of a finished set.

    Args:
        root: A folder made by `make`.

    Returns:
        One `Clip` a row: `train` first, then `val` and `test`.

    Raises:
        UnreadableFile: There is no index, since the set was never finished, or it is damaged.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     made = make(folder, clips=2, frames=2, size=32)
        ...     read_index(folder) == made
        True
    """
    index = Path(root) / "index.csv"
    if not index.is_file():
        raise UnreadableFile(index, "no such file: moving_scenes.make(root) makes the set, or finishes it")
    clips, whole = _rows(index)
    if not whole or _card(index.parent).get("clips", len(clips)) != len(clips):
        raise UnreadableFile(
            index, "is damaged: moving_scenes.make(root), as the set was made, makes it again"
        )
    return clips


def course_set() -> Path:
    """The set that the course uses: 1600 clips, made in the cache when it is missing or damaged.

    Returns:
        Its folder. A change of the drawing makes a new folder, so that an old set is never taken for it.

    Example:
        >>> len(read_index(course_set()))  # doctest: +SKIP
        1600
    """
    name = f"moving_scenes_{_look()[:8]}"
    return kept_in_cache(name, lambda root: make(root, COURSE_CLIPS, seed=0))


def hard_set(clips: int = COURSE_CLIPS) -> Path:
    """The set of the experiments: every third sprite is a bystander, and the light changes.

    Its encoder takes more time, so that its vectors follow what moves and not the light.

    Args:
        clips: How many.

    Returns:
        Its folder in the cache, where it is made when it is missing or damaged.

    Example:
        >>> len(read_index(hard_set(clips=60)))  # doctest: +SKIP
        60
    """
    name = f"moving_scenes_hard_{clips}_{_look(APPEARANCES)[:8]}"
    return kept_in_cache(
        name, lambda root: make(root, clips, 1, bystanders=1 / 3, appearances=APPEARANCES, preset="slow")
    )
