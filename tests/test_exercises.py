"""What a learner fills in: each check accepts its solution and refuses the stub; a video of one's own runs.

A cell tagged `exercise` holds the stub, the next code cell, tagged `check`, prints "Right." or "Not yet",
and the markdown after it holds the solution, folded.
"""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import IPython.display
import jupytext
import pytest

from cvrl_lite import codec, scenes

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
WITH_EXERCISES = sorted(
    path.stem
    for path in (FOLDER / "src").glob("[0-9][0-9]_*.py")
    if '# %% tags=["exercise"]' in path.read_text(encoding="utf-8")
)


def run(source: str, names: dict[str, object]) -> str:
    """Runs a cell and returns what it printed."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(source, "<cell>", "exec"), names)
    return printed.getvalue()


def test_there_are_exercises() -> None:
    assert "02_inside_a_video_file" in WITH_EXERCISES


@pytest.mark.parametrize("name", WITH_EXERCISES)
def test_checks_refuse_the_stub_and_accept_the_solution(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    monkeypatch.setenv("MPLBACKEND", "agg")
    cells = jupytext.read(FOLDER / "src" / f"{name}.py", fmt="py:percent").cells
    names: dict[str, object] = {}
    exercises = 0
    for place, cell in enumerate(cells):
        tags = cell.metadata.get("tags", [])
        if cell.cell_type != "code" or "raises-exception" in tags:
            continue
        printed = run(cell.source, names)
        if "check" in tags:
            exercises += 1
            assert printed.startswith("Not yet"), f"the stub passes: {printed}"
            solution = re.search(r"Solution</summary>.*?```python\n(.*?)```", cells[place + 1].source, re.S)
            assert solution and "Hint</summary>" in cells[place + 1].source
            run(solution[1], names)
            assert run(cell.source, names) == "Right.\n"
    assert exercises == sum("exercise" in cell.metadata.get("tags", []) for cell in cells)


def test_a_video_of_ones_own_gets_its_bars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video = tmp_path / "mine.mp4"
    codec.encode(scenes.draw("rings", "down", 4, frames=30), video)
    monkeypatch.chdir(FOLDER)
    alts: list[str] = []
    monkeypatch.setattr(
        IPython.display, "display", lambda data, **kept: alts.append(kept["metadata"]["image/png"]["alt"])
    )
    source = FOLDER / "src" / "02_inside_a_video_file.py"
    names: dict[str, object] = {}
    printed, line = "", "MY_VIDEO = None"
    assert source.read_text(encoding="utf-8").count(line) == 1
    for cell in jupytext.read(source, fmt="py:percent").cells:
        if cell.cell_type == "code":
            printed += run(cell.source.replace(line, f"MY_VIDEO = {str(video)!r}"), names)
    assert "h264 in mov: 30 frames of 112x112" in printed
    assert "your video" in alts[-1]
