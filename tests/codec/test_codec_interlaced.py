"""Interlaced video is told, kept out of training, and cured; so is what has no vectors at all."""

from __future__ import annotations

import re
import shlex
import warnings
from pathlib import Path

import numpy as np
import pytest
from material import pan

from cvrl_lite import NoMotionVectors
from cvrl_lite.cli import main
from cvrl_lite.codec import CompressedVideo, encode, extract, transcode
from cvrl_lite.codec._stream.h264_headers import parse_sps
from cvrl_lite.codec.extract import load
from cvrl_lite.datasets import ClipSampling, Entry, VideoDataset, decode
from cvrl_lite.datasets.loaders.files import FileLoader

ODD = Path(__file__).parents[3] / "shared/videos/odd"
X264 = {"codec": "h264", "quantizer": 20}
MPEG2 = {"codec": "mpeg2video", "options": {"flags": "+ildct+ilme"}}
MPEG4 = {"codec": "mpeg4", "options": {"flags": "+ildct+ilme"}}
MBAFF = X264 | {"options": {"x264-params": "tff=1"}}
INTERLACED = {"mbaff.mp4": MBAFF, "mbaff.ts": MBAFF, "mbaff.264": MBAFF, "b.mkv": MBAFF | {"b_frames": 2}}
INTERLACED |= {"two.ts": MPEG2, "two.mpg": MPEG2, "two.m2v": MPEG2, "four.mp4": MPEG4, "four.avi": MPEG4}
PROGRESSIVE = {
    "plain.mp4": X264,
    "marked.mp4": X264 | {"options": {"x264-params": "fake-interlaced=1"}},  # as broadcasters code film
    "marked.264": X264 | {"options": {"x264-params": "fake-interlaced=1"}},
    "two.ts": {"codec": "mpeg2video"},
    "one.mpg": {"codec": "mpeg1video"},
    "four.avi": {"codec": "mpeg4"},
}


def fields(frames: int) -> np.ndarray:
    """A texture that moves by (1, 2) from field to field, the upper one first."""
    times = pan(2 * frames, 1, 2, 96, 128)
    woven = times[::2].copy()
    woven[:, 1::2] = times[1::2, 1::2]
    return woven


def median(path: Path) -> tuple[float, float]:
    """Of the inner vectors of the frames after the first."""
    with CompressedVideo(path) as video:
        motion = video.motion(1)
        inner = motion.mask[:, 2:-2, 2:-2]
        x, y = np.median(motion.vectors[:, :, 2:-2, 2:-2].transpose(1, 0, 2, 3)[:, inner], axis=1)
        return float(x), float(y)


@pytest.mark.parametrize("name", INTERLACED)
def test_vectors_of_fields_are_told_once(tmp_path, name):
    encode(fields(8), tmp_path / name, **INTERLACED[name])
    for cache in (None, tmp_path / "cache", tmp_path / "cache"):
        with CompressedVideo(tmp_path / name, cache=cache) as video:
            assert video.info.interlaced and video.info.vectors_in_fields
            with pytest.warns(UserWarning, match=f"{name}: it is interlaced.*--deinterlace") as caught:
                video.motion()
                list(video.chunks(4, ("motion", "images")))
                assert not video.residuals().exact
            assert len(caught) == 1 and caught[0].filename == __file__


@pytest.mark.parametrize("name", PROGRESSIVE)
def test_progressive_frames_are_not_called_interlaced(tmp_path, name):
    encode(pan(8, 2, 4), tmp_path / name, **PROGRESSIVE[name])
    with CompressedVideo(tmp_path / name) as video, warnings.catch_warnings():
        warnings.simplefilter("error")
        video.motion()
        assert not video.info.vectors_in_fields and not video.info.interlaced
    if name == "marked.264":
        data = (tmp_path / name).read_bytes()
        at = data.index(b"\0\0\1\x67") + 3
        assert not parse_sps(data[at : at + 40])[1].frames_only  # else this shows nothing


@pytest.mark.parametrize("suffix", [".avi", ".ts"])
def test_mpeg2_frames_marked_as_fields_may_have_none_in_their_blocks(tmp_path, suffix):
    encode(pan(8, 2, 4), tmp_path / f"a{suffix}", codec="mpeg2video")
    data = bytearray((tmp_path / f"a{suffix}").read_bytes())
    for found in re.finditer(rb"\x00\x00\x01\xb5[\x10-\x1f\x80-\x8f]", bytes(data)):
        at = found.start()
        is_sequence = data[at + 4] < 0x20
        data[at + (5 if is_sequence else 8)] &= 0xF7 if is_sequence else 0x7F  # no longer progressive
    (tmp_path / f"b{suffix}").write_bytes(data)
    with CompressedVideo(tmp_path / f"b{suffix}") as video:
        assert video.info.frames == 8 and video.info.interlaced and not video.info.vectors_in_fields


@pytest.mark.parametrize("name", ["mbaff.mp4", "two.ts", "mbaff.264", "four.avi"])
@pytest.mark.parametrize("size", [(), ("--short-side", "48")])
def test_deinterlacing_gives_vectors_that_are_right(tmp_path, capsys, name, size):
    encode(fields(12), tmp_path / name, **INTERLACED[name])
    out, scale = tmp_path / "out", 0.5 if size else 1
    assert main(["transcode", str(tmp_path / name), "--out", str(out), "--deinterlace", *size]) == 0
    made = out / f"{name.split('.')[0]}.mp4"
    with CompressedVideo(made) as video, CompressedVideo(tmp_path / name) as source:
        assert video.info.frames == 12 and not video.info.interlaced
        assert video.times - video.times[0] == pytest.approx(source.times - source.times[0], abs=1e-3)
    assert median(made) == pytest.approx((-2 * scale, -4 * scale), abs=0.26)
    assert main(["transcode", str(tmp_path / name), "--out", str(out), "--deinterlace", *size]) == 0
    assert "as it was" in capsys.readouterr().out


