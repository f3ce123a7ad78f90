"""Folders and lists as people have them: links, pipes, other encodings, other letters."""

import os
import socket
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from cvrl_lite import CompressedVideo
from cvrl_lite.cli import main
from cvrl_lite.codec import encode, load
from cvrl_lite.codec.extract import targets
from cvrl_lite.datasets import HMDB51, UCF101, Kinetics, VideoFolder
from cvrl_lite.errors import UnreadableFile
from cvrl_lite.folders import videos_below

CODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-32"]


def fill(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def below(folder: Path, **more) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in videos_below(folder, **more)]


@pytest.fixture
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def test_linked_class_folders_are_followed(tmp_path, quiet):
    """The other half of the data lies on another disk."""
    root = fill(tmp_path / "set", "run/a.mp4", "jump/deep/b.mp4")
    far = fill(tmp_path / "far", "swim/c.mp4", "more/dive/d.mp4")
    (root / "swim").symlink_to(far / "swim", target_is_directory=True)
    (far / "swim/dive").symlink_to("../more/dive", target_is_directory=True)
    names = ["jump/deep/b.mp4", "run/a.mp4", "swim/c.mp4", "swim/dive/d.mp4"]
    assert below(root) == names
    videos = VideoFolder(root)
    assert videos.classes == {"class": ("jump", "run", "swim")} and len(videos.entries) == 4
    pairs = targets([root], tmp_path / "out", lambda path: path.name)
    assert [target.relative_to(tmp_path / "out").as_posix() for _, target in pairs] == names


def test_links_that_lead_back_give_no_file_twice(tmp_path, quiet):
    root = fill(tmp_path / "home/set", "run/a.mp4", "swim/b.mp4")
    fill(tmp_path / "home", "beside.mp4")
    for name, target in {
        "run/up": "..",  # to a folder that it lies in
        "all": "../..",  # to one that the whole set lies in
        "copy": "run",  # to a folder beside it; before it and behind it in the alphabet
        "zcopy": "run",
        "swim/self": ".",
    }.items():
        (root / name).symlink_to(target, target_is_directory=True)
    (root / "a_again.mp4").symlink_to("run/a.mp4")
    assert below(root) == ["run/a.mp4", "swim/b.mp4"]
    assert below(tmp_path / "home/set/copy") == ["a.mp4"]  # a folder may itself be given as a link


def test_of_two_links_to_a_file_the_first_counts(tmp_path, quiet):
    far = fill(tmp_path / "far", "a.mp4", "more/b.mp4")
    root = tmp_path / "set"
    root.mkdir()
    for name in ("2.mp4", "1.mp4"):
        (root / name).symlink_to(far / "a.mp4")
    for name in ("y", "x"):
        (root / name).symlink_to(far / "more", target_is_directory=True)
    assert below(root) == ["1.mp4", "x/b.mp4"]
    assert below(root, twice=True) == ["1.mp4", "2.mp4", "x/b.mp4"]
    (tmp_path / "labels.csv").write_text("file,kind\n1.mp4,one\n2.mp4,two\nx/b.mp4,one\n", encoding="utf-8")
    assert len(VideoFolder(root, labels=tmp_path / "labels.csv").entries) == 3  # each of them was named


def test_what_links_lead_to_below_out_is_no_source(tmp_path):
    root = fill(tmp_path / "set", "a.mp4", "out/b.mp4")
    (root / "new").symlink_to("out", target_is_directory=True)
    (root / "c.mp4").symlink_to("out/b.mp4")
    assert below(root, without=root / "out") == ["a.mp4"]


def test_links_that_lead_nowhere_are_named(tmp_path, capsys):
    root = fill(tmp_path / "set", "run/a.mp4")
    (root / "swim").symlink_to("/absent/swim")
    (root / "loop").symlink_to("loop")
    with pytest.warns(UserWarning) as caught:
        assert below(root) == ["run/a.mp4"]
    assert sorted(str(w.message) for w in caught) == [
        f"{root / name}: not looked into: a link that leads nowhere" for name in ("loop", "swim")
    ]
    (root / "gone.mp4").symlink_to("/absent/gone.mp4")
    assert main(["inspect", str(root / "gone.mp4")]) == 2
    said = capsys.readouterr().err
    assert said == f"cvrl-lite: {root / 'gone.mp4'}: a link that leads nowhere, to /absent/gone.mp4\n"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("link", [False, True])
