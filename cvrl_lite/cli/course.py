"""The course command: the notebooks in a folder of the learner's own, open in JupyterLab."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
from pathlib import Path

from cvrl_lite.cli.output import say
from cvrl_lite.cli.reading import Commands, command
from cvrl_lite.errors import counted, shown
from cvrl_lite.files import data_path, replacing

FIRST = "notebooks/00_start_here.ipynb"
# The notebooks, what they link to, and what they read by a relative path.
PARTS = (
    "notebooks/*.ipynb",
    "README.md",
    "CHANGELOG.md",
    "LICENSE",
    "docs/*.md",
    "docs/*.pdf",
    "docs/how_to/*.md",
    "docs/figures/*",
    "data/README.md",
    "examples/*.py",
    "benchmarks/*.json",
)


def add_commands(commands: Commands) -> None:
    """Adds this module's command."""
    made = command(
        commands,
        "course",
        _course,
        "Copy the course's notebooks into a folder and open them in JupyterLab. What is there already stays, "
        "so the same command opens your own work again.",
        "cvrl-lite course my-course",
    )
    made.add_argument(
        "folder",
        nargs="?",
        type=Path,
        default=Path("cvrl-lite-course"),
        metavar="FOLDER",
        help="where to copy them (default: cvrl-lite-course)",
    )
    made.add_argument("--no-open", action="store_true", help="copy them, and do not start JupyterLab")
    made.add_argument("--json", action="store_true", help="print what was copied as JSON")


def copy_course(folder: Path) -> tuple[list[str], list[str]]:
    """Copies the course into a folder, beside what is there.

    Args:
        folder: It is made where it is missing.

    Returns:
        The files that were copied and those that were there already, as paths inside the folder with `/`.

    Raises:
        OSError: A file cannot be written, or there is a file where a folder is needed.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as name:
        ...     copied, kept = copy_course(Path(name))
        ...     again, still = copy_course(Path(name))
        >>> FIRST in copied, kept, again, still == copied
        (True, [], [], True)
    """
    root = data_path("README.md").parents[1]
    copied, kept = [], []
    for source in (path for pattern in PARTS for path in sorted(root.glob(pattern))):
        name = source.relative_to(root).as_posix()
        if (folder / name).exists():
            kept.append(name)
            continue
        with replacing(folder / name) as part:
            shutil.copyfile(source, part)
        copied.append(name)
    return copied, kept


def _course(arguments: argparse.Namespace) -> int:
    if not arguments.no_open and importlib.util.find_spec("jupyterlab") is None:
        raise ModuleNotFoundError(
            'JupyterLab is not installed: pip install "cvrl-lite[course]" (or copy only, with --no-open)'
        )
    copied, kept = copy_course(arguments.folder)
    if arguments.json:
        say(json.dumps({"folder": str(arguments.folder), "copied": copied, "kept": kept}, indent=2))
    else:
        new = counted(len(copied), "file") + " copied" + (f", {len(kept)} kept as they were" if kept else "")
        say(f"{shown(arguments.folder)}: the course ({new}); it begins with {FIRST}")
    return 0 if arguments.no_open else _open(arguments.folder)


def _open(folder: Path) -> int:
    """Serves the folder until the learner stops JupyterLab, which answers Ctrl-C itself."""
    from jupyterlab.labapp import LabApp

    words = [f"--ServerApp.root_dir={folder.resolve()}", f"--LabApp.default_url=/lab/tree/{FIRST}"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # in a container there often is nobody else
        words.append("--allow-root")
    LabApp.launch_instance(words)
    return 0
