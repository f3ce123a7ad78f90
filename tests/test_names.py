"""Names that people give to files: colons, per cents, line ends, bytes that are no UTF-8, 255 bytes."""

import csv
import json
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvrl_lite import CompressedVideo
from cvrl_lite.cli import main
from cvrl_lite.codec import encode, extract, load, transcode
from cvrl_lite.codec.extract import targets
from cvrl_lite.errors import named, shown
from cvrl_lite.files import replacing

NOT_ON_WINDOWS = pytest.mark.skipif(os.name == "nt", reason="refused here")
COLONS = [
    *("10:30.mp4", "http:a.mp4", "pipe:1.mp4", "concat:a.mp4|b.mp4", "file:a.mp4", ",:a.mp4"),
    *("a%d?.mp4", "a\nb.mp4", "a\x1b[31m.mp4"),
]
ODD = [
    *("-.mp4", "a%03d.mp4", " a.mp4", "ü\u3000😀.mp4"),
    *(
        pytest.param(name, marks=pytest.mark.skipif(os.name == "nt", reason="refused here"))
        for name in COLONS
    ),
    pytest.param(
        os.fsdecode(b"caf\xe9.mp4"),
        marks=pytest.mark.skipif(os.name == "nt" or os.sys.platform == "darwin", reason="refused here"),
    ),
]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Names are given as they are: relative to the folder they lie in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def clip(path, frames: int = 14) -> None:
    encode(np.zeros((frames, 32, 32, 3), np.uint8), path)


@pytest.mark.parametrize("name", ODD)
def test_a_name_is_a_name_and_nothing_else(name, capsys):
    clip(name)
    assert os.listdir() == [name]
    with CompressedVideo(name, cache="indexes") as video:
        assert video.info.frames == 14 and video.info.file == name
    extract(name, f"{name}.npz")
    assert load(f"{name}.npz").header["file"] == name
    assert transcode(name, f"short/{name}") == 14
    assert main(["inspect", "--json", "./" + name]) == 0
    assert json.loads(capsys.readouterr().out)[0]["file"] == name
    assert main(["inspect", "./" + name]) == 0
    first, *others = capsys.readouterr().out.splitlines()
    assert others and all(line.startswith("  ") for line in others)
    for command in ("extract", "transcode"):
        for said in ("", " (as it was)"):
            assert main([command, "./" + name, "--out", command]) == 0
            out, err = capsys.readouterr()
            ending = ".npz" if command == "extract" else ""
            assert out == f"{command}/{first}{ending}{said}\n" and not err
            assert len(os.listdir(command)) == 1


def test_a_percent_sign_does_not_stand_for_other_files():
    encode(np.full((1, 32, 32, 3), 200, np.uint8), "other.mkv", codec="mjpeg", pixel_format="yuvj420p")
    encode(np.full((1, 32, 32, 3), 40, np.uint8), "own.mkv", codec="mjpeg", pixel_format="yuvj420p")
    for name, path in (("other.mkv", "a1.jpg"), ("own.mkv", "a%d.jpg")):
        data = Path(name).read_bytes()
        Path(path).write_bytes(data[data.index(b"\xff\xd8") : data.rindex(b"\xff\xd9") + 2])
    with CompressedVideo("a%d.jpg") as video:
        assert abs(int(video.clip(0, 1).mean()) - 40) < 8


@pytest.mark.parametrize("name", ODD)
def test_failures_with_any_name_are_listed_and_can_be_read_back(name, capsys):
    os.mkdir("in")
    Path("in", name).write_text("no video", encoding="utf-8")
    clip("in/good.mp4")
    for command in ("extract", "transcode"):
        assert main([command, "in", "--out", command]) == 1
        out, err = capsys.readouterr()
        assert len(out.splitlines()) == len(err.splitlines()) == 1 and "\x1b" not in err
        with open(f"{command}/failures.csv", newline="", encoding="utf-8") as file:
            (row,) = csv.DictReader(file)
        assert row["reason"].endswith("no video format was recognized in it")
        assert named(row["file"]) == f"in/{name}" and f"cvrl-lite: {row['reason']}\n" == err
        assert main([command, "in/good.mp4", "--out", command]) == 0  # keeps what another call has listed
        capsys.readouterr()
        assert row["reason"] in Path(f"{command}/failures.csv").read_text(encoding="utf-8")


@given(st.text(st.characters(exclude_characters="\\")))
def test_a_name_that_is_shown_can_be_made_out(name):
    text = shown(name)
    assert named(text) == name
    assert len(text.splitlines()) <= 1
    if "\\ud" not in text:  # halves of pairs, which no file system has
        text.encode()


# Lengths


