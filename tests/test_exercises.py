"""What a learner fills in: each exercise has a check that refuses the stub, a hint and a solution.

That the check accepts the solution, and refuses the wrong answers in notebooks/wrong_answers.py, is tried
where nbval runs the notebook, by notebooks/conftest.py.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import shutil
import subprocess
import sys
from pathlib import Path

import IPython.display
import jupytext
import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from cvrl_lite import codec
from cvrl_lite.datasets import moving_scenes

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
NAMES = sorted(path.stem for path in FOLDER.glob("[0-9][0-9]_*.ipynb"))

sys.path.insert(0, str(FOLDER))  # as pytest does for notebooks/conftest.py
_spec = importlib.util.spec_from_file_location("notebooks_conftest", FOLDER / "conftest.py")
assert _spec is not None and _spec.loader is not None
exercises = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(exercises)


def test_each_exercise_has_a_check_that_refuses_the_stub_a_hint_and_a_solution() -> None:
    count = 0
    for name in NAMES:
        cells = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4).cells
        tags = [cell.metadata.get("tags", []) for cell in cells]
        assert [t for tag in tags for t in tag if t in ("exercise", "check")][::2] == ["exercise"] * sum(
            "check" in tag for tag in tags
        ), f"{name}: an exercise without its check"
        for place, cell in enumerate(cells):
            if "check" in tags[place]:
                count += 1
                assert "nbval-ignore-output" not in tags[place]
                assert cell.outputs[0].text.startswith("Not yet"), f"{name}: the stub passes"
                assert "Hint</summary>" in cells[place + 1].source
                compile(exercises.solution_below(cells, place), name, "exec")
                assert exercises.stub_above(cells, place)
    assert count > 30


def test_each_exercise_has_at_least_three_wrong_answers() -> None:
    listed = dict(exercises.WRONG)
    for name in NAMES:
        cells = jupytext.read(FOLDER / "src" / f"{name}.py", fmt="py:percent").cells
        checks = [place for place, cell in enumerate(cells) if "check" in cell.metadata.get("tags", [])]
        for number, place in enumerate(checks, 1):
            solution = exercises.solution_below(cells, place)
            answers = {exercises.applied(solution, mistake) for mistake in listed.pop(f"{name[:2]}.{number}")}
            assert len(answers - {solution}) >= 3, f"{name}, exercise {number}"
            for answer in answers:
                compile(answer, name, "exec")
    assert not listed, "wrong answers without their exercise"


@pytest.mark.slow
def test_a_solution_is_tried_where_its_notebook_runs(tmp_path: Path) -> None:
    def printed(text: str) -> list[NotebookNode]:
        return [new_output("stream", name="stdout", text=text)]

    cells, left = [], {"two": None, "three": 4, "four": 5}  # where a check fails, the stub does not come back
    for name, right, solution in (
        ("two", "two() == 2", "return 2"),
        ("three", "three() == 3", "return 4"),  # the solution is wrong
        ("four", "(four() or 0) > 3", "return 4"),  # the check accepts five
    ):
        check = f'print("Right." if {right} else "Not yet")'
        folded = f"<summary>Solution</summary>\n```python\ndef {name}():\n    {solution}\n```"
        cells += [
            new_code_cell(f"def {name}(): ...", metadata={"tags": ["exercise"]}),
            new_code_cell(check, metadata={"tags": ["check"]}, outputs=printed("Not yet\n")),
            new_markdown_cell(folded),
            new_code_cell(f"print({name}())", outputs=printed(f"{left[name]}\n")),
        ]
    for number, cell in enumerate(cell for cell in cells if cell.cell_type == "code"):
        cell.execution_count = number + 1
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    nbformat.write(new_notebook(cells=cells, metadata=kernel), tmp_path / "00_try.ipynb")
    shutil.copy(FOLDER / "conftest.py", tmp_path)
    listed = (FOLDER / "wrong_answers.py").read_text(encoding="utf-8")
    added = 'WRONG |= {"00.1": (("2", "3"),), "00.3": (("4", "3"), ("4", "5"))}\n'
    (tmp_path / "wrong_answers.py").write_text(f"{listed}\n{added}", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--nbval", "00_try.ipynb"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert "00_try.ipynb ....F..F." in done.stdout, done.stdout
    assert "the check says of the solution: Not yet" in done.stdout
    assert "the check says of ('4', '5'): Right." in done.stdout


def run(source: str, names: dict[str, object]) -> str:
    """Runs a cell and returns what it printed."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(source, "<cell>", "exec"), names)
    return printed.getvalue()


def test_a_video_of_ones_own_gets_its_bars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The two cells that the notebook asks to be run again, after what they need; nbval runs the others."""
    video = tmp_path / "mine.mp4"
    codec.encode(moving_scenes.draw("rings", "down", 4, frames=30), video)
    monkeypatch.chdir(FOLDER)
    alts: list[str] = []
    monkeypatch.setattr(
        IPython.display,
        "display",
        lambda data, **kept: alts.extend(entry["alt"] for entry in kept["metadata"].values()),
    )
    source = FOLDER / "src" / "02_inside_a_video_file.py"
    names: dict[str, object] = {}
    printed, line = "", "MY_VIDEO = None"
    assert source.read_text(encoding="utf-8").count(line) == 1
    cells = [
        cell.source for cell in jupytext.read(source, fmt="py:percent").cells if cell.cell_type == "code"
    ]
    begins = next(place for place, cell in enumerate(cells) if "def packets(" in cell) + 1
    again = [cell for cell in cells[begins:] if "MY_VIDEO" in cell]
    assert len(again) == 2
    for cell in (*cells[:begins], *again):
        printed += run(cell.replace(line, f"MY_VIDEO = {str(video)!r}"), names)
    assert "h264 in mov: 30 frames of 112x112" in printed
    assert "your video" in alts[-1]
