"""What the documents say of the experiments is what the runs wrote."""

import importlib
import importlib.util
import json
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
EXPERIMENTS = ROOT / "experiments"


def difference(a: list[float], b: list[float]) -> tuple[float, float]:
    """The difference of the means of three runs each, and half its interval of 95 %."""
    assert len(a) == len(b) == 3
    half = 2.78 * ((statistics.variance(a) + statistics.variance(b)) / 2 * 2 / 3) ** 0.5
    return statistics.mean(a) - statistics.mean(b), half


def in_pairs(a: list[float], b: list[float]) -> float:
    """Half the interval of 95 % of the same difference, taken seed by seed."""
    return 4.30 * statistics.stdev(x - y for x, y in zip(a, b, strict=True)) / 3**0.5


def runs() -> dict[str, list[dict]]:
    found: dict[str, list[dict]] = {}
    for line in (EXPERIMENTS / "joint.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        found.setdefault(row["model"], []).append(row)
    return found


def mean(model: str, label: str, measure: str) -> float:
    return statistics.mean(row["scores"][label][measure] for row in runs()[model])


@pytest.mark.parametrize("document", ["README.md", "docs/experiments.md"])
def test_the_table_is_the_runs(document: str) -> None:
    spec = importlib.util.spec_from_file_location("joint", EXPERIMENTS / "joint.py")
    assert spec and spec.loader
    joint = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(joint)
    assert joint.table() in (ROOT / document).read_text(encoding="utf-8")


@pytest.mark.parametrize("document", ["README.md", "docs/model_cards.md"])
def test_the_table_by_parts_is_what_was_scored(document: str) -> None:
    spec = importlib.util.spec_from_file_location("parts", EXPERIMENTS / "parts.py")
    assert spec and spec.loader
    parts = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(parts)
    assert parts.table() in (ROOT / document).read_text(encoding="utf-8")


def test_every_model_has_the_same_budget() -> None:
    found = runs()
    assert set(found) == {"untrained", "context", "motion", "joint"}
    for rows in found.values():
        assert sorted(row["seed"] for row in rows) == list(range(len(rows)))
    steps = {row["steps"] for model, rows in found.items() if model != "untrained" for row in rows}
    assert len(steps) == 1


def test_joint_training_learns_both_and_each_task_alone_only_its_own() -> None:
    chance = {"scene": 1 / 16, "action": 1 / 8}
    for measure in ("R@1", "linear"):
        for label in ("scene", "action"):
            assert mean("joint", label, measure) > mean("untrained", label, measure) + 0.25
    for label, task in (("scene", "context"), ("action", "motion")):
        assert mean("joint", label, "linear") >= 0.95 * mean(task, label, "linear")
        assert mean("joint", label, "R@1") >= 0.75 * mean(task, label, "R@1")
    assert mean("context", "scene", "linear") >= 0.80 and mean("motion", "action", "linear") >= 0.95
    assert mean("context", "action", "R@1") < chance["action"] + 0.1
    assert mean("motion", "scene", "linear") < mean("context", "scene", "linear") - 0.25


def test_the_shipped_checkpoint_is_one_of_the_runs() -> None:
    recipe = json.loads((ROOT / "data/checkpoints/joint.json").read_text(encoding="utf-8"))
    assert recipe in [row["recipe"] for row in runs()["joint"]]


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
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
        ["labels.py", "--fast"],
        ["bias.py", "--fast"],
        ["joint.py", "--final", "--fast"],
        ["fairness.py", "--fast"],
    ],
    ids=lambda words: words[0],
)
def test_a_script_runs_in_its_fast_form(words: list[str]) -> None:
    before = {path: path.stat().st_mtime_ns for path in EXPERIMENTS.glob("*.json*")}
    run = subprocess.run(
        [sys.executable, *words], cwd=EXPERIMENTS, capture_output=True, text=True, timeout=300
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout
    assert {path: path.stat().st_mtime_ns for path in EXPERIMENTS.glob("*.json*")} == before


def test_the_study_document_holds_the_tables_of_its_logs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXPERIMENTS))
    report = importlib.import_module("report")
    document = (ROOT / "docs/study.md").read_text(encoding="utf-8")
    for mark, made in report.tables().items():
        assert f"<!-- study: {mark} -->\n{made}\n<!-- end -->" in document, f"report.py --write: {mark}"