def test_deinterlacing_leaves_progressive_frames(tmp_path):
    encode(pan(6, 2, 4), tmp_path / "a.mp4", **X264)
    for name, how in (("plain", []), ("cured", ["--deinterlace"])):
        assert main(["transcode", str(tmp_path / "a.mp4"), "--out", str(tmp_path / name), *how]) == 0
    with CompressedVideo(tmp_path / "plain/a.mp4") as a, CompressedVideo(tmp_path / "cured/a.mp4") as b:
        assert np.array_equal(a.clip(0, 6), b.clip(0, 6))


@pytest.mark.skipif(not ODD.exists(), reason="the shared clips are not here")
def test_shared_interlaced_clips(tmp_path):
    with CompressedVideo(ODD / "dv.dv") as video:  # whose decoder marks each frame, and has no vectors
        assert video.info.interlaced and not video.info.vectors_in_fields
    for name, told in (
        ("texture_mbaff.mp4", True),
        ("texture_progressive.mp4", False),
        ("field_pictures.ts", True),
        ("field_pictures_paired.ts", True),
    ):
        with CompressedVideo(ODD / name) as video:
            assert (video.info.interlaced, video.info.vectors_in_fields) == (told, told)
    for name in ("texture_mbaff.mp4", "texture_progressive.mp4"):
        assert main(["transcode", str(ODD / name), "--out", str(tmp_path), "--deinterlace"]) == 0
        assert median(tmp_path / name) == (2, 4)


def test_training_leaves_interlaced_files_out(tmp_path):
    encode(fields(40), tmp_path / "fields.mp4", **MBAFF)
    encode(pan(40, 2, 4), tmp_path / "frames.mp4", **X264)
    names = ("fields.mp4", "frames.mp4")
    videos = VideoDataset(tuple(Entry(tmp_path / name, name, {}) for name in names), {})
    for skipped in (
        decode(videos).skipped,
        FileLoader(
            videos,
            ClipSampling(4, 1, 1, 4, num_negative_windows=1, max_keyframe_distance=8, in_frames=True),
            0,
            size=32,
            cells=4,
        ).skipped,
    ):
        (left_out,) = skipped
        assert left_out.path.name == "fields.mp4" and "--deinterlace" in left_out.reason
    assert len(decode(videos, vectors=False).videos) == 2  # whose frames can be looked at


def test_what_is_extracted_says_so(tmp_path):
    encode(fields(5), tmp_path / "a.mp4", **MBAFF)
    with pytest.warns(UserWarning, match="interlaced"):
        extract(tmp_path / "a.mp4", tmp_path / "a.npz")
    assert load(tmp_path / "a.npz").header["vectors_in_fields"]


def test_the_shell_tells_of_fields_in_a_line(tmp_path, capsys):
    encode(fields(5), tmp_path / "a.mp4", **MBAFF)
    assert main(["inspect", str(tmp_path / "a.mp4")]) == 0
    assert "interlaced" in (printed := capsys.readouterr().out) and "--deinterlace" in printed


@pytest.mark.parametrize(("codec", "name"), [("hevc", "a.mp4"), ("vp9", "a b.webm"), ("vp8", "a.webm")])
def test_what_has_no_vectors_says_how_to_get_some(tmp_path, capsys, monkeypatch, codec, name):
    path = tmp_path / name
    encode(pan(40, 2, 1), path, codec=codec)
    with CompressedVideo(path) as video:
        with pytest.raises(NoMotionVectors) as caught:
            video.motion()
        assert "\n" not in str(caught.value)
    reason = decode(VideoDataset((Entry(path, name, {}),), {})).skipped[0].reason
    assert reason == caught.value.reason
    assert main(["extract", str(path), "--out", str(tmp_path / "x")]) == 2
    assert reason in capsys.readouterr().err
    monkeypatch.chdir(tmp_path)
    words = shlex.split(reason.split("run: ")[1])
    assert words[0] == "cvrl-lite" and main(words[1:]) == 0
    with CompressedVideo(Path(words[-1]) / f"{path.stem}.mp4") as video:
        assert video.motion(1, 5).mask.any()


@pytest.mark.parametrize("size", [(2, 2), (4, 64), (48, 4), (6, 300)])
def test_frames_too_small_for_the_filter_stay(tmp_path, size):
    frames = np.arange(5, dtype=np.uint8)[:, None, None, None].repeat(3, 3) * 40
    frames = np.ascontiguousarray(np.broadcast_to(frames, (5, *size, 3)))
    encode(frames, tmp_path / "a.avi", codec="rawvideo")
    assert transcode(tmp_path / "a.avi", tmp_path / "b.avi", codec="rawvideo", deinterlace=True) == 5
    with CompressedVideo(tmp_path / "b.avi") as video:
        assert np.abs(np.stack(list(video.frames())).mean((1, 2, 3)) - frames.mean((1, 2, 3))).max() < 3
