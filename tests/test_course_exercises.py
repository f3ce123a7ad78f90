"""Checks note what is solved, once and only what is right; the table and the certificate show it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from cvrl_lite.course import exercises
from cvrl_lite.course.checks import check
from cvrl_lite.course.figures import png

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where they are kept, empty at first."""
    file = tmp_path / "progress" / "mine.json"
    monkeypatch.setenv("CVRL_PROGRESS", str(file))
    return file


def everything() -> list[str]:
    return [name for names in exercises.exercises().values() for name in names]


def test_only_a_right_answer_is_noted(notes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exercises.judge("frames_to_decode", "Not yet: 3.")
    assert exercises.solved() == {} and not notes.exists()
    exercises.judge("frames_to_decode", exercises.RIGHT)
    first = notes.read_text(encoding="utf-8")
    exercises.judge("frames_to_decode", exercises.RIGHT)
    assert capsys.readouterr().out == "Not yet: 3.\nRight.\nRight.\n"
    assert list(exercises.solved()) == ["frames_to_decode"] and notes.read_text(encoding="utf-8") == first


def test_what_cannot_be_noted_is_told_and_the_check_still_speaks(
    notes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notes.parent.write_text("in the way", encoding="utf-8")
    with pytest.warns(UserWarning, match="the solved exercise is not noted"):
        exercises.judge("frames_to_decode", exercises.RIGHT)
    assert capsys.readouterr().out == "Right.\n"


@pytest.mark.parametrize("text", ["{", "[]", '{"frames_to_decode": 3}'])
def test_damaged_notes_are_named_and_stay(notes: Path, text: str) -> None:
    notes.parent.mkdir()
    notes.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"mine\.json: .*remove it to begin anew$"):
        exercises.solved()
    with pytest.warns(UserWarning, match="not noted"):
        exercises.judge("frames_to_decode", exercises.RIGHT)
    assert notes.read_text(encoding="utf-8") == text


def test_the_table_marks_what_is_solved(notes: Path) -> None:
    exercises.judge("fill_past", exercises.RIGHT)
    page = exercises.as_html()
    assert page.count("&#9745;") == 1 and page.count("&#9744;") == len(everything()) - 1
    assert "&#9745; fill_past" in page
    assert exercises.summary() == f"1 of {len(everything())} exercises solved"


def test_a_certificate_is_for_all_of_them(notes: Path) -> None:
    *most, last = everything()
    notes.parent.mkdir()
    notes.write_text(json.dumps(dict.fromkeys(most, "2026-01-02")), encoding="utf-8")
    with pytest.raises(ValueError, match=f"; the next is {last} in notebook 15$"):
        exercises.certificate("Ada")
    exercises.judge(last, exercises.RIGHT)
    figure = exercises.certificate("Ada Lovelace")
    words = [text.get_text() for text in figure.axes[0].texts]
    assert "Ada Lovelace" in words and f"has solved all {len(everything())} exercises of the course" in words
    assert len(png(figure)) > 10_000
    with pytest.raises(ValueError, match="needs a name"):
        exercises.certificate(" ")


def test_check_notes_what_was_written_in_a_notebook(notes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def fill_past() -> int:
        return 3

    check(fill_past, [("it", (), 3)])
    assert not notes.exists()
    fill_past.__module__ = "__main__"
    check(fill_past, [("it", (), 4)])
    assert not notes.exists()
    check(fill_past, [("it", (), 3)])
    assert list(exercises.solved()) == ["fill_past"]
    assert capsys.readouterr().out.splitlines()[::2] == ["Right.", "Right."]


def test_every_check_notes_its_own_exercise() -> None:
    every = []
    for path in sorted((ROOT / "notebooks/src").glob("*.py")):
        cells = re.split(r"^# %%", path.read_text(encoding="utf-8"), flags=re.M)
        stubs = [cell for cell in cells if re.match(r' tags=\[[^]]*"exercise"', cell)]
        checks = [cell for cell in cells if re.match(r' tags=\[[^]]*"check"', cell)]
        for stub, cell in zip(stubs, checks, strict=True):
            found = re.search(r"^(?:def (\w+)|(\w+) =)", stub, re.M)
            assert found is not None
            name = found[1] or found[2]
            noted = re.findall(r'judge\(\s*"(\w+)"', cell) + re.findall(r'exercise="(\w+)"', cell)
            noted = noted or re.findall(r"^check\(\s*(\w+)", cell, re.M)
            assert set(noted) == {name}, path.name
            assert not re.search(r'print\((verdict|"Right)', cell), path.name
            every.append(name)
    assert len(set(every)) == len(every) > 35
