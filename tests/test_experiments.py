"""What the documents say of the experiments is what the runs wrote, and the scripts run."""

import importlib
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from cvrl_lite import data_path
from cvrl_lite.codec import encode

ROOT = Path(__file__).resolve().parents[1]
EXPERIMENTS = ROOT / "experiments"


@pytest.fixture
def report(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The generator of the tables."""
    monkeypatch.syspath_prepend(str(EXPERIMENTS))
    return importlib.import_module("report")


def test_the_documents_hold_the_tables_that_are_made_from_the_logs(report: ModuleType) -> None:
    made, held = report.tables(), set()
    for document in report.DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        assert report.written(text, made) == text, f"run experiments/report.py --write: {document.name}"
        held |= set(re.findall(r"^<!-- table: (.+) -->$", text, re.M))
    assert held == set(made)


def test_a_table_is_replaced_and_the_text_around_it_stays(report: ModuleType) -> None:
    text = (
        "Before.\n<!-- table: a -->\n<!-- end -->\nBetween.\n<!-- table: b -->\nold\n\n![old]\n<!-- end -->\n"
    )
    once = report.written(text, {"a": "| 1 |", "b": "| 2 |"})
    assert once == (
        "Before.\n<!-- table: a -->\n| 1 |\n<!-- end -->\nBetween.\n<!-- table: b -->\n| 2 |\n<!-- end -->\n"
    )
    assert report.written(once, {"a": "| 1 |", "b": "| 2 |"}) == once
    with pytest.raises(KeyError, match="b"):
        report.written(text, {"a": "| 1 |"})


def test_a_difference_that_the_study_quotes_is_in_a_table_of_its_section(report: ModuleType) -> None:
    """`.05 ± .03` in the text, `+0.05 ± 0.03 (0.02)` in the table; the interval may be that in brackets."""
    quoted = 0
    for section in re.split(r"^##+ ", (ROOT / "docs/study.md").read_text(encoding="utf-8"), flags=re.M)[1:]:
        blocks = r"<!-- table: .*?<!-- end -->"
        cells = re.findall(r"(\.\d\d) ± 0(\.\d\d) \(0(\.\d\d)\)", " ".join(re.findall(blocks, section, re.S)))
        there = {(mean, half) for mean, *halves in cells for half in halves}
        for pair in re.findall(r"(?<!\d)(\.\d+) ±\s+(\.\d+)", re.sub(blocks, "", section, flags=re.S)):
            quoted += 1
            assert pair in there, (section.splitlines()[0], pair)
    assert quoted > 20


def runs() -> dict[str, list[dict]]:
    found: dict[str, list[dict]] = {}
    for line in (EXPERIMENTS / "joint.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        found.setdefault(row["model"], []).append(row)
    return found


def test_every_model_has_the_same_budget() -> None:
    found = runs()
    assert set(found) == {"untrained", "context", "motion", "joint"}
    for rows in found.values():
        assert sorted(row["seed"] for row in rows) == list(range(len(rows)))
    steps = {row["steps"] for model, rows in found.items() if model != "untrained" for row in rows}
    assert len(steps) == 1


def test_the_shipped_checkpoint_is_one_of_the_runs() -> None:
    recipe = json.loads((ROOT / "data/checkpoints/joint.json").read_text(encoding="utf-8"))
    assert recipe in [row["recipe"] for row in runs()["joint"]]


SCRIPTS = [
    [
        "study.py",
        "--fast",
        "untrained",
        "three",
        "two clips",
        "action labels",
        "differences",
        "joint, crf 38",
    ],
    ["apart.py", "--fast", "stopped, cosine", "640 clips, same action masked", "plain vectors"],
    ["labels.py", "--fast"],
    ["helper.py", "--fast"],
    ["bias.py", "--fast"],
    ["joint.py", "--final", "--fast"],
    ["fairness.py", "--fast"],
    ["real_after.py", "--fast"],
    ["tug_of_war.py", "--fast"],
    ["gradients.py", "--fast"],
    ["color.py", "--fast"],
    ["plateau.py", "--fast"],
]
ONE_AFTER_THE_OTHER = """
import json, runpy, sys
for words in json.loads(sys.argv[1]):
    sys.argv = words
    print("script:", *words, flush=True)
    try:
        runpy.run_path(words[0], run_name="__main__")
    except SystemExit as end:
        if end.code:
            raise
"""


@pytest.mark.slow
def test_the_scripts_run_in_their_fast_form() -> None:
    """In one process, so that PyTorch is imported and clips are decoded once."""
    before = {path: path.stat().st_mtime_ns for path in EXPERIMENTS.glob("*.json*")}
    command = [sys.executable, "-c", ONE_AFTER_THE_OTHER, json.dumps(SCRIPTS)]
    run = subprocess.run(command, cwd=EXPERIMENTS, capture_output=True, text=True, timeout=600)
    assert run.returncode == 0, run.stdout[-1000:] + run.stderr
    said = re.split(r"^script: ", run.stdout, flags=re.M)[1:]
    assert [part.split()[0] for part in said] == [words[0] for words in SCRIPTS]
    assert all(len(part.splitlines()) > 1 for part in said)
    assert {path: path.stat().st_mtime_ns for path in EXPERIMENTS.glob("*.json*")} == before


def test_the_study_log_holds_the_recipe_of_each_run(monkeypatch: pytest.MonkeyPatch) -> None:
    from cvrl_lite.train import Recipe

    monkeypatch.syspath_prepend(str(EXPERIMENTS))
    study = importlib.import_module("study")
    for row in study.finished():
        made = study.recipe_of(study.MODELS[row["model"]], row["seed"], row["steps"])
        made = made.replace(precision="auto")  # that of the machine which ran it
        assert not Recipe.from_json(json.dumps(row["recipe"])).differences(made), row["model"]


def test_the_log_of_motion_prediction_taken_apart_holds_the_recipe_of_each_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from cvrl_lite.train import Recipe

    monkeypatch.syspath_prepend(str(EXPERIMENTS))
    apart = importlib.import_module("apart")
    for row in apart.finished():
        made = apart.recipe_of(row["model"], row["seed"], row["steps"] or apart.STEPS)
        made = made.replace(precision="auto")  # that of the machine which ran it
        assert not Recipe.from_json(json.dumps(row["recipe"])).differences(made), row["model"]


@pytest.mark.slow
def test_real_footage_goes_through(real_videos: Path, tmp_path: Path) -> None:
    for path in real_videos.iterdir():  # its sub-folders came later, for tests of reading
        if path.is_file():
            (tmp_path / path.name).symlink_to(path)
    run = subprocess.run(
        [sys.executable, "footage.py", str(tmp_path)],
        cwd=EXPERIMENTS,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr
    found, logged = json.loads(run.stdout), json.loads((EXPERIMENTS / "footage.json").read_text("utf-8"))
    assert (found["clips"], found["videos"]) == (logged["clips"], logged["videos"])
    assert all(
        abs(found[name] - share) < 0.06 for name, share in logged.items() if name not in ("clips", "videos")
    )


def test_the_sample_clips_are_encoded_as_their_script_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """x264 writes its settings into each stream."""
    monkeypatch.syspath_prepend(str(EXPERIMENTS))
    script = importlib.import_module("sample_clips")
    frames = np.zeros((3, 224, 224, 3), np.uint8)
    for name, settings in script.SETTINGS.items():
        encode(frames, tmp_path / name, **settings)
        new, kept = (
            dict(re.findall(rb" (\w+)=([\w.:,-]+)", path.read_bytes().split(b" - options:")[1][:2000]))
            for path in (tmp_path / name, data_path(name))
        )
        assert len(kept) > 40 and new == kept
