"""Likely mistakes get one sentence that says what to do."""

import numpy as np
import pytest

from cvrl_lite import Embeddings
from cvrl_lite.cli import main
from cvrl_lite.datasets import ClipSampling, VideoFolder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    home = tmp_path_factory.mktemp("mine")
    for name in ("a", "b"):
        (home / name).mkdir()
        (home / name / "0.mp4").write_text("not opened", encoding="utf-8")
    return home


@pytest.mark.parametrize(
    ("mistake", "kind", "said"),
    [
        (lambda videos, _: videos.labels("mood"), ValueError, "no label named 'mood': there are class"),
        (lambda videos, _: videos[99], IndexError, "there is no file 99"),
        (lambda videos, _: videos[0:2], TypeError, r"subset\(range\(...\)\) gives some of the files"),
        (lambda _, home: VideoFolder(home / "a/0.mp4"), OSError, "is a file; a folder of videos is expected"),
        (lambda _, home: VideoFolder(home, samples=ClipSampling()), TypeError, "samples is a SampleConfig"),
        (lambda _, home: TABLE.save(home / "t.csv"), ValueError, "saved as .npz; to_parquet writes .parquet"),
        (lambda _, home: TABLE["motion"], IndexError, "rows are chosen by numbers, not by 'motion'"),
        (lambda _, home: TABLE[9], IndexError, "row 9 of a table of 3 rows"),
    ],
)
def test_a_mistake_gets_a_sentence(folder, mistake, kind, said):
    with pytest.raises(kind, match=said) as error:
        mistake(VideoFolder(folder), folder)
    assert "\n" not in str(error.value)


TABLE = Embeddings.from_arrays(np.eye(3))


def test_a_classifier_is_no_run(tmp_path, capsys):
    (tmp_path / "classifier.safetensors").touch()
    assert main(["evaluate", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert "a classifier that finetune wrote, not a run; predict takes it" in error and error.count("\n") == 1


def test_a_network_is_no_classifier(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["predict", "joint", "clips"]) == 2
    assert capsys.readouterr().err == (
        "cvrl-lite: joint: no classifier's folder; `finetune` writes one from a network\n"
    )


NO_WORD = "is one word too many: a data set is given by --data, a folder of videos by --folder"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("evaluate joint ucf", f"evaluate: ucf {NO_WORD}; did you mean --data ucf101?"),
        ("evaluate joint mine", f"evaluate: mine {NO_WORD}"),
        (
            "finetune joint scenes --out x",
            f"finetune: scenes {NO_WORD}; did you mean --data hard_scenes or --data moving_scenes?",
        ),
        ("evaluate joint --dta=ucf101", "evaluate: there is no option --dta=ucf101; did you mean --data?"),
        ("doctor cats", "doctor: cats is one word too many"),
    ],
)
def test_a_word_that_is_left_over_gets_a_sentence(words, said, capsys):
    assert main(words.split()) == 2
    command = words.split()[0]
    assert capsys.readouterr().err == f"cvrl-lite {said} (see cvrl-lite {command} --help)\n"


@pytest.mark.parametrize("words", ["evaluate joint --data hmdb", "pretrain --out x --data hmdb"])
def test_a_misspelled_data_set_gets_the_nearest_name(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(words.split()) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and said.endswith(
        "got hmdb (for a folder: --folder); did you mean hmdb51?\n"
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["cut", "transcode"])
def test_a_command_says_that_sound_is_left_out(command, capsys):
    assert main([command, "--help"]) == 0
    assert "sound and subtitles are left out" in " ".join(capsys.readouterr().out.split()).lower()
