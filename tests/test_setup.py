"""One environment, said in four places: pyproject, constraints, conda's file and the Makefile agree.

And `data_path` finds what the data card names; test_distribution.py looks at what is built.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

import cvrl_lite
from cvrl_lite import files

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
EXTRAS = PROJECT["optional-dependencies"]
DIRECT = [
    Requirement(line) for line in PROJECT["dependencies"] + EXTRAS["course"] + EXTRAS["docs"] + EXTRAS["test"]
]
CONDA_TEXT = (ROOT / "environment.yml").read_text(encoding="utf-8")
CONDA = yaml.safe_load(CONDA_TEXT)["dependencies"]


def read_pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("#")[0].strip().split("==") for line in lines if not line.startswith("#")]
    assert all(len(pair) == 2 for pair in pairs), "every line is NAME==VERSION"
    return {canonicalize_name(name): version for name, version in pairs}


PINS = read_pins()


def test_every_direct_dependency_is_pinned_within_its_range() -> None:
    assert [r.name for r in DIRECT if not r.specifier] == [], "a range with a lower end"
    pinned = {r.name: PINS[canonicalize_name(r.name)] for r in DIRECT}
    assert [r.name for r in DIRECT if not r.specifier.contains(pinned[r.name])] == []


def test_the_lowest_versions_are_those_of_pyproject() -> None:
    lines = (ROOT / "constraints-lowest.txt").read_text(encoding="utf-8").splitlines()
    lowest = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert lowest == {
        r.name: next(part.version for part in r.specifier if part.operator == ">=") for r in DIRECT
    }


def test_every_pin_is_exact_and_fits_every_platform() -> None:
    assert PINS["torch"] == "2.13.0"
    assert SpecifierSet(">=2.6") == next(r.specifier for r in DIRECT if r.name == "torch")
    assert [name for name, version in PINS.items() if Version(version).local] == []
    # CUDA's packages come with the builds of PyTorch that want them, in the versions those builds name.
    assert [name for name in PINS if name.startswith(("nvidia", "cuda", "triton"))] == []


def test_what_the_dependencies_need_is_pinned_too() -> None:
    """Walks what is installed here, from the direct dependencies down."""
    todo, walked = list(DIRECT), set()
    loose = set()
    while todo:
        requirement = todo.pop()
        name = canonicalize_name(requirement.name)
        if (name, frozenset(requirement.extras)) in walked or name.startswith(("nvidia", "cuda", "triton")):
            continue
        walked.add((name, frozenset(requirement.extras)))
        if name not in PINS:
            loose.add(name)
        extras = [{"extra": extra} for extra in ("", *requirement.extras)]
        for below in map(Requirement, metadata.distribution(name).requires or []):
            if below.marker is None or any(below.marker.evaluate(extra) for extra in extras):
                todo.append(below)
    assert len(walked) > 100
    assert loose == set()


def test_conda_gives_python_and_pip_and_pip_the_rest() -> None:
    python, pip, by_pip = CONDA
    assert pip == "pip" and list(by_pip) == ["pip"]
    assert by_pip["pip"] == ["-c constraints.txt", "-e .[course,test]"]
    extras = {"download", "onnx", "parquet", "tensorboard", "course", "docs", "bench", "test"}
    assert set(EXTRAS) == extras
    lowest = re.fullmatch(r"python=(\d\.\d+)", python)
    assert lowest and SpecifierSet(PROJECT["requires-python"]).contains(lowest[1])


def test_every_line_of_condas_file_says_what_needs_it() -> None:
    after = CONDA_TEXT.split("dependencies:\n")[1].splitlines()
    items = [line for line in after if line.strip().startswith("- ") and line.strip() != "- pip:"]
    assert len(items) == 4
    assert all(re.search(r"\S  # \w+", line) for line in items)


def test_python_versions_agree() -> None:
    assert PROJECT["requires-python"] == ">=3.11"
    assert PYPROJECT["tool"]["mypy"]["python_version"] == "3.11"
    assert PYPROJECT["tool"]["ruff"]["target-version"] == "py311"
    assert "sys.version_info < (3, 11)" in (ROOT / "Makefile").read_text(encoding="utf-8")


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_an_old_python_is_refused_in_one_line(tmp_path: Path) -> None:
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    old = tmp_path / "python3.9"
    old.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.2" && exit 0\nexit 1\n', encoding="utf-8"
    )
    old.chmod(0o755)
    run = subprocess.run(
        ["make", "setup", f"PYTHON={old}"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert run.returncode != 0
    said = [line for line in run.stderr.splitlines() if not line.startswith("make")]
    assert len(said) == 1 and "needs Python 3.11 or newer" in said[0] and "is Python 3.9.2" in said[0]
    assert not (tmp_path / ".venv").exists()


def test_data_path_in_the_clone() -> None:
    assert cvrl_lite.data_path("README.md") == ROOT / "data" / "README.md"
    with pytest.raises(FileNotFoundError, match=r"^no-such-clip\.mp4: not among the files of data/$"):
        cvrl_lite.data_path("no-such-clip.mp4")


def test_the_data_card_names_every_file_with_its_digest() -> None:
    card = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| `([^`]+)` \|.*\| `([0-9a-f]{64})` \|$", card, re.M))
    there = [path for path in (ROOT / "data").rglob("*") if path.is_file() and path.name != "README.md"]
    digests = {path.relative_to(ROOT / "data").as_posix(): files.sha256(path) for path in there}
    assert listed == digests
