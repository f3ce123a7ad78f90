"""What `extract` and `transcode` write: broken files told, the place of what is not whole yet."""

import os
import random
import tempfile
import zipfile

import numpy as np
import pytest
from material import pan

from cvrl_lite import DamagedVideo, NotAVideo, UnreadableFile, VideoError
from cvrl_lite.codec import encode, extract, is_transcoded, load, transcode


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp("written") / "a.mp4"
    encode(pan(4, 2, 1, 32, 48), path, gop=4)
    return path


def test_a_flipped_byte_is_told_and_made_again(video, tmp_path):
    """Either nothing that matters was hit, or loading names the file; a second call makes it whole."""
    path = tmp_path / "a.npz"
    extract(video, path, ("motion",))
    good, whole = path.read_bytes(), load(path)
    places = random.Random(0).sample(range(len(good)), 250)
    broken = 0
    for at in [42, *places]:
        path.write_bytes(good[:at] + bytes([good[at] ^ 0xFF]) + good[at + 1 :])
        try:
            found = load(path)
        except VideoError as error:
            assert type(error) is not VideoError and str(error).startswith(f"{path}: ")
            assert extract(video, path, ("motion",))
            broken += 1
        else:
            assert found.header == whole.header and np.array_equal(found.motion[0], whole.motion[0])
        extract(video, path, ("motion",))
        assert np.array_equal(load(path).motion.vectors, whole.motion.vectors)
    assert broken > 150


def test_what_cannot_be_loaded_says_why(video, tmp_path):
    extract(video, tmp_path / "good.npz")
    (tmp_path / "short.npz").write_bytes((tmp_path / "good.npz").read_bytes()[:-50])
    (tmp_path / "empty.npz").touch()
    np.save(tmp_path / "array.npy", np.zeros(3))
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    with zipfile.ZipFile(tmp_path / "text.zip", "w") as archive:
        archive.writestr("header", "text")
    kinds = {
        DamagedVideo: ("short.npz", "text.zip"),
        NotAVideo: ("empty.npz", "array.npy", "other.npz"),
        UnreadableFile: ("absent.npz", "."),
    }
    for kind, names in kinds.items():
        for name in names:
            with pytest.raises(kind, match=os.fspath(tmp_path / name)):
                load(tmp_path / name)


def test_arrays_grow_on_the_disk_of_the_target(video, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", os.fspath(tmp_path / "absent"))  # the system's own folder
    assert extract(video, tmp_path / "new/a.npz", ("keyframes", "motion", "residuals"))
    assert os.listdir(tmp_path / "new") == ["a.npz"]


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".mkv", ".mov"])
def test_a_container_keeps_what_it_was_made_from(video, tmp_path, suffix):
    made = tmp_path / f"new{suffix}"
    assert not is_transcoded(video, made)
    transcode(video, made, gop=2, fps=25)
    assert is_transcoded(video, made, gop=2, fps=25)
    assert not is_transcoded(video, made, gop=2) and not is_transcoded(video, made, fps=25)
    made.write_text("broken", encoding="utf-8")
    assert not is_transcoded(video, made, gop=2, fps=25)
    with pytest.raises(UnreadableFile, match="absent"):
        is_transcoded(tmp_path / "absent.mp4", made)
