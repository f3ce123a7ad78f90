"""What the notebooks read from logs and tables is what they say."""

import json
from pathlib import Path

import pytest

from cvrl_lite.course import log

EXPERIMENTS = Path(__file__).resolve().parents[1] / "experiments"


def test_scores_stand_in_the_order_of_the_seeds():
    rows = [
        json.loads(line) for line in (EXPERIMENTS / "study.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    expected = {row["seed"]: row["scores"]["action"]["linear"] for row in rows if row["model"] == "motion"}
    assert log.scores("study", "motion", "action", "linear").tolist() == [
        expected[n] for n in sorted(expected)
    ]
    assert [run["seed"] for run in log.runs("study", model="motion")] == sorted(expected)


def test_a_model_that_was_not_run_is_named():
    with pytest.raises(ValueError, match=r"joint\.jsonl has no run of 'nobody'"):
        log.scores("joint", "nobody", "scene", "R@1")


def test_speeds_are_those_of_the_benchmarks():
    table = (EXPERIMENTS.parent / "docs" / "benchmarks.md").read_text(encoding="utf-8").splitlines()
    line = next(line for line in table if line.startswith("| a file opened for each |"))
    assert log.measured("a file opened for each") == [float(cell) for cell in line.split("|")[2:-1]]
    with pytest.raises(ValueError, match="no row 'a flying carpet'"):
        log.measured("a flying carpet")
    assert 100 < log.measured_on_a_gpu() < 100_000
