"""Films cut into pieces: nothing lost, nothing twice, copied where key frames allow it."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from cvrl_lite import CompressedVideo, cli
from cvrl_lite.codec import cut, encode, is_cut
from cvrl_lite.datasets import VideoFolder, moving_scenes

RATE = 10


def film(path, gop: int, b_frames: int = 0, **settings):
    frames = moving_scenes.draw("bricks", "right", 3, frames=75, size=64)
    encode(frames, path, fps=RATE, gop=gop, b_frames=b_frames, **settings)
    return path


def shown(folder, pieces) -> list[np.ndarray]:
    found = []
    for piece in pieces:
        with CompressedVideo(folder / piece.file) as video:
            assert video.info.frames == piece.frames
            found += list(video.frames())
    return found


@pytest.mark.parametrize("b_frames", [0, 2])
@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi"])
def test_pieces_at_key_frames_are_copies(tmp_path, suffix, b_frames):
    source = film(tmp_path / f"film.{suffix}", 10, b_frames)
    pieces = cut(source, tmp_path / "out/film.json", 2)
    assert [piece.start - pieces[0].start for piece in pieces] == pytest.approx([0, 2, 4, 6])
    assert [piece.frames for piece in pieces] == [20, 20, 20, 15]
    with CompressedVideo(source) as video:
        expected = list(video.frames())
    if all(piece.copied for piece in pieces):
        assert all(map(np.array_equal, shown(tmp_path / "out", pieces), expected))
    if suffix != "avi":
        assert all(piece.copied for piece in pieces)
    assert len(shown(tmp_path / "out", pieces)) == 75


def test_without_key_frames_there_the_film_is_encoded_again(tmp_path):
    source = film(tmp_path / "film.mp4", 75)
    pieces = cut(source, tmp_path / "out/film.json", 2)
    assert [(piece.frames, piece.copied) for piece in pieces] == [(20, False)] * 3 + [(15, False)]
    with CompressedVideo(source) as video:
        for ours, expected in zip(shown(tmp_path / "out", pieces), video.frames(), strict=True):
            assert np.abs(ours.astype(int) - expected).mean() < 6


def test_a_piece_begins_at_the_key_frame_nearby(tmp_path):
    source = film(tmp_path / "film.mp4", 11)
    assert [p.start for p in cut(source, tmp_path / "a/film.json", 3)] == pytest.approx([0, 3.3])
    pieces = cut(source, tmp_path / "b/film.json", 3, tolerance=0.1)
    assert [p.start for p in pieces] == pytest.approx([0, 3]) and not any(p.copied for p in pieces)


def test_scenes_are_told_from_motion(tmp_path):
    parts = [
        moving_scenes.draw(scene, "right", 1, frames=30, size=64) for scene in ("bricks", "checks", "rings")
    ]
    source = tmp_path / "film.mp4"
    encode(np.concatenate(parts), source, fps=RATE, gop=250)
    pieces = cut(source, tmp_path / "out/film.json", None)
    assert [piece.frames for piece in pieces] == [30, 30, 30]


def test_pieces_of_a_film_are_one_source(tmp_path):
    for name in ("a_1.mp4", "b.mp4"):
        shutil.copy(film(tmp_path / "film.mp4", 10), tmp_path / name)
        cut(tmp_path / name, tmp_path / f"out/{name[:-4]}.json", 4)
    videos = VideoFolder(tmp_path / "out", source=r"^.+(?=_[0-9]{4}\.)")
    assert videos.sources == ("a_1", "a_1", "b", "b")


def test_what_is_cut_is_known(tmp_path):
    source, table = film(tmp_path / "film.mp4", 10), tmp_path / "out/film.json"
    assert not is_cut(source, table, 4)
    cut(source, table, 4)
    assert is_cut(source, table, 4) and not is_cut(source, table, 5)
    (tmp_path / "out/film_0001.mp4").unlink()
    assert not is_cut(source, table, 4)
    table.write_text("no table", encoding="utf-8")
    assert not is_cut(source, table, 4)


def test_the_command(tmp_path, capsys):
    film(tmp_path / "in/film.mp4", 10)
    (tmp_path / "in/broken.mp4").write_text("no video", encoding="utf-8")
    words = ["cut", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--seconds", "4"]
    assert cli.main(words) == 1
    out, err = capsys.readouterr()
    assert out == f"{tmp_path}/out/film.json\n" and "broken.mp4: " in err and err.count("\n") == 1
    table = json.loads((tmp_path / "out/film.json").read_text(encoding="utf-8"))
    assert [piece["file"] for piece in table["pieces"]] == ["film_0000.mp4", "film_0001.mp4"]
    (tmp_path / "in/broken.mp4").unlink()
    assert cli.main(words) == 0 and "(as it was)" in capsys.readouterr().out


@pytest.mark.parametrize("wrong", [{"seconds": 0}, {"tolerance": -1}])
def test_impossible_numbers_are_refused(tmp_path, wrong):
    with pytest.raises(ValueError, match=r"at least 0|above 0"):
        cut(film(tmp_path / "film.mp4", 10), tmp_path / "film.json", **wrong)
