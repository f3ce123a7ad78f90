"""Draws `docs/cheat_sheet.pdf`, one page of A4, from the tables of `docs/cheat_sheet.md`.

python experiments/cheat_sheet.py
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

from cvrl_lite.course.figures import COLORS, INK

DOCS = Path(__file__).resolve().parents[1] / "docs"
WIDTH, HEIGHT = 8.27, 11.69  # inches, A4
MARGIN, COLUMN = 0.6, 2.6  # inches, of the page and of the left cells
LINE = 0.165  # inches
LETTERS = {True: 66, False: 84}  # of a line in the right cells, of code and of prose


def rows(text: str) -> list[tuple[str, ...]]:
    """`(heading,)` of each section, and `(left, right)` of each row of its table but the head."""
    found: list[tuple[str, ...]] = []
    for section in re.split(r"^## ", text, flags=re.M)[1:]:
        heading, *lines = section.strip().splitlines()
        found.append((heading,))
        for line in [line for line in lines if line.startswith("|")][2:]:
            left, right = (cell.strip() for cell in line.strip("|").split("|"))
            found.append((left, right))
    return found


def drawn(text: str) -> Figure:
    """The page.

    Raises:
        ValueError: The tables need more than one.
    """
    figure = Figure(figsize=(WIDTH, HEIGHT))
    y = HEIGHT - MARGIN

    def put(x: float, words: str, size: float, color: str = INK, **font: str) -> None:
        figure.text(x / WIDTH, y / HEIGHT, words, size=size, color=color, va="top", parse_math=False, **font)

    put(MARGIN, "cvrl-lite: cheat sheet", 15, weight="bold")
    y -= 0.25
    for left, *right in rows(text):
        if not right:
            y -= 1.5 * LINE
            put(MARGIN, left, 11, COLORS["context"], weight="bold")
            y -= 1.4 * LINE
            continue
        code = right[0].startswith("`") and right[0].count("`") == 2
        family = "monospace" if left.startswith("`") else "sans-serif"
        put(MARGIN, left.replace("`", ""), 8, family=family)
        for line in textwrap.wrap(right[0].replace("`", ""), LETTERS[code]):
            put(MARGIN + COLUMN, line, 8, family="monospace" if code else "sans-serif")
            y -= LINE
        y -= 0.25 * LINE
    if y < MARGIN:
        raise ValueError(f"the tables are {MARGIN - y:.1f} inches too long for a page")
    return figure


def main() -> None:
    """Writes the file."""
    text = (DOCS / "cheat_sheet.md").read_text(encoding="utf-8")
    with rc_context({"pdf.fonttype": 42}):
        drawn(text).savefig(DOCS / "cheat_sheet.pdf", metadata={"CreationDate": None})


if __name__ == "__main__":
    main()
