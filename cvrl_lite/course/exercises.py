"""Which exercises a learner has solved: noted by the checks, shown as a table, crowned by a certificate.

The notes are a JSON file on this machine, `exercises.json` in the cache folder or `$CVRL_PROGRESS`.
"""

from __future__ import annotations

import datetime
import functools
import json
import os
import re
import warnings
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from cvrl_lite.course.figures import COLORS, INK, new, show
from cvrl_lite.errors import counted, shown
from cvrl_lite.files import alone, cache_dir, data_path, read_text, replacing

RIGHT = "Right."
"""What a check says of a right answer."""


def judge(exercise: str, verdict: str) -> None:
    """Prints what a check says, and notes the exercise as solved if the answer is right.

    Args:
        exercise: The name of the function or variable to fill in.
        verdict: "Right.", or what is wrong.

    Example:
        >>> judge("frames_to_decode", "Not yet: for frame 0 you say None, expected 1.")
        Not yet: for frame 0 you say None, expected 1.
    """
    print(verdict)
    if verdict != RIGHT:
        return
    file = _file()
    try:
        with alone(file.with_suffix(".lock"), file):
            notes = solved()
            if exercise not in notes:
                notes[exercise] = datetime.date.today().isoformat()
                with replacing(file) as part:
                    part.write_text(json.dumps(notes, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    except (OSError, ValueError) as error:
        warnings.warn(f"the solved exercise is not noted: {error}", stacklevel=2)


def solved() -> dict[str, str]:
    """The exercises that this machine's learner has solved, with the day of each, such as "2026-11-27".

    Raises:
        OSError: The notes cannot be read.
        ValueError: They are damaged.
    """
    file = _file()
    try:
        notes = json.loads(read_text(file))
    except FileNotFoundError:
        return {}
    except json.JSONDecodeError as error:
        raise ValueError(f"{shown(file)}: {error}; remove it to begin anew") from None
    if not isinstance(notes, dict) or not all(isinstance(day, str) for day in notes.values()):
        raise ValueError(f"{shown(file)}: no list of solved exercises; remove it to begin anew")
    return notes


def _file() -> Path:
    chosen = os.environ.get("CVRL_PROGRESS")
    return Path(chosen) if chosen else cache_dir() / "exercises.json"


@functools.cache
def exercises() -> dict[str, list[str]]:
    """Every exercise of the course: of each notebook, the functions to fill in.

    Raises:
        FileNotFoundError: The notebooks are not installed.

    Example:
        >>> exercises()["02_inside_a_video_file"][0]
        'mean_frames_to_decode'
    """
    folder = data_path("README.md").parents[1] / "notebooks"
    found: dict[str, list[str]] = {}
    for path in sorted(folder.glob("[0-9][0-9]_*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        stubs = [cell["source"] for cell in cells if "exercise" in cell["metadata"].get("tags", [])]
        names = [re.search(r"^(?:def (\w+)|(\w+) =)", "".join(stub), re.M) for stub in stubs]
        found[path.stem] = [name[1] or name[2] for name in names if name]
    if not found:
        raise FileNotFoundError(f"{shown(folder)}: holds no notebooks")
    return found


def as_html() -> str:
    """The table of exercises, a row a notebook, with a mark at each that is solved."""
    notes, rows = solved(), []
    for notebook, names in exercises().items():
        marks = [
            f"<span title='{notes[name]}'>&#9745; {name}</span>" if name in notes else f"&#9744; {name}"
            for name in names
        ]
        if marks:
            rows.append(
                f"<tr><td style='text-align:left'>{notebook}</td>"
                f"<td style='text-align:left'>{' &ensp; '.join(marks)}</td></tr>"
            )
    return f"<p>{summary()}</p><table>{''.join(rows)}</table>"


def summary() -> str:
    """How many exercises are solved, in words."""
    every, notes = [name for names in exercises().values() for name in names], solved()
    return f"{sum(name in notes for name in every)} of {counted(len(every), 'exercise')} solved"


def show_progress() -> None:
    """Shows in a notebook which exercises are solved."""
    from IPython.display import display

    display({"text/html": as_html(), "text/plain": summary()}, raw=True)


def certificate(learner: str) -> Figure:
    """A certificate of completion: a square for each exercise, notebooks from left to right.

    Args:
        learner: The name that it bears.

    Raises:
        ValueError: Not every exercise is solved, or there is no name.
    """
    notes, columns = solved(), {notebook[:2]: names for notebook, names in exercises().items() if names}
    for notebook, names in columns.items():
        if missing := [name for name in names if name not in notes]:
            raise ValueError(f"{summary()}; the next is {missing[0]} in notebook {notebook}")
    if not learner.strip():
        raise ValueError("a certificate needs a name")
    figure = new("", size=(7.5, 4.6))
    (axes,) = figure.axes
    axes.set(xlim=(0, 16), ylim=(0, 10), aspect="equal")
    axes.axis("off")
    axes.add_patch(Rectangle((0.1, 0.1), 15.8, 9.8, fill=False, edgecolor=COLORS["context"], linewidth=3))
    axes.add_patch(Rectangle((0.3, 0.3), 15.4, 9.4, fill=False, edgecolor=COLORS["motion"], linewidth=1))
    last = max(notes[name] for names in columns.values() for name in names)
    for y, size, words in (
        (8.5, 12, "Certificate of completion"),
        (7.0, 22, learner),
        (5.8, 10, f"has solved all {sum(map(len, columns.values()))} exercises of the course"),
        (5.1, 11, "Self-supervised learning from compressed video"),
        (0.9, 9, f"cvrl-lite, {last}"),
    ):
        axes.text(8, y, words, size=size, color=INK, ha="center", va="center")
    left = 8 - 0.4 * len(columns)
    for place, (notebook, names) in enumerate(columns.items()):
        x = left + 0.8 * place
        axes.text(x + 0.3, 1.75, notebook, size=7, color=INK, ha="center", va="center")
        for height in range(len(names)):
            color = COLORS["motion" if height % 2 else "context"]
            axes.add_patch(Rectangle((x, 2.1 + 0.7 * height), 0.6, 0.6, color=color))
    return figure


def show_certificate(learner: str) -> None:
    """Shows the certificate in a notebook or, as long as an exercise is left, what is left.

    Args:
        learner: The name that it bears.
    """
    try:
        figure = certificate(learner)
    except ValueError as error:
        print(error)
    else:
        show(figure, f"A certificate of completion for {learner}: {summary()}.")
