"""The directive `{opening}`: what moves on the first page, mounted like the explorables of the notebooks."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from course_notebooks import mounted
from docutils import nodes
from docutils.parsers.rst import Directive

from cvrl_lite.course.explorables import base
from cvrl_lite.course.figures import COLORS

FOLDER = Path(__file__).resolve().parents[1] / "landing"


class Opening(Directive):
    """Its content is said to those who cannot see it."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """The place where explorables.js mounts it."""
        shared = (Path(base.__file__).parent / "stage.js").read_text(encoding="utf-8")
        state = json.loads((FOLDER / "opening.json").read_text(encoding="utf-8"))
        state["label"] = " ".join(self.content)
        state["roles"] = {name: COLORS[name] for name in ("context", "motion")}
        traits = {
            "name": "Opening",
            "module": shared + (FOLDER / "opening.js").read_text(encoding="utf-8"),
            "style": base.STYLE,
            "state": state,
            "data": base64.b64encode((FOLDER / "clips.webp").read_bytes()).decode(),
        }
        return [nodes.raw("", mounted(traits), format="html")]


def setup(app: Any) -> dict[str, bool]:
    """Adds the directive."""
    app.add_directive("opening", Opening)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
