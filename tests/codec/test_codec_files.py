"""Files of other kinds: cut, with sound, of other pixel formats, behind a web server, very long."""

import functools
import http.server
import os
import subprocess
import sys
import threading
from fractions import Fraction

import av
import numpy as np
import pytest
from material import pan
from test_codec_doors import FRAMES, make_files, same

from cvrl_lite import CompressedVideo, UnreadableFile
from cvrl_lite.codec import encode


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return make_files(tmp_path_factory.mktemp("files"))


@pytest.mark.parametrize("cut", [0, 5, 12, 15])
def test_a_file_cut_by_an_edit_list_shows_what_players_show(files, tmp_path, cut):
    """Also where the cut lies between key frames: decoding begins before it."""
    options = {"avoid_negative_ts": "disabled", "use_editlist": "1"}
    with av.open(str(files / "b.mp4")) as old, av.open(str(tmp_path / "a.mp4"), "w", options=options) as new:
        copy = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.size:
                shift = int(cut / 25 / packet.time_base)
                packet.pts, packet.dts, packet.stream = packet.pts - shift, packet.dts - shift, copy
                new.mux(packet)
    with CompressedVideo(tmp_path / "a.mp4") as video, CompressedVideo(files / "b.mp4") as plain:
        with av.open(str(tmp_path / "a.mp4")) as container:
            assert video.info.frames == sum(1 for _ in container.decode(video=0)) == FRAMES - cut
        assert np.allclose(video.times, np.arange(FRAMES - cut) / 25)
        assert np.array_equal(video.clip(0, FRAMES - cut), plain.clip(cut, FRAMES - cut))
        assert np.array_equal(video.clip(20, 4), plain.clip(20 + cut, 4))
        assert same(video.motion(), plain.motion(cut))
        keys = [k - cut for k in plain.keyframes().indices if k >= cut]
        assert video.keyframes().indices.tolist() == keys
        assert sum(video.info.gop_lengths) == FRAMES - cut
        assert not video.damage


def test_sound_beside_the_pictures_changes_nothing(files, tmp_path):
    with av.open(str(files / "b.mp4")) as old, av.open(str(tmp_path / "a.mkv"), "w") as new:
        sound = new.add_stream("aac", rate=8000, layout="mono")
        copy = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.size:
                packet.stream = copy
                new.mux(packet)
        for i in range(16):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            frame.sample_rate, frame.pts = 8000, 1024 * i
            new.mux(sound.encode(frame))
        new.mux(sound.encode(None))
    with CompressedVideo(tmp_path / "a.mkv") as video, CompressedVideo(files / "b.mp4") as plain:
        assert video.info.stream == 1 and video.info.streams == ("audio aac", "video h264")
        assert np.array_equal(video.clip(13, 20), plain.clip(13, 20))
        assert same(video.motion(), plain.motion()) and not video.damage


@pytest.mark.parametrize("pixel_format", ["yuv420p10le", "yuv444p", "yuv422p"])
def test_other_pixel_formats(tmp_path, pixel_format):
    options = {"profile": "high10"} if "10" in pixel_format else None
    frames = pan(12, 2, 1, 48, 64)
    encode(frames, tmp_path / "a.mp4", pixel_format=pixel_format, options=options, crf=10)
    with CompressedVideo(tmp_path / "a.mp4") as video:
        assert video.info.pixel_format == pixel_format
        assert np.abs(video.clip(0, 12).mean(3) - frames.mean(3)).mean() < 5
        assert np.median(video.motion(1).vectors, axis=(0, 2, 3)).tolist() == [-2, -1]
        rest = video.residuals(1)
        assert rest.values.shape == (11, 48, 64) and np.abs(rest.values).mean() < 8


@pytest.fixture(scope="module")
def server(files):
    """The address of a local web server that hands out the files."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            """With ranges, as object stores have them."""
            span = self.headers.get("Range")
            path = self.translate_path(self.path)
            if not span or not os.path.isfile(path):
                return super().do_GET()
            with open(path, "rb") as file:
                data = file.read()
            first, last = span.removeprefix("bytes=").split("-")
            piece = data[int(first) : int(last or len(data)) + 1]
            self.send_response(206)
            self.send_header("Content-Length", str(len(piece)))
            self.send_header("Content-Range", f"bytes {first}-{int(first) + len(piece) - 1}/{len(data)}")
            self.end_headers()
            self.wfile.write(piece)
            return None

        def end_headers(self):
            self.send_header("Accept-Ranges", "bytes")
            super().end_headers()

    handler = functools.partial(Quiet, directory=str(files))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{made.server_port}"
        made.shutdown()


@pytest.mark.parametrize("name", ["b.mp4", "known.mkv", "b.avi"])
@pytest.mark.parametrize("block", [4096, 1 << 20])
def test_a_video_is_read_through_a_web_server(files, server, name, block):
    fsspec = pytest.importorskip("fsspec")
    pytest.importorskip("aiohttp")
    with (
        fsspec.open(f"{server}/{name}", block_size=block) as file,
        CompressedVideo(file) as far,
        CompressedVideo(files / name) as near,
    ):
        found, expected = far.info.as_dict(), near.info.as_dict()
        assert name in found["file"] or "HTTP" in found["file"]
        assert {**found, "file": ""} == {**expected, "file": ""}
        assert same(far.motion(), near.motion()) and np.array_equal(far.clip(21, 9), near.clip(21, 9))
        assert same(far.keyframes(), near.keyframes()) and not far.damage
    with pytest.raises(UnreadableFile):
        CompressedVideo(f"{server}/{name}")  # a path is a path, never an address


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is read from /proc")
def test_a_long_file_is_read_in_flat_memory(tmp_path):
    encode(pan(250, 1, 1, 240, 320), tmp_path / "a.264", gop=50)
    long = tmp_path / "long.264"
    long.write_bytes((tmp_path / "a.264").read_bytes() * 10)
    with av.open(str(tmp_path / "a.264")) as old, av.open(str(tmp_path / "long.mkv"), "w") as new:
        copy = new.add_stream_from_template(old.streams.video[0])
        held = [bytes(packet) for packet in old.demux(video=0) if packet.size]
        for i in range(2500):
            packet = av.Packet(held[i % 250])
            packet.pts = packet.dts = i
            packet.time_base, packet.stream, packet.is_keyframe = Fraction(1, 25), copy, i % 50 == 0
            new.mux(packet)
    code = (
        "import sys; from cvrl_lite import CompressedVideo\n"
        "peak = lambda: [int(l.split()[1]) for l in open('/proc/self/status') if l.startswith('VmHWM')][0]\n"
        "with CompressedVideo(sys.argv[1]) as video:\n"
        "    first, count = 0, 0\n"
        "    for chunk in video.chunks(64, ('images', 'keyframes', 'motion', 'residuals')):\n"
        "        count += len(chunk.motion.mask)\n"
        "        first = first or peak() * (count > 500)\n"
        "    print(video.info.frames, count, first, peak())"
    )
    for path in (long, tmp_path / "long.mkv"):
        done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
        frames, count, first, last = map(int, done.stdout.split())
        assert frames == count == 2500
        assert last - first < 40_000, done.stdout  # kB; all frames would be 575,000
