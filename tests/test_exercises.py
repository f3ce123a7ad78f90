"""The exercises of the course: each check accepts its solution and refuses the stub.

A cell tagged `exercise` holds the stub, the next code cell, tagged `check`, prints "Right." or "Not yet",
and the markdown after it holds the solution, folded.
"""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import jupytext
import pytest

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