@pytest.mark.parametrize("letter", ["a", "ü", "語", "😀"])
def test_a_name_as_long_as_the_system_takes(letter, capsys):
    def name(size: int, ending: str) -> str:
        stem = letter * ((size - len(ending)) // len(letter.encode()))
        return stem + "x" * (size - len(ending) - len(stem.encode())) + ending

    long = name(255, ".mp4")
    clip(long)
    assert os.listdir() == [long]
    assert transcode(long, f"short/{long}") == 14
    assert main(["transcode", long, "--out", "again"]) == 0 and os.listdir("again") == [long]
    capsys.readouterr()
    assert main(["extract", long, "--out", "arrays"]) == 2  # with .npz at its end it does not fit
    assert "too long" in (err := capsys.readouterr().err) and err.count("\n") == 1
    assert os.listdir("arrays") == ["failures.csv"]
    shorter = name(251, ".mp4")
    os.rename(long, shorter)
    assert main(["extract", shorter, "--out", "arrays"]) == 0
    assert os.listdir("arrays") == [f"{shorter}.npz"]


def test_long_names_that_begin_alike_have_temporary_names_of_their_own():
    with replacing("a" * 250 + "1") as one, replacing("a" * 250 + "2") as two:
        assert one != two
        for part in (one, two):
            assert part.name.startswith(".aaa") and part.suffix == ".partial" and len(part.name) == 255
            part.touch()


def test_a_name_that_is_too_long_is_refused_before_the_work():
    asked = []

    def frames():
        for number in range(3):
            asked.append(number)
            yield np.zeros((32, 32, 3), np.uint8)

    with pytest.raises(OSError, match="too long"):
        encode(frames(), "a" * 256 + ".mp4")
    assert len(asked) == 1 and not os.listdir()  # the first tells the size


# Names that meet


def becomes(*names: str, folder: str = "in") -> dict[str, str]:
    os.makedirs(folder, exist_ok=True)
    for name in names:
        Path(folder, name).parent.mkdir(exist_ok=True, parents=True)
        Path(folder, name).touch()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pairs = targets([Path(folder)], Path("out"), lambda path: f"{path.stem}.mp4")
    return {str(a.relative_to(folder)): str(b.relative_to("out")) for a, b in pairs}


def test_of_two_files_that_would_become_one_one_is_renamed(capsys):
    os.mkdir("in")
    clip("in/a.mp4", 13)
    clip("in/a.avi", 14)
    clip("in/b.mp4", 15)
    message = "in/a.avi: becomes out/a.avi.mp4, as in/a.mp4 becomes out/a.mp4"
    for said in ("", " (as it was)"):
        with pytest.warns(UserWarning, match=f"^{message}$"):
            assert main(["transcode", "in", "--out", "out"]) == 0
        out, err = capsys.readouterr()
        names = ("a.avi.mp4", "a.mp4", "b.mp4")
        assert out.splitlines() == [f"out/{name}{said}" for name in names]
        assert not err
    for name, frames in zip(names, (14, 13, 15), strict=True):
        with CompressedVideo(f"out/{name}") as video:
            assert video.info.frames == frames


def test_renaming_is_the_same_whatever_the_order():
    for order in (("in/a.mkv", "in/a.avi"), ("in/a.avi", "in/a.mkv")):
        with pytest.warns(UserWarning, match=r"in/a.mkv: becomes out/a.mkv.mp4, as in/a.avi becomes"):
            pairs = targets([Path(name) for name in order], Path("out"), lambda path: f"{path.stem}.mp4")
        assert dict(pairs) == {Path("in/a.avi"): Path("out/a.mp4"), Path("in/a.mkv"): Path("out/a.mkv.mp4")}


@pytest.mark.skipif(os.sys.platform in ("darwin", "win32"), reason="one file, in either case")
def test_names_that_differ_in_case_or_composition_do_not_meet_elsewhere():
    assert becomes("a.mp4", "A.mp4") == {"A.mp4": "A.mp4", "a.mp4": "a.mp4.mp4"}
    assert becomes("d/x.avi", "D/x.avi", "d/x.mp4", folder="2") == {
        "d/x.mp4": "d/x.mp4",
        "D/x.avi": "D/x.avi.mp4",
        "d/x.avi": "d/x.avi.2.mp4",
    }
    composed, apart = "\u00fc", "u\u0308"
    found = becomes(f"{composed}.mp4", f"{apart}.mp4", folder="3")
    assert sorted(map(len, found.values())) == [6, 9]
    assert becomes("a.avi", "a.mp4", "a.avi.mp4", "a.avi.mkv", folder="4") == {
        "a.mp4": "a.mp4",
        "a.avi.mp4": "a.avi.mp4",
        "a.avi": "a.avi.2.mp4",
        "a.avi.mkv": "a.avi.mkv.mp4",
    }


def test_a_source_is_read_once_by_whatever_name_it_is_given(capsys):
    os.makedirs("in/sub")
    clip("in/sub/a.mp4")
    os.symlink("in/sub/a.mp4", "link.mp4")
    words = ["in", "in/sub/a.mp4", "./in/sub/../sub/a.mp4", os.path.abspath("in/sub/a.mp4"), "link.mp4"]
    assert main(["extract", *words, "--out", "out"]) == 0
    assert capsys.readouterr().out == "out/sub/a.mp4.npz\n"


def test_a_renamed_file_never_replaces_a_source(capsys):
    """Where the new files are to lie beside the old ones."""
    os.mkdir("in")
    clip("in/a.mp4", 13)
    clip("in/a.avi", 14)
    before = Path("in/a.mp4").read_bytes()
    with pytest.warns(UserWarning, match=r"in/a.avi: becomes in/a.avi.mp4"):
        assert main(["transcode", "in", "--out", "in"]) == 1
    assert "written over itself" in capsys.readouterr().err
    assert Path("in/a.mp4").read_bytes() == before
    with CompressedVideo("in/a.avi.mp4") as video:
        assert video.info.frames == 14
