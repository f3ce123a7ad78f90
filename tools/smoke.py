"""Tries an installed cvrl-lite and its course, with nothing of the repository in reach.

    python path/to/tools/smoke.py

It works in an empty temporary folder, and stops at the first thing that fails.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import time
import urllib.request
from pathlib import Path

COMMAND = str(Path(sysconfig.get_path("scripts"), "cvrl-lite"))
FIRST = "notebooks/00_start_here.ipynb"
PATIENCE = 300  # seconds for JupyterLab to start, and for a cell to run


def shell(*words: str) -> str:
    """What a command of the package prints; it has to succeed."""
    print("$ cvrl-lite", *words, flush=True)
    return subprocess.run([COMMAND, *words], check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout


def check_package() -> None:
    """The package is the installed one, reads a clip, and has a network to embed it with."""
    import cvrl_lite

    module, clip = Path(cvrl_lite.__file__), str(cvrl_lite.data_path("sample.mp4"))
    assert module.is_relative_to(sys.prefix), f"{module} is not the installed package"
    assert json.loads(shell("doctor", "--json"))["missing"] == []
    assert json.loads(shell("inspect", "--json", clip))[0]["picture_counts"]["I"] > 1
    shell("embed", "joint", clip, "--out", "table.npz")
    assert cvrl_lite.Embeddings.load("table.npz").features.shape == (1, 256)


def check_notebook() -> None:
    """The course is copied, and its first notebook runs."""
    import nbformat
    from nbclient import NotebookClient

    shell("course", "mine", "--no-open")
    notebook = nbformat.read(Path("mine", FIRST), as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    client = NotebookClient(notebook, timeout=PATIENCE, resources={"metadata": {"path": "mine/notebooks"}})
    client.execute()
    printed = [output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("motion vectors: readable" in text for text in printed), printed


def check_lab() -> None:
    """The command opens JupyterLab on the folder."""
    Path("config").mkdir()
    settings = {"ServerApp": {"open_browser": False}}
    Path("config/jupyter_server_config.json").write_text(json.dumps(settings), encoding="utf-8")
    here = {
        "JUPYTER_CONFIG_DIR": os.path.abspath("config"),
        "JUPYTER_RUNTIME_DIR": os.path.abspath("runtime"),
    }
    with open("log", "w", encoding="utf-8") as log:
        lab = subprocess.Popen([COMMAND, "course", "mine"], env=os.environ | here, stdout=log, stderr=log)
    try:
        began = time.monotonic()
        while not (running := list(Path("runtime").glob("jpserver-*.json"))):
            assert lab.poll() is None and time.monotonic() - began < PATIENCE, Path("log").read_text("utf-8")
            time.sleep(0.2)
        server = json.loads(running[0].read_text(encoding="utf-8"))
        for address in (f"lab/tree/{FIRST}", f"api/contents/{FIRST}"):
            url = f"{server['url']}{address}?token={server['token']}"
            with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
                text = answer.read().decode("utf-8")
            print("JupyterLab:", address, answer.status, flush=True)
        assert json.loads(text)["content"]["cells"][0]["source"].startswith("# Start here")
    finally:
        lab.terminate()
        lab.wait(PATIENCE)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        check_package()
        check_notebook()
        check_lab()
        os.chdir(os.path.dirname(folder))  # Windows removes no folder that a process is in
    print("all is well")
