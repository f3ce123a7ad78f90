"""What GitHub runs: right by its schemas, and every step can be run by hand."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
BASH = shutil.which("bash")


def load(path: Path) -> dict[str, Any]:
    values: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return values


def jobs(path: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = load(path)["jobs"]
    return found


def steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in jobs(path).values() for step in job.get("steps", [])]


def follows(schema: str, *paths: Path) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *map(str, paths)]
    return subprocess.run(words, capture_output=True, encoding="utf-8", timeout=120)


def test_there_is_one_for_each_purpose() -> None:
    assert [path.stem for path in WORKFLOWS] == ["lint", "nightly", "package", "release", "site", "tests"]


@pytest.mark.parametrize(
    ("schema", "names"),
    [
        ("vendor.github-workflows", ["workflows/*.yml"]),
        ("custom.github-workflows-require-timeout", ["workflows/[!r]*.yml"]),  # it knows no called workflow
        ("vendor.github-issue-forms", ["ISSUE_TEMPLATE/bug.yml", "ISSUE_TEMPLATE/idea.yml"]),
        ("vendor.github-issue-config", ["ISSUE_TEMPLATE/config.yml"]),
        ("vendor.dependabot", ["dependabot.yml"]),
        ("vendor.citation-file-format", ["../CITATION.cff"]),
    ],
)
def test_a_file_follows_its_schema(schema: str, names: list[str]) -> None:
    paths = [path for name in names for path in sorted(GITHUB.glob(name))] or [GITHUB / names[0]]
    run = follows(schema, *paths)
    assert run.returncode == 0, run.stdout


def test_actions_are_of_whom_contributing_names() -> None:
    called = [step["uses"] for path in WORKFLOWS for step in steps(path) if "uses" in step]
    assert len(called) > 20
    for action in called:
        assert re.fullmatch(r"actions/[\w-]+@v\d+|pypa/gh-action-pypi-publish@release/v\d+", action), action


def test_a_wrong_word_in_a_workflow_is_found(tmp_path: Path) -> None:
    text = WORKFLOWS[0].read_text(encoding="utf-8")
    (tmp_path / "a.yml").write_text(text.replace("runs-on:", "run-on:"), encoding="utf-8")
    assert follows("vendor.github-workflows", tmp_path / "a.yml").returncode == 1


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_step_can_be_run_by_hand(path: Path) -> None:
    """It is plain bash without GitHub's expressions, of commands and files that are there."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for script in (step["run"] for step in steps(path) if "run" in step):
        assert "${{" not in script, script
        if BASH:
            subprocess.run([BASH, "-n"], input=script.encode(), check=True)
        for target in re.findall(r"\bmake ([a-z-]+)", script):
            assert re.search(rf"^{target}:.*## ", makefile, re.M), target
        for file in re.findall(r"python (\S+\.py)|^(\.ci/\S+)|(constraints\S*\.txt)", script, re.M):
            assert (ROOT / "".join(file)).is_file(), script
        for extras in re.findall(r"\[([\w,]+)\]\"", script):
            assert set(extras.split(",")) <= set(PROJECT["optional-dependencies"])


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_may_do_no_more_than_it_needs(path: Path) -> None:
    assert load(path)["permissions"] == {"contents": "read"}
    for job in jobs(path).values():
        for name in job.get("permissions", {}):
            assert name in {"release": ("id-token",), "site": ("id-token", "pages")}[path.stem]
        assert {job["needs"]} <= set(jobs(path)) if "needs" in job else True
        if (called := job.get("uses")) is not None:
            assert (ROOT / called).is_file() and "workflow_call" in load(ROOT / called)[True]  # YAML's "on"
    for step in steps(path):
        if step.get("uses", "").startswith("actions/checkout"):
            assert step["with"]["persist-credentials"] is False


def test_the_tests_run_on_the_systems_and_versions_that_are_promised() -> None:
    matrix = jobs(GITHUB / "workflows" / "tests.yml")["fast"]["strategy"]["matrix"]
    assert [name.split("-")[0] for name in matrix["os"]] == ["ubuntu", "macos", "windows"]
    promised = re.findall(r":: (3\.\d+)$", "\n".join(PROJECT["classifiers"]), re.M)
    assert matrix["python"] == promised
    assert PROJECT["requires-python"] == f">={promised[0]}"
    targets = jobs(GITHUB / "workflows" / "nightly.yml")["long"]["strategy"]["matrix"]["target"]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert targets == ["fuzz", "differential", "soak"]
    assert all(f"\n{target}: setup" in makefile for target in targets)


def test_the_hooks_take_the_linters_that_everybody_has() -> None:
    pins = dict(re.findall(r"^([\w-]+)==(\S+)", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.M))
    hooks = {
        hook["id"]: (repository, hook)
        for repository in load(ROOT / ".pre-commit-config.yaml")["repos"]
        for hook in repository["hooks"]
    }
    assert hooks["ruff-check"][0]["rev"] == hooks["ruff-format"][0]["rev"] == f"v{pins['ruff']}"
    mypy = hooks["mypy"][1]
    assert (mypy["language"], mypy["entry"]) == ("system", "python -m mypy")  # of the environment, pinned
    assert metadata.version("ruff") == pins["ruff"] and metadata.version("mypy") == pins["mypy"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such bit")
def test_the_script_that_a_workflow_runs_may_be_run() -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
