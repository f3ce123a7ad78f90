"""When frames are shown: written, written again, and at a constant rate."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from material import pan
from test_codec_rates import CUT, NTSC, write

from cvrl_lite import VideoError
from cvrl_lite.cli import main
from cvrl_lite.codec import CompressedVideo, encode, is_transcoded, transcode

HOLES = np.r_[0:10, 40:50, 4000:4010] / 30


def numbered(times: np.ndarray) -> np.ndarray:
    """Pictures that say by their gray level which they are."""
    levels = (10 + 6 * np.arange(len(times)) % 240).astype(np.uint8)
    return np.tile(levels[:, None, None, None], (1, 48, 64, 3))


def read(path: Path) -> tuple[np.ndarray, float, Fraction]:
    with CompressedVideo(path) as video:
        assert video.info.frames == len(list(video.frames())) == len(video.times)
        return video.times, video.info.duration, video.info.time_base


@pytest.mark.parametrize("times", [CUT, HOLES], ids=["cut", "holes"])
@pytest.mark.parametrize("start", [0, 1.4004, 95000.123])
@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mp4", "h264"), ("a.mkv", "h264"), ("a.mp4", "mpeg4"), ("a.ts", "h264"), ("a.webm", "vp9")],
)
def test_written_times_are_read_back(tmp_path, name, codec, start, times):
    step, times = times[1], times + start
    images = pan(len(times), 1, 1, 48, 64)
    assert encode(images, tmp_path / name, codec=codec, fps=1 / step, times=times) == len(times)
    found, duration, tick = read(tmp_path / name)
    assert found == pytest.approx(times, abs=float(tick))
    assert duration == pytest.approx(times[-1] - times[0] + step, abs=2 * float(tick))


def test_the_last_frame_lasts_as_long_as_told(tmp_path):
    encode(pan(3, 1, 1, 48, 64), tmp_path / "a.mp4", times=[0, 0.1, 0.2, 0.9])
    assert read(tmp_path / "a.mp4")[1] == pytest.approx(0.9)


def test_times_that_cannot_be_written(tmp_path):
    for times, name, codec, message in (
        ([0, 0.1], "a.mp4", "h264", "more frames"),
        ([0, 0.1, 0.2, 0.3, 0.4], "a.mp4", "h264", "5 times for 3 frames"),
        ([0, 0.2, 0.1], "a.mp4", "h264", "increase"),
        ([0, 0.1, 0.1], "a.mp4", "h264", "increase"),
        ([-0.1, 0, 0.1], "a.mp4", "h264", "from 0"),
        ([0, 1, 2], "a.avi", "mpeg4", "cannot hold times"),
        ([0, 1, 2], "a.264", "h264", "cannot hold times"),
        ([0, 1, 2], "a.mpg", "mpeg2video", "cannot hold times"),
    ):
        with pytest.raises(ValueError, match=message):
            encode(pan(3, 1, 1, 48, 64), tmp_path / name, codec=codec, times=times)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("times", [CUT, HOLES], ids=["cut", "holes"])
@pytest.mark.parametrize("start", [0, 1.4004])
@pytest.mark.parametrize("b_frames", ["0", "2"])
@pytest.mark.parametrize("ending", ["mp4", "mkv", "ts", "flv"])
def test_transcoding_keeps_each_time(tmp_path, ending, b_frames, start, times):
    path = write(tmp_path / f"a.{ending}", times + start, last=1 / 60, bf=b_frames)
    before, lasts, tick = read(path)
    transcode(path, tmp_path / "b.mp4")
    after, duration, _ = read(tmp_path / "b.mp4")
    assert after == pytest.approx(before, abs=float(tick))
    assert duration == pytest.approx(lasts, abs=2 * float(tick))


def test_times_of_every_clock_are_kept(tmp_path):
    for tick, name in (
        (Fraction(1, 10_000_000), "a.mov"),
        (Fraction(1, 600), "a.mp4"),
        (Fraction(1001, 60000), "a.mp4"),
    ):
        steps = np.random.default_rng(1).integers(1, 90, 30) * max(1, round(0.002 / tick))
        times = [place * tick for place in np.cumsum(steps).tolist()]
        before = read(write(tmp_path / name, times, tick=tick))[0]
        for ending, most in (("mp4", tick), ("mkv", Fraction(1, 1000))):
            transcode(tmp_path / name, tmp_path / f"b.{ending}")
            assert read(tmp_path / f"b.{ending}")[0] == pytest.approx(before, abs=float(most))
        transcode(tmp_path / name, tmp_path / "c.mp4", codec="mpeg4")
        assert read(tmp_path / "c.mp4")[0] == pytest.approx(before, abs=1 / 60000)


@pytest.mark.parametrize("start", [0, 1.4004])
def test_an_even_rate_stays_one_whatever_the_clock_has_rounded(tmp_path, start):
    path = write(tmp_path / "a.mkv", [start + i / NTSC for i in range(60)], rate=NTSC, bf="2")
    before = read(path)[0]
    transcode(path, tmp_path / "b.mp4")
    with CompressedVideo(tmp_path / "b.mp4") as video:
        assert video.info.average_rate == video.info.nominal_rate == NTSC
        assert np.diff(video.times) == pytest.approx(float(1 / NTSC), abs=1e-9)
        assert video.times == pytest.approx(before, abs=0.0011)


def test_a_raw_stream_is_written_at_the_rate_of_its_headers(tmp_path):
    encode(pan(12, 1, 1, 48, 64), tmp_path / "a.264", fps=NTSC)
    transcode(tmp_path / "a.264", tmp_path / "b.mp4")
    assert read(tmp_path / "b.mp4")[0] == pytest.approx(np.arange(12) / float(NTSC))


@pytest.mark.parametrize("start", [0, 1.4])
@pytest.mark.parametrize(("ending", "codec"), [("mp4", "h264"), ("avi", "mpeg4"), ("264", "h264")])
def test_a_constant_rate_follows_the_clock(tmp_path, ending, codec, start):
    """Each step shows the frame that is due: the time at which a frame is first seen does not drift."""
    times = np.r_[0:10, 12:40:4, 100:110] / 30
    path = tmp_path / "a.mkv"
    encode(numbered(times), path, fps=30, times=times + start, codec="h264", quantizer=8)
    for rate in (True, 30, 7, NTSC):
        transcode(path, tmp_path / f"b.{ending}", constant_rate=rate, codec=codec)
        with CompressedVideo(tmp_path / f"b.{ending}") as video, CompressedVideo(path) as source:
            fps = 30 if rate is True else rate
            assert video.info.average_rate == video.info.nominal_rate == fps
            assert video.info.frames == pytest.approx(source.info.duration * float(fps), abs=1)
            if ending == "mp4":
                assert video.times[0] == pytest.approx(source.times[0], abs=1e-4)
            shown = [int(image.mean()) for image in video.frames()]
            levels = np.array([int(image.mean()) for image in source.frames()])
            for when, level in zip(video.times - video.times[0], shown, strict=True):
                due = np.abs(levels - level).argmin()
                lasts = np.append(times, times[0] + source.info.duration)
                assert times[due] - 0.51 / fps <= when <= lasts[due + 1] + 0.51 / fps


def test_avi_shows_a_variable_rate_by_the_clock(tmp_path):
    path = write(tmp_path / "a.mkv", CUT, last=1 / 60)
    assert main(["transcode", str(path), "--out", str(tmp_path / "out"), "--codec", "mpeg4"]) == 0
    times, duration, _ = read(tmp_path / "out/a.avi")
    assert np.diff(times) == pytest.approx(1 / 60) and duration == pytest.approx(CUT[-1] + 1 / 60, abs=0.02)


def test_the_shell_takes_a_rate(tmp_path, capsys):
    path = write(tmp_path / "a.mkv", CUT, last=1 / 60)
    out = tmp_path / "out"
    for words, rate in (([], None), (["--constant-rate"], 60), (["--constant-rate", "30000/1001"], NTSC)):
        assert main(["transcode", str(path), "--out", str(out), *words]) == 0
        assert "as it was" not in capsys.readouterr().out
        with CompressedVideo(out / "a.mp4") as video:
            assert (video.info.nominal_rate == video.info.average_rate) == (rate is not None)
            assert video.info.nominal_rate == (rate or 60)
    assert main(["transcode", str(path), "--out", str(out), "--constant-rate", "30000/1001"]) == 0
    assert "as it was" in capsys.readouterr().out
    assert is_transcoded(path, out / "a.mp4", codec="h264", constant_rate=NTSC)
    assert not is_transcoded(path, out / "a.mp4", codec="h264", constant_rate=True)
    for word in ("0", "videos", "1/0", "-3", "nan"):
        assert main(["transcode", str(path), "--out", str(out), f"--constant-rate={word}"]) == 2
        assert capsys.readouterr().err.count("\n") == 1
    for rate in (0, -1, float("nan"), float("inf")):
        with pytest.raises((ValueError, VideoError), match="constant rate"):
            transcode(path, out / "c.mp4", constant_rate=rate)