@pytest.mark.parametrize(("kind", "word"), [("pipe", "pipe"), ("socket", "socket"), ("device", "device")])
def test_pipes_sockets_and_devices_are_never_opened(tmp_path, monkeypatch, capsys, kind, word, link):
    monkeypatch.chdir(tmp_path)  # a socket's path has 108 bytes at most
    os.mkdir("set")
    if kind == "pipe":
        os.mkfifo("set/odd.mp4")
    elif kind == "socket":
        socket.socket(socket.AF_UNIX).bind("set/odd.mp4")
    else:
        os.symlink("/dev/zero", "set/odd.mp4")
    name = "set/odd.mp4"
    if link:
        name = "set/link.mp4"
        os.symlink("odd.mp4", name)
    encode(np.zeros((14, 32, 32, 3), np.uint8), "set/good.mp4")
    said = f"{name}: is a {word}, not a file"
    for read in (CompressedVideo, load):
        with pytest.raises(UnreadableFile) as caught:
            read(name)
        assert str(caught.value) == said
    assert main(["inspect", name]) == 2 and capsys.readouterr().err == f"cvrl-lite: {said}\n"
    if not link:
        for command in ("extract", "transcode"):
            assert main([command, "set", "--out", "out"]) == 1
            out, err = capsys.readouterr()
            assert "good.mp4" in out and err.count("\n") == 1 and f"is a {word}, not a file" in err


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="another user needs root")
def test_a_folder_that_may_not_be_read_is_named(tmp_path):

    root = fill(tmp_path / "set", "run/a.mp4", "swim/b.mp4")
    (root / "swim").chmod(0o700)
    for place in (tmp_path, *tmp_path.parents[:3]):
        place.chmod(0o755)
    code = "import os; from cvrl_lite.folders import *; os.setuid(65534); "
    code += f"print(videos_below(Path({str(root)!r})))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 0 and "a.mp4" in run.stdout and "b.mp4" not in run.stdout
    assert f"{root / 'swim'}: not looked into: Permission denied" in run.stderr


# Lists


def ucf(root: Path, coding: str, listed: str, folder: str, end: str = "\n") -> Path:
    """A set whose class is spelled in three places."""
    fill(root, f"{folder}/v_HandStandPushups_g08_c01.avi", f"{folder}/v_HandStandPushups_g01_c01.avi")
    for name, text in {
        "classInd": "1 HandstandPushups",
        "trainlist01": f"{listed}/v_HandStandPushups_g08_c01.avi 1",
        "testlist01": f"{listed}/v_HandStandPushups_g01_c01.avi",
    }.items():
        (root / "annotations").mkdir(exist_ok=True)
        (root / f"annotations/{name}.txt").write_bytes((text + end).encode(coding))
    return root


@pytest.mark.parametrize("listed", ["HandStandPushups", "HandstandPushups"])
@pytest.mark.parametrize("folder", ["HandStandPushups", "HandstandPushups", "handstandpushups"])
def test_ucf101_spells_a_class_in_either_way(tmp_path, quiet, listed, folder):
    videos = UCF101(ucf(tmp_path, "utf-8", listed, folder))
    assert videos.classes == {"class": ("HandstandPushups",)} and videos.labels("class").tolist() == [0]
    assert videos.entries[0].path.parent.name == folder


def test_ucf101_with_a_link_for_the_other_spelling(tmp_path, quiet):
    root = ucf(tmp_path, "utf-8", "HandStandPushups", "HandstandPushups")
    (root / "HandStandPushups").symlink_to("HandstandPushups", target_is_directory=True)
    assert UCF101(root).extra == ()


