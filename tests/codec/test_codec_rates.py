"""Rates and times: what most frames keep to, the average, and the headers of raw streams."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from material import pan

from cvrl_lite.codec import CompressedVideo, encode
from cvrl_lite.codec._stream.rates import average_rate, nominal_rate

NTSC = Fraction(30000, 1001)
ODD = Path(__file__).parents[3] / "shared/videos/odd"
CUT = np.r_[0:60, 60:300:12] / 60  # 60 a second, then 5


def write(
    path: Path,
    times: np.ndarray | list[float],
    *,
    codec: str = "libx264",
    tick: Fraction = Fraction(1, 90000),
    last: float = 0,
    rate: Fraction | int = 30,
    form: str | None = None,
    **options: str,
) -> Path:
    """A file whose frames have these times, by PyAV alone; the last one lasts `last` seconds."""
    with av.open(str(path), "w", format=form) as container:
        stream = container.add_stream(codec, rate=rate, options=options)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = tick
        stamps = [round(Fraction(time) / tick) for time in times]
        packets = []
        for stamp, image in zip(stamps, pan(len(stamps), 1, 1, 48, 64), strict=True):
            frame = av.VideoFrame.from_ndarray(image, "rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = stamp, tick
            packets += stream.encode(frame)
        for packet in (*packets, *stream.encode(None)):
            if last and packet.pts == stamps[-1]:
                packet.duration = round(Fraction(last) / tick)
            container.mux(packet)
    return path


def rates(path: Path) -> tuple[Fraction, Fraction, float, bool]:
    with CompressedVideo(path) as video:
        info = video.info
        assert abs(info.duration - info.frames / info.average_rate) <= max(0.002, 2 * info.time_base)
        return info.average_rate, info.nominal_rate, info.duration, info.has_timestamps


@pytest.mark.parametrize("ending", ["mp4", "mkv", "webm", "ts", "flv", "mov"])
def test_a_variable_rate_has_an_average_of_its_own(tmp_path, ending):
    if ending == "webm":
        path = write(tmp_path / "a.webm", CUT, codec="libvpx-vp9", **{"cpu-used": "8"})
    else:
        path = write(tmp_path / f"a.{ending}", CUT, last=1 / 60)
    average, nominal, duration, stamped = rates(path)
    lasts = CUT[-1] + (1 / 60 if ending != "webm" else 0.2)
    assert nominal == 60 and stamped
    assert duration == pytest.approx(lasts, abs=0.2 if ending == "webm" else 0.002)
    assert average == pytest.approx(len(CUT) / duration, rel=1e-5) and 15 < average < 17


@pytest.mark.parametrize("rate", [NTSC, 24, Fraction(24000, 1001), 25, 60, 50, 15, 10, 240, Fraction(25, 2)])
@pytest.mark.parametrize("ending", ["mkv", "mp4", "ts", "flv"])
def test_a_constant_rate_is_exact_whatever_the_clock(tmp_path, ending, rate):
    encode(pan(60, 1, 1, 48, 64), tmp_path / f"a.{ending}", fps=rate)
    average, nominal, duration, _ = rates(tmp_path / f"a.{ending}")
    assert (average, nominal) == (rate, rate) and duration == pytest.approx(float(60 / rate), abs=0.002)


@pytest.mark.parametrize("codec", ["mpeg4", "libx264"])
def test_frames_left_out_of_an_avi_count_in_its_average(tmp_path, codec):
    times = [place / 25 for place in range(100) if place % 5 < 4]
    path = write(tmp_path / "a.avi", times, codec=codec, tick=Fraction(1, 25))
    average, nominal, duration, _ = rates(path)
    assert (nominal, average) == (25, pytest.approx(len(times) / (times[-1] - times[0] + 1 / 25)))
    assert duration == pytest.approx(times[-1] - times[0] + 1 / 25)


def test_a_cut_file_keeps_its_rate(tmp_path):
    """B-frames are cut away between the first key frame and the next packet; all shown steps are equal."""
    write(tmp_path / "whole.mp4", [i / NTSC for i in range(40)], rate=NTSC, tick=1 / NTSC, bf="3")
    with av.open(str(tmp_path / "whole.mp4")) as old, av.open(str(tmp_path / "cut.mp4"), "w") as new:
        source = old.streams.video[0]
        stream = new.add_stream_from_template(source)
        for number, packet in enumerate(old.demux(source)):
            if packet.size:
                packet.dts -= round(6 / NTSC / source.time_base) * (number == 0)
                packet.stream = stream
                new.mux(packet)
    with av.open(str(tmp_path / "cut.mp4")) as container:
        assert container.streams.video[0].average_rate / NTSC < 0.9  # what its table of packets comes to
    with CompressedVideo(tmp_path / "cut.mp4") as video:
        assert np.diff(video.times) == pytest.approx(float(1 / NTSC))
        assert video.info.average_rate == video.info.nominal_rate == NTSC


@pytest.mark.parametrize("rate", [NTSC, 25, 50, 12, 24, Fraction(24000, 1001)])
@pytest.mark.parametrize(
    ("codec", "ending"),
    [("libx264", "h264"), ("libx265", "hevc"), ("mpeg2video", "mpeg2video"), ("mpeg4", "m4v")],
)
def test_a_raw_stream_has_the_rate_of_its_headers(tmp_path, codec, ending, rate):
    if codec == "mpeg2video" and rate == 12:
        pytest.skip("MPEG-2 has no such rate")
    options = {"x265-params": "log-level=none"} if codec == "libx265" else {"bf": "2"}
    times = [place / Fraction(rate) for place in range(20)]
    path = write(
        tmp_path / "a.bin", times, codec=codec, rate=rate, tick=1 / Fraction(rate), form=ending, **options
    )
    with CompressedVideo(path) as video:
        assert video.info.frames == 20
        assert video.times == pytest.approx(np.arange(20) / float(rate))
    assert rates(path) == (rate, rate, pytest.approx(float(20 / rate)), False)


def test_a_raw_stream_of_fields_counts_frames(tmp_path):
    path = write(tmp_path / "a.264", [i / NTSC for i in range(9)], tick=1 / NTSC, **{"x264-params": "tff=1"})
    assert rates(path)[:2] == (NTSC, NTSC)


def test_a_raw_stream_without_a_rate_is_taken_for_25(tmp_path):
    with CompressedVideo(
        write(tmp_path / "a.mjpeg", [0, 1, 2], codec="mjpeg", tick=Fraction(1), strict="-1")
    ) as video:
        assert (video.info.nominal_rate, video.info.has_timestamps) == (25, False)


def test_a_camera_that_keeps_no_exact_time(tmp_path):
    random = np.random.default_rng(0)
    times = np.arange(90) / 30 + random.uniform(-2e-4, 2e-4, 90)
    average, nominal, *_ = rates(write(tmp_path / "a.mp4", times - times[0]))
    assert nominal == 30 and abs(average - 30) < 0.1


def test_one_frame_has_a_rate(tmp_path):
    assert rates(write(tmp_path / "a.mp4", [0], last=0.5))[:3] == (2, 2, 0.5)
    encode(pan(1, 1, 1, 48, 64), tmp_path / "a.264", fps=NTSC)
    assert rates(tmp_path / "a.264")[:2] == (NTSC, NTSC)


def test_a_rate_no_header_knows_is_measured():
    assert nominal_rate(np.arange(50) * 700, Fraction(1, 10000)) == Fraction(100, 7)
    assert nominal_rate(np.array([5]), Fraction(1, 1000)) == 25
    assert average_rate(99, 4.0, Fraction(25), Fraction(1, 25)) == Fraction(
        99, 4
    )  # one of a hundred left out


def test_the_index_on_disk_keeps_the_rate(tmp_path):
    path = write(tmp_path / "a.mkv", CUT, last=1 / 60)
    for _ in range(2):
        with CompressedVideo(path, cache=tmp_path / "cache") as video:
            assert video.info.nominal_rate == 60 and 15 < video.info.average_rate < 17


@pytest.mark.skipif(not ODD.exists(), reason="the shared clips are not here")
def test_odd_files():
    for name, average, nominal, stamped in (
        ("vfr.mkv", 230 / 12.816, 60, True),
        ("dv.dv", 25, 25, True),
        ("rate_in_sps.264", NTSC, NTSC, False),
    ):
        found = rates(ODD / name)
        assert found[0] == pytest.approx(float(average), abs=1e-6) and found[1::2] == (nominal, stamped)


@pytest.mark.parametrize("rate", [Fraction(60000, 1001), Fraction(120000, 1001), 300, 480, 960])
@pytest.mark.parametrize(("ending", "codec"), [("mkv", "mpeg4"), ("webm", "libvpx"), ("flv", "libx264")])
def test_a_fast_rate_is_found_though_its_steps_are_few_milliseconds(tmp_path, ending, codec, rate):
    if codec == "mpeg4" and rate == Fraction(120000, 1001):
        pytest.skip("MPEG-4 counts no such steps")
    times = [place / Fraction(rate) for place in range(40)]
    path = write(tmp_path / f"a.{ending}", times, codec=codec, rate=rate, tick=1 / Fraction(rate))
    assert rates(path)[:2] == (rate, rate)


def test_a_clock_that_has_rounded_an_even_row():
    for tick, rate, frames in (
        (Fraction(1, 600), Fraction(240), 400),  # a phone's slow motion by QuickTime's clock
        (Fraction(1, 1000), Fraction(300), 40),
        (Fraction(1, 1000), Fraction(480), 40),
        (Fraction(1, 1000), Fraction(960), 900),
    ):
        stamps = np.array([int(place / rate / tick + Fraction(1, 2)) for place in range(frames)])
        assert nominal_rate(stamps, tick) == rate
    left_out = np.array([place for place in range(100) if place % 7])
    assert nominal_rate(left_out, Fraction(1, 25)) == 25
    assert nominal_rate(left_out * 4, Fraction(1, 1000)) == 250


def test_the_codec_s_header_comes_before_a_guess():
    stamps = np.array([round(1000 * place * 1001 / 120000) for place in range(40)])
    assert nominal_rate(stamps, Fraction(1, 1000), (Fraction(120000, 1001), Fraction(120))) == Fraction(
        120000, 1001
    )


def test_a_coarse_clock_keeps_its_own_average():
    """A GIF counts hundredths of a second: 0, 3 and 7 of them, and 3 more."""
    assert average_rate(3, 0.1, Fraction(100, 3), Fraction(1, 100)) == 30
