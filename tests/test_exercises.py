"""What a learner fills in: each check accepts its solution and refuses the stub; a video of one's own runs.

A cell tagged `exercise` holds the stub, the next code cell, tagged `check`, prints "Right." or "Not yet",
and the markdown after it holds the solution, folded.
"""

from __future__ import annotations

import ast
import contextlib
import io
import re
import symtable
from pathlib import Path

import IPython.display
import jupytext
import pytest
from nbformat import NotebookNode

from cvrl_lite import codec
from cvrl_lite.datasets import moving_scenes

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


def names_in(source: str) -> tuple[set[str], set[str]]:
    """The names that a cell makes, and those that it needs from before, maybe some more."""
    made: set[str] = set()
    wanted: set[str] = set()
    for statement in ast.parse(source).body:
        table = symtable.symtable(ast.unparse(statement), "<cell>", "exec")
        tables, here = [table], table.get_symbols()
        used = {symbol.get_name() for symbol in here if symbol.is_referenced()}
        while tables:
            inner = tables.pop().get_children()
            tables += inner
            used |= {s.get_name() for t in inner for s in t.get_symbols() if s.is_global()}
        if isinstance(statement, ast.For):
            used -= {node.id for node in ast.walk(statement.target) if isinstance(node, ast.Name)}
        wanted |= used - made
        made |= {s.get_name() for s in here if s.is_assigned() or s.is_imported() or s.is_namespace()}
    return made, wanted


def solution_after(cells: list[NotebookNode], place: int) -> str:
    """The folded solution below a check, which has a hint above it."""
    folded = cells[place + 1].source
    found = re.search(r"Solution</summary>.*?```python\n(.*?)```", folded, re.S)
    assert found and "Hint</summary>" in folded
    return found[1]


def needed(cells: list[NotebookNode]) -> list[int]:
    """The exercises and their checks, and the cells that make what those use; nbval runs the rest, too."""
    places: list[int] = []
    names: set[str] = set()
    for place in reversed(range(len(cells))):
        tags = cells[place].metadata.get("tags", [])
        if cells[place].cell_type != "code" or "raises-exception" in tags:
            continue
        source = cells[place].source
        made, wanted = names_in(source)
        if "check" in tags:
            wanted |= names_in(solution_after(cells, place))[1]
        if "exercise" in tags or "check" in tags or made & names:
            places.append(place)
            names = (names - made) | wanted
    return places[::-1]


def test_there_are_exercises() -> None:
    assert "02_inside_a_video_file" in WITH_EXERCISES


@pytest.mark.parametrize("name", WITH_EXERCISES)
def test_checks_refuse_the_stub_and_accept_the_solution(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    monkeypatch.setenv("MPLBACKEND", "agg")
    cells = jupytext.read(FOLDER / "src" / f"{name}.py", fmt="py:percent").cells
    names: dict[str, object] = {}
    exercises = 0
    for place in needed(cells):
        printed = run(cells[place].source, names)
        if "check" in cells[place].metadata.get("tags", []):
            exercises += 1
            assert printed.startswith("Not yet"), f"the stub passes: {printed}"
            run(solution_after(cells, place), names)
            assert run(cells[place].source, names) == "Right.\n"
    assert exercises == sum("exercise" in cell.metadata.get("tags", []) for cell in cells)


def test_a_video_of_ones_own_gets_its_bars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video = tmp_path / "mine.mp4"
    codec.encode(moving_scenes.draw("rings", "down", 4, frames=30), video)
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