def kinetics(root: Path, coding: str, end: str = "\n", label: str = "tai chi") -> Path:
    fill(root, "train/tai_chi/abc_000001_000011.mp4", "val/Tai chi/xyz_000001_000011.mp4")
    head = "label,youtube_id,time_start,time_end,split"
    for split, name in (("train", "abc"), ("val", "xyz")):
        text = end.join([head, f"{label},{name},1,11,{split}", ""])
        (root / f"{split}.csv").write_bytes(text.encode(coding))
    return root


def test_kinetics_spells_a_class_in_either_case(tmp_path, quiet):
    root = kinetics(tmp_path, "utf-8")
    (root / "val.csv").write_text(
        (root / "val.csv").read_text(encoding="utf-8").replace("tai chi", "Tai Chi"), encoding="utf-8"
    )
    for _ in range(2):
        sets = Kinetics(root), Kinetics(root, "val")
        assert len({videos.classes["class"] for videos in sets}) == 1
        assert all(len(videos.classes["class"]) == 1 and len(videos.entries) == 1 for videos in sets)
        for split in ("train", "val"):  # and by the folders alone
            (root / f"{split}.csv").unlink(missing_ok=True)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("coding", CODINGS)
def test_lists_with_a_byte_order_mark_and_any_line_end(tmp_path, quiet, coding, end):
    assert len(UCF101(ucf(tmp_path / "u", coding, "HandstandPushups", "HandstandPushups", end)).entries) == 1
    assert len(Kinetics(kinetics(tmp_path / "k", coding, end)).entries) == 1
    root = fill(tmp_path / "h", "smile/a.avi")
    (root / "annotations").mkdir()
    (root / "annotations/smile_test_split1.txt").write_bytes(f"a.avi 1{end}".encode(coding))
    (root / "annotations/._smile_test_split1.txt").write_bytes(b"\0\5\x16\7")  # as another system leaves it
    assert len(HMDB51(root).entries) == 1
    root = fill(tmp_path / "f", "é.mp4", "b.mp4")
    labels = root / "labels.csv"
    labels.write_bytes(end.join(["file,place", "é.mp4,straße", "b.mp4,sea", ""]).encode(coding))
    assert VideoFolder(root, labels=labels).classes == {"place": ("sea", "straße")}


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("é".encode("latin-1"), "byte 0xe9 is no UTF-8; save the file as UTF-8"),
        ("e".encode("utf-16-le"), "holds zero bytes, as UTF-16 does; save the file as UTF-8"),
        (b"\xff\xfee", "byte 0x65 is no UTF-16; save the file as UTF-8"),
    ],
)
def test_other_encodings_are_one_line_with_the_name(tmp_path, broken, said, capsys):
    for root, name, read in (
        (ucf(tmp_path / "u", "utf-8", "HandstandPushups", "HandstandPushups"), "classInd.txt", UCF101),
        (ucf(tmp_path / "u", "utf-8", "HandstandPushups", "HandstandPushups"), "testlist01.txt", UCF101),
        (kinetics(tmp_path / "k", "utf-8"), "train.csv", Kinetics),
        (kinetics(tmp_path / "k", "utf-8"), "val.csv", Kinetics),
    ):
        file = next(root.rglob(name))
        whole = file.read_bytes()
        file.write_bytes(broken if said.startswith("byte 0x65") else whole + broken)
        with pytest.raises(ValueError, match=f"{name}.*{said}"):
            read(root)
        words = ["pretrain", "--recipe", "ucf101_c3d", "--data", read.__name__.lower(), "--root", str(root)]
        assert main([*words, "--out", str(tmp_path / "run")]) == 2
        err = capsys.readouterr().err
        assert err.count("\n") == 1 and name in err and said in err
        file.write_bytes(whole)


@pytest.mark.parametrize(
    "text", ["file,place\na.mp4," + "x" * 200_000 + "\n", "file," + "x" * 200_000 + "\na.mp4,sea\n"]
)
def test_what_is_no_table_is_one_line_with_the_name(tmp_path, text):
    root = fill(tmp_path, "a.mp4")
    (root / "labels.csv").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"labels.csv, line \d: no table: field larger"):
        VideoFolder(root, labels=root / "labels.csv")
