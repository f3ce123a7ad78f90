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