def test_what_the_study_says_is_in_its_log() -> None:
    found: dict[str, dict[tuple[str, str], list[float]]] = {}
    for line in (EXPERIMENTS / "study.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        for factor, scores in row["scores"].items():
            for measure, value in scores.items():
                found.setdefault(row["model"], {}).setdefault((factor, measure), []).append(value)

    def change(model: str, reference: str, factor: str, measure: str) -> tuple[float, float]:
        """The ends of the interval of 95 % of the difference, three runs each."""
        mean, half = difference(*(found[name][factor, measure][:3] for name in (model, reference)))
        return mean - half, mean + half

    def level(model: str, factor: str) -> float:
        return statistics.mean(found[model][factor, "linear"])

    for model, reference, factor, measure, mean, half in (
        ("no transformer", "motion", "action", "linear", -0.01, 0.08),
        ("features", "motion", "action", "linear", 0.01, 0.09),
        ("vectors", "untrained", "action", "linear", 0.11, 0.26),
        ("as released", "motion, short", "action", "R@1", 0.01, 0.09),
        ("as released", "motion, short", "action", "linear", 0.05, 0.11),
        ("joint", "context", "scene", "R@1", -0.18, 0.07),
        ("joint", "motion", "action", "R@1", -0.10, 0.06),
        ("differences", "residual", "appearance", "R@1", -0.02, 0.02),
        ("differences", "residual", "action", "linear", 0.05, 0.09),
        ("differences", "residual", "scene", "linear", -0.07, 0.11),
        ("motion", "action labels", "action", "R@1", -0.43, 0.05),
        ("motion", "action labels", "action", "linear", -0.15, 0.07),
        ("two clips", "context", "scene", "linear", 0.01, 0.05),
        ("two clips", "untrained", "action", "linear", 0.11, 0.04),
        ("three", "joint", "appearance", "R@1", 0.47, 0.07),
        ("three", "joint", "appearance", "linear", 0.64, 0.04),
        ("three", "joint", "scene", "R@1", -0.12, 0.07),
        ("three", "joint", "scene", "linear", -0.10, 0.05),
        ("three", "joint", "action", "R@1", -0.16, 0.05),
        ("three", "joint", "action", "linear", -0.09, 0.05),
        ("joint, crf 38", "joint, short", "appearance", "linear", 0.10, 0.07),
        ("joint, 1152 clips", "joint, 288 clips", "action", "linear", 0.04, 0.09),
    ):
        low, high = change(model, reference, factor, measure)
        assert (round((low + high) / 2, 2), round((high - low) / 2, 2)) == (mean, half), (model, measure)
    low, high = change("joint, 4608 clips", "joint, 288 clips", "action", "R@1")
    assert low < 0 < high
    for measure in ("R@1", "linear"):
        assert change("current", "motion", "action", measure)[1] < 0
        assert change("vectors", "motion", "action", measure)[1] < -0.15
        low, high = change("no transformer", "motion", "action", measure)
        assert -0.1 < low < 0 < high < 0.1
        assert change("features", "motion", "action", measure)[1] > 0
        low, high = change("flow", "motion", "action", measure)
        assert low < 0 < high
        for factor in ("scene", "action"):
            assert change("three", "joint", factor, measure)[0] <= 0
    assert change("features", "motion", "action", "R@1")[0] > 0
    assert all(change("three", "joint", factor, "R@1")[1] < 0 for factor in ("scene", "action"))
    pairs = zip(found["current"]["action", "R@1"], found["motion"]["action", "R@1"], strict=True)
    assert all(present < future for present, future in pairs)
    assert abs(level("context", "action") - level("untrained", "action")) < 0.1
    assert abs(level("motion", "scene") - level("untrained", "scene")) < 0.1
    assert level("joint", "scene") > 0.9 * level("context", "scene")
    assert level("joint", "action") > 0.9 * level("motion", "action")
    assert level("two clips", "scene") > 0.85 and level("two clips", "action") < 0.4
    assert [round(statistics.mean(found["action labels"]["action", m]), 2) for m in ("R@1", "linear")] == [
        0.97,
        0.98,
    ]
    assert round(level("action labels", "action") - level("motion", "action"), 2) == 0.15
    assert level("scene labels", "scene") > 0.995
    assert abs(level("scene labels", "action") - level("untrained", "action")) < 0.05
    assert level("differences", "appearance") > 0.995
    assert round(level("differences", "action"), 2) == 0.62 and round(level("residual", "action"), 2) == 0.56
    assert level("differences", "scene") < level("residual", "scene") < level("untrained", "scene")
    assert level("residual", "appearance") > 0.95
    assert level("residual", "action") > level("untrained", "action") + 0.2
    windows = {
        "no windows": (-0.05, 0.05),
        "at once": (-0.05, 0.05),
        "as released": (0, 0.06),
        "later": (-1, -0.05),
        "long window": (0.03, 1),
    }
    for measure in ("R@1", "linear"):
        for model, (least, most) in windows.items():
            low, high = change(model, "motion, short", "action", measure)
            assert low < 0 < high and least < (low + high) / 2 < most
    low, high = change("short window", "motion, short", "action", "R@1")
    assert (round((low + high) / 2, 2), round((high - low) / 2, 2)) == (-0.08, 0.04)
    low, high = change("short window", "motion, short", "action", "linear")
    assert low < 0 < high and round((low + high) / 2, 2) == -0.06
    shorter, whole = (found[model]["action", "R@1"] for model in ("short window", "motion, short"))
    assert statistics.mean(shorter) - statistics.mean(whole) + in_pairs(shorter, whole) < 0
    lost = {"joint, for watching": (0, 0), "joint, crf 38": (0.04, 0.15), "joint, mpeg-4": (0.03, 0.09)}
    for model, told in lost.items():
        for measure, less in zip(("R@1", "linear"), told, strict=True):
            for factor in ("scene", "action"):
                low, high = change(model, "joint, short", factor, measure)
                assert low < 0 < high
                if factor == "action" and less:
                    assert round((low + high) / -2, 2) == less
                elif less:
                    assert low + high > 0
                else:
                    assert abs(low + high) / 2 < 0.03
    for more, fewer, measure in ((1152, 288, "linear"), (4608, 1152, "R@1"), (4608, 1152, "linear")):
        low, high = change(f"joint, {more} clips", f"joint, {fewer} clips", "action", measure)
        assert low < 0 < high
    low, high = change("joint, 1152 clips", "joint, 288 clips", "action", "R@1")
    assert 0 < low < 0.002 and round((low + high) / 2, 2) == 0.02
    low, high = change("joint, 288 clips", "joint, 4608 clips", "scene", "linear")
    assert (round((low + high) / 2, 2), round((high - low) / 2, 2)) == (0.04, 0.03)
    assert [round(level("joint", factor), 2) for factor in ("scene", "action")] == [0.91, 0.82]


def test_the_study_log_holds_the_recipe_of_each_run(monkeypatch: pytest.MonkeyPatch) -> None:
    from cvrl_lite.train import Recipe

    monkeypatch.syspath_prepend(str(EXPERIMENTS))
    study = importlib.import_module("study")
    for row in study.finished():
        made = study.recipe_of(study.MODELS[row["model"]], row["seed"], row["steps"])
        made = made.replace(precision="auto")  # that of the machine which ran it
        assert not Recipe.from_json(json.dumps(row["recipe"])).differences(made), row["model"]


def test_what_the_study_says_of_labels_and_bias_is_in_their_logs() -> None:
    rows = [json.loads(line) for line in (EXPERIMENTS / "labels.jsonl").read_text().splitlines()]

    def accuracy(start: str, per_class: int | None) -> float:
        return statistics.mean(
            row["accuracy"] for row in rows if (row["start"], row["per_class"]) == (start, per_class)
        )

    for start in ("untrained", "two clips", "context", "residual"):
        assert accuracy(start, 1) < 0.15 < 0.2 < accuracy("joint", 1) < accuracy("motion", 1)
    finetuned: dict[tuple[str, int | None], list[float]] = {}
    for row in sorted(rows, key=lambda row: row["seed"]):
        if row["protocol"] == "finetune":
            finetuned.setdefault((row["start"], row["per_class"]), []).append(row["accuracy"])
            assert row["steps"] == 200

    def change(start: str, reference: str, per_class: int | None) -> tuple[float, float]:
        """The mean and half the interval of 95 % of the difference, three runs each."""
        mean, half = difference(finetuned[start, per_class], finetuned[reference, per_class])
        return round(mean, 2), round(half, 2)

    alone, helped, started = (finetuned[n, 10] for n in ("scratch", "scratch with helper", "motion, short"))
    assert statistics.mean(started) > 2 * statistics.mean(alone)
    assert change("scratch with helper", "scratch", 10) == (0.05, 0.03)
    assert change("scratch with helper", "scratch", None) == (0.11, 0.29)
    all_alone, all_helped = finetuned["scratch", None], finetuned["scratch with helper", None]
    assert [round(share, 2) for share in sorted(all_alone)] == [0.15, 0.19, 0.43]
    assert round(in_pairs(all_helped, all_alone), 3) == 0.112
    gains = sorted(more - less for more, less in zip(all_helped, all_alone, strict=True))
    assert [round(gain, 2) for gain in (gains[0], gains[-1])] == [0.07, 0.16]
    assert statistics.mean(finetuned["motion, short", None]) > 3 * statistics.mean(all_alone)
    for per_class in (10, None):
        behind, half = change("joint, short", "motion, short", per_class)
        assert -half < behind < 0
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    for values in (alone, helped, started):
        assert f"{statistics.mean(values):.2f}".removeprefix("0") in readme.split("With ten labels")[1][:300]
    tied: dict[str, list[tuple[float, float]]] = {}
    for line in (EXPERIMENTS / "bias.jsonl").read_text().splitlines():
        row = json.loads(line)
        tied.setdefault(row["start"], []).append((row["independent"], row["tied"]))
    for start, told in {"motion": (0.09, 0.06), "joint": (0.41, 0.04), "three": (0.33, 0.08)}.items():
        apart, together = map(list, zip(*tied[start], strict=True))
        mean, half = difference(apart, together)
        assert (round(mean, 2), round(half, 2)) == told
        if start != "motion":
            assert 0.45 < statistics.mean(together) / statistics.mean(apart) < 0.55


def test_what_the_study_says_of_its_world_was_measured() -> None:
    told = json.loads((EXPERIMENTS / "fairness_hard.json").read_text(encoding="utf-8"))
    untrained = told["untrained network"]["appearance"]
    assert [round(end(untrained["R@1"]), 2) for end in (min, max)] == [0.29, 0.36]
    assert [round(end(untrained["linear"]), 2) for end in (min, max)] == [0.49, 0.56]
    frames = told["appearance accuracy of a linear probe on frames 0, 20 and 39"].values()
    ends = [share for first, _, last in frames for share in (first, last)]
    assert [round(end(ends), 2) for end in (min, max)] == [0.45, 0.52]
    assert [round(middle, 2) for _, middle, _ in frames] == [0.23, 0.27]
    assert max(told["action accuracy of a linear probe on the best single frame"].values()) < 0.175
    vectors = told["supervised accuracy from vectors and mask alone"]
    assert [round(vectors[label], 2) for label in ("scene", "action", "appearance")] == [0.43, 1.0, 0.30]
    pictures = told["supervised accuracy"]
    assert [round(pictures[label], 2) for label in ("scene", "action", "appearance")] == [1.0, 0.88, 1.0]


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
    found, told = json.loads(run.stdout), json.loads((EXPERIMENTS / "footage.json").read_text("utf-8"))
    assert (found["clips"], found["videos"]) == (told["clips"], told["videos"])
    assert all(
        abs(found[name] - share) < 0.06 for name, share in told.items() if name not in ("clips", "videos")
    )


def test_what_the_study_says_of_real_footage_is_in_its_log() -> None:
    told = json.loads((EXPERIMENTS / "footage.json").read_text("utf-8"))
    text = (ROOT / "docs/study.md").read_text(encoding="utf-8").split("## On real footage")[1].split("## ")[0]
    shares = [f"{told[name]:.2f}".removeprefix("0") for name in told if name not in ("clips", "videos")]
    places = [text.index(share) for share in shares]
    assert places == sorted(places) and f"{told['clips']} clips" in text
