"""Tries the exercises while nbval runs their notebook, so that no notebook has to run once more for them.

A cell tagged `exercise` holds the stub, the next code cell, tagged `check`, prints "Right." or "Not yet", and
the markdown below it holds the solution, folded. nbval runs the check on the stub and compares what it says.
Then the solution is run in the same kernel, and the check has to accept it; after it the wrong answers that
wrong_answers.py lists, and the check has to refuse each. At last the stub takes its place again.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Generator
from typing import Any

import pytest
from nbformat import NotebookNode
from wrong_answers import WRONG, applied

# Solutions that are tried here are not the learner's (see cvrl_lite.course.exercises).
os.environ["CVRL_PROGRESS"] = os.path.join(tempfile.mkdtemp(), "exercises.json")
os.environ.setdefault("TQDM_DISABLE", "1")  # stored outputs hold no progress bars

TIMEOUT = 300  # seconds for a solution or its check


def solution_below(cells: list[NotebookNode], place: int) -> str:
    """The code of the solution that is folded into the cell below a check."""
    found = re.search(r"Solution</summary>.*?```python\n(.*?)```", cells[place + 1].source, re.S)
    assert found is not None, f"no solution below the check in cell {place}"
    return found[1]


def stub_above(cells: list[NotebookNode], place: int) -> str:
    """The code of the exercise that a check belongs to."""
    return next(
        cell.source for cell in reversed(cells[:place]) if "exercise" in cell.metadata.get("tags", [])
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """After a check has run on the stub: the solution, the check again, and the stub."""
    result = yield
    cell = getattr(item, "cell", None)
    if cell is not None and "check" in cell.metadata.get("tags", []):
        cells = item.parent.nb.cells
        place = next(place for place, other in enumerate(cells) if other is cell)
        client = item.parent.kernel.kc
        solution = solution_below(cells, place)
        run(client, solution)
        said = run(client, cell.source)
        assert said == "Right.\n", f"the check says of the solution: {said}"
        number = sum("check" in other.metadata.get("tags", []) for other in cells[: place + 1])
        for mistake in WRONG.get(f"{item.path.name[:2]}.{number}", ()):
            run(client, applied(solution, mistake))
            said = run(client, cell.source)
            assert said.startswith("Not yet"), f"the check says of {mistake}: {said}"
        run(client, stub_above(cells, place))
    return result


def run(client: Any, source: str) -> str:
    """Runs code in a notebook's kernel and returns what it printed."""
    printed: list[str] = []

    def keep(message: dict[str, Any]) -> None:
        if message["msg_type"] == "stream" and message["content"]["name"] == "stdout":
            printed.append(message["content"]["text"])

    reply = client.execute_interactive(source, allow_stdin=False, timeout=TIMEOUT, output_hook=keep)
    content = reply["content"]
    assert content["status"] == "ok", f"{content.get('ename')}: {content.get('evalue')}"
    return "".join(printed)
