"""The notebook on videos of one's own: its cells run on a folder that is not ours, its commands are known."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from pathlib import Path

import IPython.display
import jupytext
import numpy as np
import pytest

from cvrl_lite import CompressedVideo, VideoError, cli, codec
from cvrl_lite.course import tapes
from cvrl_lite.datasets import moving_scenes

SOURCE = Path(__file__).resolve().parents[1] / "notebooks" / "src" / "14_your_own_videos.py"


def test_its_commands_are_understood() -> None:
    blocks = re.findall(r"^# ```bash\n(.*?)^# ```$", SOURCE.read_text(encoding="utf-8"), re.S | re.M)
    text = re.sub(r"^# ?", "", "".join(blocks), flags=re.M).replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip()]
    assert len(lines) >= 8
    for line in lines:
        words = re.split(r"^cvrl-lite |-m cvrl_lite\.cli ", line)[1]
        cli.parser().parse_args(shlex.split(words, comments=True))


@pytest.mark.slow
def test_its_cells_run_on_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No labels, no sources, no sub-folders, two names that differ in the suffix, a film that is too long."""
    folder = tmp_path / "mine"
    for name, seed in (("beach.mp4", 1), ("beach.mkv", 2), ("street.mp4", 3)):
        codec.encode(
            moving_scenes.draw("rings", "down", seed, frames=40, size=64), folder / name, gop=250, b_frames=2
        )
    codec.encode(np.zeros((122, 16, 16, 3), np.uint8), folder / "film.mp4", fps=2)
    before = sorted((path.name, path.stat().st_mtime_ns) for path in folder.iterdir())
    monkeypatch.chdir(SOURCE.parents[1])
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.setenv("CVRL_CACHE", str(tmp_path / "cache"))
    figures: list[object] = []
    monkeypatch.setattr(IPython.display, "display", lambda data, **kept: figures.append(data))
    names: dict[str, object] = {}
    printed, line = io.StringIO(), "MY_FOLDER = None"
    assert SOURCE.read_text(encoding="utf-8").count(line) == 1
    for cell in jupytext.read(SOURCE, fmt="py:percent").cells:
        if cell.cell_type == "code":
            source = cell.source.replace(line, f"MY_FOLDER = {str(folder)!r}")
            with contextlib.redirect_stdout(printed):
                exec(compile(source, "<cell>", "exec"), names)
    assert "of 4 files 3 can be read here" in printed.getvalue()
    assert len(names["data"].videos) == 3  # type: ignore[attr-defined]
    assert len(figures) >= 6
    assert sorted((path.name, path.stat().st_mtime_ns) for path in folder.iterdir()) == before


@pytest.mark.parametrize("name, start", [("tape02a.mp4", 0), ("tape02b.mp4", 60)])
def test_the_ways_of_a_tape_are_those_of_its_shapes(name: str, start: int) -> None:
    first, last = moving_scenes.draw(tapes.PLACES[0], "down", 902, frames=120)[[start, start + 12]].astype(
        int
    )
    ways = tapes.ways(name, frames=13, size=112)
    inside = ((ways > 8) & (ways < 103)).all((0, 2))
    assert inside.any() and (np.diff(ways[:, inside, 1], axis=0) > 0).all()
    (x, y), (to_x, to_y) = ways[[0, -1]][:, inside.argmax()].round().astype(int)
    assert np.abs(first[y, x] - last[to_y, to_x]).max() < 8, "the middle of a shape has gone there"


@pytest.mark.slow
def test_the_found_folder_has_tapes_in_two_pieces_and_three_useless_files(tmp_path: Path) -> None:
    files = {
        path.relative_to(tmp_path).as_posix(): path for path in tapes.found_folder(tmp_path).rglob("*.*")
    }
    assert len(files) == 27 and {name.split("/")[0] for name in files} == set(tapes.PLACES)
    with (
        CompressedVideo(files["bricks/tape02a.avi"]) as old,
        CompressedVideo(files["waves/tape06b.mp4"]) as large,
    ):
        assert old.info.codec == "mpeg4" and (large.info.width, large.info.height) == (256, 256)
    for name in ("rings/tape13a.mkv", "waves/notes.mp4"):
        with pytest.raises(VideoError), CompressedVideo(files[name]) as video:
            video.motion()
