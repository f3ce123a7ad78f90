"""`cvrl-lite inspect` of files that are broken or encrypted: what is known, in lines, and an exit code."""

from __future__ import annotations

import io
import json
import pickle
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from cvrl_lite import CompressedVideo, EncryptedVideo, NoVideoStream
from cvrl_lite.cli import main
from cvrl_lite.codec import encode

KEY = {"encryption_scheme": "cenc-aes-ctr", "encryption_key": "76a6c65c5ea762046bd749a2e632ccbb"}
KEY |= {"encryption_kid": "a7e61c373e219033c21091fa607bf3b8"}


def moving(frames: int = 40) -> np.ndarray:
    big = np.random.default_rng(0).integers(0, 256, (64, 160, 3), np.uint8)
    return np.stack([big[:48, i : i + 64] for i in range(frames)])


def cut(path: Path, share: float) -> Path:
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    return path


def spoilt(path: Path) -> Path:
    data = bytearray(path.read_bytes())
    middle = slice(len(data) // 2, len(data) // 2 + 2000)
    data[middle] = np.random.default_rng(0).bytes(2000)
    path.write_bytes(data)
    return path


def make(folder: Path, kind: str) -> Path:
    path = folder / f"{kind}.{'mp4' if kind == 'spoilt' else 'mkv'}"
    if kind in ("cut", "spoilt", "lone"):
        encode(moving(), path, gop=10)
        return {"cut": lambda p: cut(p, 0.6), "spoilt": spoilt, "lone": lambda p: cut(p, 0.05)}[kind](path)
    path = folder / f"{kind}.mp4"
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("mpeg4", rate=25, options={"g": "10"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for image in moving():
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        container.mux(stream.encode(None))
    return cut(path, 0.6)


@pytest.mark.parametrize("kind", ["cut", "spoilt", "table"])
def test_a_damaged_file_is_described_with_its_damage(tmp_path, capsys, kind):
    path = make(tmp_path, kind)
    with CompressedVideo(path, on_damage="keep") as video:
        frames, damage = video.info.frames, video.damage
    assert damage and 0 < frames <= 40
    assert main(["inspect", str(path)]) == 1
    out, err = capsys.readouterr()
    (line,) = [line for line in out.splitlines() if line.strip().startswith("damage")]
    assert f"{frames} frames can be read" in line and "64x48" in out
    assert err.count("\n") == 1 and err.startswith(f"cvrl-lite: {path}: ")
    assert err.strip().removeprefix(f"cvrl-lite: {path}: ") in line
    assert main(["inspect", "--json", str(path)]) == 1
    (facts,) = json.loads(capsys.readouterr().out)
    assert facts["frames"] == facts["damage"]["frames"] == frames and facts["damage"]["reason"] in line
    assert facts["damage"]["missing"] == list(damage.missing)


def test_sound_and_damaged_files_side_by_side(tmp_path, capsys):
    encode(moving(), tmp_path / "sound.mp4")
    (tmp_path / "text.mp4").write_text("no video", encoding="utf-8")
    sound, damaged, text = str(tmp_path / "sound.mp4"), str(make(tmp_path, "cut")), str(tmp_path / "text.mp4")
    for files, code in (([sound, damaged], 1), ([damaged, text], 1), ([text], 2), ([sound], 0)):
        assert main(["inspect", "--json", *files]) == code
        out, err = capsys.readouterr()
        found = {facts["file"]: bool(facts["damage"]) for facts in json.loads(out)}
        assert found == {file: file == damaged for file in files if file != text}
        assert err.count("\n") == sum(file != sound for file in files)


def test_nothing_that_can_be_read_is_an_error(tmp_path, capsys):
    assert main(["inspect", str(make(tmp_path, "lone"))]) == 2
    out, err = capsys.readouterr()
    assert not out and err.count("\n") == 1


def encrypted(folder: Path, kind: str) -> Path:
    """MP4 files with a key that nobody has, and a transport stream that is scrambled."""
    path = folder / f"{kind}.mp4"
    if kind == "scrambled":
        encode(moving(), path.with_suffix(".ts"))
        data, random = bytearray(path.with_suffix(".ts").read_bytes()), np.random.default_rng(0)
        for at in range(0, len(data), 188):
            start = at + 4 + (1 + data[at + 4] if data[at + 3] & 0x20 else 0)
            if int.from_bytes(data[at + 1 : at + 3], "big") & 0x1FFF == 256 and start < at + 188:
                data[at + 3] |= 0x80
                data[start : at + 188] = random.bytes(at + 188 - start)
        path.with_suffix(".ts").write_bytes(data)
        return path.with_suffix(".ts")
    options = dict(KEY) | ({"movflags": "frag_keyframe+empty_moov"} if kind == "fragments" else {})
    codec = "libx265" if kind == "hevc" else "libx264"
    if kind == "renamed":
        options = {}
    with av.open(str(path), "w", options=options) as container:
        how = {"x265-params": "log-level=none"} if kind == "hevc" else {}
        stream = container.add_stream(codec, rate=25, options=how)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number, image in enumerate(moving()):
            frame = av.VideoFrame.from_ndarray(image, "rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    if kind == "renamed":  # as one that names no scheme
        path.write_bytes(path.read_bytes().replace(b"avc1", b"encv"))
    if kind == "fairplay":
        path.write_bytes(path.read_bytes().replace(b"encv", b"drmi").replace(b"senc", b"free"))
    return path


@pytest.mark.parametrize("kind", ["plain", "fragments", "hevc", "renamed", "fairplay", "scrambled"])
def test_an_encrypted_file_is_called_that(tmp_path, capsys, kind):
    path = encrypted(tmp_path, kind)
    for source in (path, io.BytesIO(path.read_bytes())):
        for on_damage in ("raise", "keep"):
            with (
                pytest.raises(EncryptedVideo, match="it is encrypted") as caught,
                CompressedVideo(source, on_damage=on_damage) as video,
            ):
                video.clip(0, 3)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    for words in (["inspect", str(path)], ["extract", str(path), "--out", str(tmp_path / "out")]):
        assert main(words) == 2
        out, err = capsys.readouterr()
        assert not out and err == f"cvrl-lite: {path}: it is encrypted\n"


def test_a_stream_without_a_decoder_is_not_called_encrypted(tmp_path):
    encode(moving(4), tmp_path / "a.mp4")
    (tmp_path / "a.mp4").write_bytes((tmp_path / "a.mp4").read_bytes().replace(b"avc1", b"xyz1"))
    with pytest.raises(NoVideoStream, match="no decoder"):
        CompressedVideo(tmp_path / "a.mp4")
