"""Colab, Binder and the containers: what they name is there, and the set-up cell does nothing elsewhere."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from test_notebooks import NAMES, builder

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def run_setup(**environment: str) -> subprocess.CompletedProcess[str]:
    """The set-up cell in a process of its own, where git must not reach for the network."""
    links, cell = builder.ways_in(NAMES[0])
    assert PROJECT["urls"]["Repository"] in cell.source
    assert PROJECT["urls"]["Repository"].split("github.com/")[1] in links.source
    known = {name: value for name, value in os.environ.items() if name != "COLAB_RELEASE_TAG"}
    return subprocess.run(
        [sys.executable, "-X", "importtime", "-c", cell.source],
        env=known | {"GIT_ALLOW_PROTOCOL": "file"} | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_setup_cell_does_nothing_here() -> None:
    done = run_setup()
    assert (done.returncode, done.stdout) == (0, "")
    assert "cvrl_lite" not in done.stderr and "pip" not in done.stderr  # nothing was imported


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_the_setup_cell_asks_pip_for_the_repository_on_colab() -> None:
    done = run_setup(COLAB_RELEASE_TAG="1")
    assert done.returncode == 1
    assert f"git clone --filter=blob:none --quiet {PROJECT['urls']['Repository']}" in done.stderr


def test_the_containers_name_what_is_there() -> None:
    docker = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert re.search(r"^FROM python:3\.11", docker, re.M) and "ARG TORCH_INDEX=" in docker
    assert (ROOT / re.search(r"notebooks/\S+?\.ipynb", docker)[0]).is_file()  # type: ignore[index]
    container = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text(encoding="utf-8"))
    assert (ROOT / ".devcontainer" / container["build"]["dockerfile"]).resolve() == ROOT / "Dockerfile"
    assert f"useradd --create-home {container['remoteUser']}" in docker
    binder = (ROOT / ".binder/requirements.txt").read_text(encoding="utf-8")
    assert (ROOT / ".binder" / re.search(r"^-c (\S+)$", binder, re.M)[1]).is_file()  # type: ignore[index]
    for text in (docker, container["postCreateCommand"], binder):
        for extras in re.findall(r"-e \W*\.\[([\w,]+)\]", text):
            assert set(extras.split(",")) <= set(PROJECT["optional-dependencies"])
    assert os.access(ROOT / ".binder/postBuild", os.X_OK)
