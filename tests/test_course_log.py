"""What the notebooks read from the logs of trainings is what the logs say."""

import json
from pathlib import Path

import pytest

from cvrl_lite.course import log

EXPERIMENTS = Path(__file__).resolve().parents[1] / "experiments"


def test_scores_stand_in_the_order_of_the_seeds():
    rows = [json.loads(line) for line in (EXPERIMENTS / "study.jsonl").read_text().splitlines()]
    expected = {row["seed"]: row["scores"]["action"]["linear"] for row in rows if row["model"] == "motion"}
    assert log.scores("study", "motion", "action", "linear").tolist() == [
        expected[n] for n in sorted(expected)
    ]
    assert [run["seed"] for run in log.runs("study", model="motion")] == sorted(expected)


def test_a_model_that_was_not_run_is_named():
    with pytest.raises(ValueError, match=r"joint\.jsonl has no run of 'nobody'"):
        log.scores("joint", "nobody", "scene", "R@1")
