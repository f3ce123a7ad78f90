"""What a wheel holds beside the package: the course, without the outputs of its notebooks.

The folders stand below `cvrl_lite` as they stand in the repository, so that a path that starts from
`data_path("README.md").parents[1]` leads to the same file in a clone and where a wheel is installed.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# Without its outputs the course is a fortieth of its size; running a notebook brings them back.
BESIDE = (
    "README.md",
    "CHANGELOG.md",
    "LICENSE",
    "docs/*.md",
    "docs/*.pdf",
    "docs/how_to/*.md",
    "docs/figures/*",
    "examples/*.py",
    "experiments/*.json",
    "experiments/*.jsonl",
    "benchmarks/*.json",
)
NOTEBOOKS = "notebooks/*.ipynb"


def without_outputs(text: str) -> str:
    """A stored notebook as it was before its first run."""
    notebook = json.loads(text)
    notebook["metadata"].pop("widgets", None)
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell |= {"outputs": [], "execution_count": None}
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


class CourseHook(BuildHookInterface):
    """Adds the course to a wheel; an editable installation finds it in the clone."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before a build, which takes the files that it names."""
        if version == "editable":
            return
        root = Path(self.root)
        self._folder = Path(tempfile.mkdtemp())
        included = {path: path for pattern in BESIDE for path in sorted(root.glob(pattern))}
        for path in sorted(root.glob(NOTEBOOKS)):
            included[path] = self._folder / path.name
            included[path].write_text(
                without_outputs(path.read_text(encoding="utf-8")), encoding="utf-8", newline="\n"
            )
        build_data["force_include"] |= {
            str(source): f"cvrl_lite/{path.relative_to(root).as_posix()}" for path, source in included.items()
        }

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Called after a build."""
        if version != "editable":
            shutil.rmtree(self._folder)
