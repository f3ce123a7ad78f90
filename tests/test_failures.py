"""Each failure of the gallery happens, and is told from the sound case by its symptom."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """What makes them happen."""
    monkeypatch.syspath_prepend(str(ROOT / "experiments"))
    return importlib.import_module("failures")


def test_every_failure_has_its_figure_on_the_page(script: ModuleType) -> None:
    page = (ROOT / "docs/failures.md").read_text(encoding="utf-8")
    assert page.count("**Symptom.**") == len(script.FAILURES) == 5
    for name in script.FAILURES:
        assert f"figures/failure_{name}.png" in page and (script.FIGURES / f"failure_{name}.png").exists()


def test_the_symptoms_show(script: ModuleType) -> None:
    numbers = {name: make()[1] for name, make in script.FAILURES.items()}
    cosine = "mean cosine of two samples"
    assert numbers["collapse"][f"pulled together only: {cosine}"] > 0.99
    assert numbers["collapse"][f"InfoNCE: {cosine}"] < 0.1
    assert numbers["collapse"]["pulled together only: loss, of its first"] < 0.05
    sign = numbers["wrong_sign"]
    assert 5 * sign["as stored"] < sign["not moved"] < sign["sign turned"]
    assert numbers["leakage"]["shared crop"] == 1 and numbers["leakage"]["crop of its own"] < 0.2
    mixed = numbers["mixed_directions"]
    assert mixed["divided, spread"] < 0.1 < 2 < mixed["mixed, spread over frames"]
    assert (
        numbers["zeros_for_intra"]["least, filled"] == 0 < 0.5 < numbers["zeros_for_intra"]["least, masked"]
    )
