"""The command line: its outputs, its exit codes, one line an error and never a traceback."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from cvrl_lite import CompressedVideo, codec
from cvrl_lite.cli import main
from cvrl_lite.datasets import moving_scenes
from cvrl_lite.train import recipes


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    root = tmp_path_factory.mktemp("clips")
    moving_scenes.make(root, 4, seed=1, workers=1)
    return sorted(root.rglob("*.mp4"))


def one_line(text: str) -> bool:
    return text.count("\n") == 1 and "Traceback" not in text


def test_inspect_prints_json(clips, capsys):
    assert main(["inspect", "--json", str(clips[0]), str(clips[1])]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [item["file"] for item in found] == [str(clips[0]), str(clips[1])]
    assert found[0]["picture_counts"] == {"I": 4, "P": 36, "B": 0}
    assert found[0]["gop_lengths"] == [12, 12, 12, 4]


def test_inspect_draws_the_timeline(clips, tmp_path, capsys):
    figure = tmp_path / "gops.png"
    assert main(["inspect", str(clips[0]), str(clips[1]), "--plot", str(figure)]) == 0
    assert figure.read_bytes().startswith(b"\x89PNG")
    printed = capsys.readouterr().out
    with CompressedVideo(clips[0]) as video:
        assert f"I 4 ({video.picture_bytes['I'] / 1000:.1f} kB)" in printed
    for place in ("absent/gops.png", "gops.text"):
        assert main(["inspect", str(clips[0]), "--plot", str(tmp_path / place)]) == 2
        assert one_line(capsys.readouterr().err)


def test_inspect_keeps_what_it_can_read(clips, tmp_path, capsys):
    (tmp_path / "text.mp4").write_text("no video", encoding="utf-8")
    assert main(["inspect", str(tmp_path / "text.mp4"), str(clips[0])]) == 1
    out, err = capsys.readouterr()
    assert str(clips[0]) in out and one_line(err) and "text.mp4" in err
    assert main(["inspect", str(tmp_path / "absent.mp4")]) == 2
    out, err = capsys.readouterr()
    assert not out and one_line(err)


def test_inspect_says_no_reason_that_it_does_not_know(clips, tmp_path, capsys):
    codec.encode(np.zeros((6, 64, 64, 3), np.uint8), tmp_path / "many.mp4", references=3)
    assert main(["inspect", str(clips[0]), str(tmp_path / "many.mp4")]) == 0
    vectors = [
        line.split(maxsplit=1)[1] for line in capsys.readouterr().out.splitlines() if "vectors" in line
    ]
    assert vectors == ["yes, each to the nearest I- or P-picture", "yes, to pictures at unknown distances"]


def test_a_part_that_is_not_installed_is_one_line(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    assert main(["download", "ucf101", "--out", str(tmp_path)]) == 2
    err = capsys.readouterr().err.splitlines()
    assert 'pip install "cvrl-lite[download]"' in err[-1] and "Traceback" not in "".join(err)


def test_inspect_agrees_with_the_manifest_of_the_real_clips(real_videos, capsys):
    files = sorted(p for p in real_videos.iterdir() if p.is_file() and p.suffix != ".md")
    assert main(["inspect", "--json", *map(str, files)]) == 0
    counts = {
        item["file"].rsplit("/")[-1]: item["picture_counts"] for item in json.loads(capsys.readouterr().out)
    }
    assert counts["intel_bottle.mp4"] == {"I": 5, "P": 303, "B": 881}
    assert counts["mvx_vid_h264.264"] == {"I": 3, "P": 183, "B": 151}
    assert counts["tc_h265_video.mp4"] == {"I": 5, "P": 2, "B": 3}
    assert len(counts) == 13


def test_doctor_reports(capsys):
    assert main(["doctor", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["packages"]["torch"] and report["missing"] == []


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["dance"],
        ["inspect"],
        ["scenes", "--out"],
        ["evaluate", "no/such/run"],
        ["pretrain", "--out", "x"],
    ],
)
def test_bad_use_is_one_line_and_code_2(words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if words[:1] == ["pretrain"]:
        words = [*words, "--folder", str(tmp_path / "none")]
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert not out and one_line(err)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--steps 0", "steps is a whole number, at least 1; got 0"),
        ("--batch 0", "batch is a whole number, at least 1; got 0"),
        ("--seed -1", "seed is a whole number, at least 0; got -1"),
        ("--tasks motion,flow", "tasks are some of context, motion, residual; got flow"),
        ("--data ucf101", "not allowed with argument --folder"),
        ("--root elsewhere", "--root belongs to --data"),
    ],
)
def test_a_training_that_cannot_be_asked_for_leaves_nothing(clips, tmp_path, capsys, words, said):
    folder, out = str(clips[0].parent), tmp_path / "run"
    assert main(["pretrain", "--folder", folder, "--out", str(out), *words.split()]) == 2
    err = capsys.readouterr().err
    assert one_line(err) and said in err and not out.exists()


def test_a_pattern_without_a_folder_is_refused(tmp_path, capsys):
    assert main(["pretrain", "--out", str(tmp_path / "run"), "--source", "g[0-9]+"]) == 2
    assert "--source belongs to --folder" in capsys.readouterr().err


def test_a_folder_called_like_a_data_set_is_a_folder(clips, tmp_path, monkeypatch):
    os.symlink(clips[0].parent, tmp_path / "kinetics")
    monkeypatch.chdir(tmp_path)
    words = ["pretrain", "--recipe", "laptop_fast", "--tasks", "context", "--steps", "1", "--batch", "2"]
    assert main([*words, "--folder", "kinetics", "--out", "run"]) == 0
    recipe = json.loads((tmp_path / "run/recipe.json").read_text(encoding="utf-8"))
    assert (recipe["data"], recipe["root"]) == (str(tmp_path / "kinetics"), None)


def test_the_help_names_every_command(capsys):
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    commands = (
        "doctor inspect extract transcode cut scenes pretrain finetune predict evaluate embed search export "
        "download quickstart course"
    )
    assert all(
        f"\n    {command}" in said for command in [*commands.split(), "download", "quickstart", "course"]
    )


@pytest.mark.parametrize(
    "command",
    ["doctor", "inspect", "extract", "transcode", "scenes", "pretrain", "evaluate", "quickstart", "course"],
)
def test_every_command_has_help_with_an_example(command, capsys):
    assert main([command, "--help"]) == 0
    assert f"example: cvrl-lite {command}" in capsys.readouterr().out


def test_nothing_is_printed_to_a_reader_that_left(clips):
    words = [sys.executable, "-m", "cvrl_lite.cli", "inspect", *[str(clips[0])] * 3]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    assert process.stderr.read() == b"" and process.wait(60) == 0


@pytest.mark.slow
def test_pretrain_on_a_folder_of_real_clips(real_videos, tmp_path, capsys):
    """Clips without vectors and interlaced ones are listed, the rest is used; a checkpoint is left."""
    words = ["pretrain", "--folder", str(real_videos), "--source", "mvx_vid", "--out", str(tmp_path)]
    assert main([*words, "--steps", "2", "--batch", "12", "--json"]) == 1
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert report["steps"] == 2
    without = {"tc_h265_video.mp4", "tc_av1_video.mkv", "dv.dv"}
    interlaced = {"field_pictures.ts", "field_pictures_paired.ts", "texture_mbaff.mp4"}
    assert {name.rsplit("/")[-1] for name in report["skipped"]} == without | interlaced
    assert err.count("\n") == 6
    assert (tmp_path / "model.safetensors").exists()


@pytest.mark.slow
def test_quickstart_prints_its_table(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("CVRL_CACHE", str(tmp_path / "cache"))
    words = ["quickstart", "--out", str(tmp_path / "out"), "--minutes", "0.05", "--clips", "160", "--json"]
    assert main(words) == 0
    table = json.loads(capsys.readouterr().out)
    parts = ["joint: context part", "joint: motion part"]
    assert list(table) == ["untrained", "context", "motion", "joint", *parts, "chance"]
    for row in table.values():
        assert set(row) == {"scene", "action"} and set(row["scene"]) == {"R@1", "linear"}
    assert table["chance"]["action"]["R@1"] == 1 / 8
    assert json.loads((tmp_path / "out/quickstart.json").read_text(encoding="utf-8")) == table
    assert [path.name for path in (tmp_path / "cache").glob("moving_scenes*")] == ["moving_scenes_160"]
    recipe = json.loads(
        (tmp_path / "out/joint/recipe.json").read_text(encoding="utf-8")
    )  # not taken for one on other clips
    assert recipe["root"] == str(tmp_path / "cache/moving_scenes_160")
    assert (tmp_path / "out/quickstart.png").stat().st_size > 5000
    words = ["evaluate", str(tmp_path / "out/joint"), "--root", str(tmp_path / "cache/moving_scenes_160")]
    assert main([*words, "--protocol", "linear", "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)["scores"]) == {"scene", "action"}


def test_pretraining_by_recipe_scales_with_its_batch(clips, tmp_path, capsys):
    """The paper's rate is 5e-4 for each clip of the batch; the data are read in UCF101's layout."""
    root = tmp_path / "set"
    (root / "ucfTrainTestlist").mkdir(parents=True)
    folder = root / "UCF-101/Archery"
    folder.mkdir(parents=True)
    for number, clip in enumerate(clips[:3]):
        shutil.copy(clip, folder / f"v_Archery_g0{number + 1}_c01.mp4")
    listed = "".join(f"Archery/v_Archery_g0{number}_c01.avi 1\n" for number in (1, 2, 3))
    (root / "ucfTrainTestlist/trainlist01.txt").write_text(listed, encoding="utf-8")
    (root / "ucfTrainTestlist/testlist01.txt").write_text("", encoding="utf-8")
    (root / "ucfTrainTestlist/classInd.txt").write_text("1 Archery\n", encoding="utf-8")
    words = ["pretrain", "--root", str(root), "--batch", "2", "--steps", "2", "--out"]
    small = [*words, str(tmp_path / "a"), "--recipe", "laptop_fast", "--data", "ucf101", "--json"]
    assert main(small) == 0
    assert json.loads(capsys.readouterr().out)["steps"] == 2
    assert (tmp_path / "a/curves.png").exists()
    assert main([*words, str(tmp_path / "b"), "--recipe", "ucf101_c3d"]) == 2  # clips of 40 frames
    assert "no video is usable" in capsys.readouterr().err
    assert main([*words, str(tmp_path / "c"), "--recipe", "vgg"]) == 2
    assert one_line(capsys.readouterr().err)
    for batch in (2, 64):
        recipe = recipes.ucf101_c3d(batch=batch)
        assert recipe.optimization.learning_rate == pytest.approx(5e-4 * batch)
        assert recipe.steps == 120 * (9537 // batch)
