"""The real clips: what their manifest counts, and equality with slow and sequential readings."""

import subprocess
import sys
from functools import cache

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from material import exported_records

from cvrl_lite import CompressedVideo, NoMotionVectors

COUNTS = {  # codec, width, height, I, P, B
    "imageio_realshort.mp4": ("h264", 320, 240, 2, 34, 0),
    "imageio_test.webm": ("h264", 640, 480, 2, 92, 0),
    "intel_asl_again.mkv": ("h264", 640, 480, 1, 19, 57),
    "intel_bottle.mp4": ("h264", 640, 360, 5, 303, 881),
    "mvx_vid_h264.264": ("h264", 640, 360, 3, 183, 151),
    "mvx_vid_h264.mp4": ("h264", 1280, 720, 3, 334, 0),
    "mvx_vid_mpeg4_part2.mp4": ("mpeg4", 1280, 720, 30, 307, 0),
    "skv_bigbuckbunny.mp4": ("h264", 1280, 720, 1, 131, 0),
    "skv_bikes.mp4": ("h264", 640, 272, 6, 69, 175),
    "tc_av1_video.mkv": ("av1", 640, 360, 1, 124, 0),
    "tc_h264_10bits.mp4": ("h264", 200, 200, 1, 8, 21),
    "tc_h265_video.mp4": ("hevc", 128, 128, 5, 2, 3),
    "tc_nasa_13013.mp4": ("h264", 320, 180, 2, 138, 185),
}
RECORDS = {  # exported vectors: past, future
    "imageio_realshort.mp4": (12211, 0),
    "intel_bottle.mp4": (911625, 748924),
    "mvx_vid_h264.mp4": (1289478, 0),
    "mvx_vid_mpeg4_part2.mp4": (1063152, 0),
    "skv_bigbuckbunny.mp4": (528955, 0),
    "skv_bikes.mp4": (147870, 95548),
    "intel_asl_again.mkv": (83941, 57470),
}
TOTALS = {"mvx_vid_h264.264": 490619, "imageio_test.webm": 129846, "tc_h264_10bits.mp4": 8953}
QUICK = [
    "imageio_realshort.mp4",
    "intel_asl_again.mkv",
    "skv_bikes.mp4",
    "tc_h264_10bits.mp4",
    "tc_nasa_13013.mp4",
]


def quick_first(names):
    return [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in names]


@pytest.mark.parametrize("name", quick_first(COUNTS))
def test_the_counts_of_the_manifest(real_videos, name):
    codec, width, height, *counts = COUNTS[name]
    with CompressedVideo(real_videos / name) as video:
        info = video.info
        assert (info.codec, info.width, info.height) == (codec, width, height)
        assert info.frames == sum(counts) == sum(info.gop_lengths)
        assert video.picture_counts == dict(zip("IPB", counts, strict=True))
        assert info.has_timestamps == (name != "mvx_vid_h264.264")
        assert info.has_vectors == (codec in ("h264", "mpeg4"))
        assert len(info.gop_lengths) == len(video.keyframes().indices)


@pytest.mark.parametrize("name", quick_first({**RECORDS, **TOTALS}))
def test_every_vector_record_is_read(real_videos, name):
    with CompressedVideo(real_videos / name) as video:
        source = np.concatenate([held["source"] for held in exported_records(video)])
    past, future = int((source < 0).sum()), int((source > 0).sum())
    if name in RECORDS:
        assert (past, future) == tuple(RECORDS[name])
    else:
        assert past + future == TOTALS[name]


def test_the_first_video_stream_is_not_the_one_ffmpeg_calls_best(real_videos):
    path = real_videos / "tc_nasa_13013.mp4"
    with CompressedVideo(path) as video:
        assert (video.info.stream, video.info.width, video.info.frames) == (0, 320, 325)
        assert video.info.streams[3] == "video h264"
    with CompressedVideo(path, stream=3) as video:
        assert (video.info.stream, video.info.width, video.info.frames) == (3, 480, 390)
        assert video.motion(100, 104).mask.shape == (4, 34, 60)


@pytest.mark.parametrize("name", ["tc_h265_video.mp4", "tc_av1_video.mkv"])
def test_no_vectors_but_pictures(real_videos, name):
    with CompressedVideo(real_videos / name) as video:
        with pytest.raises(NoMotionVectors, match=name):
            video.motion()
        assert video.keyframes().images.ndim == 4
        whole = np.stack(list(video.frames(0, 10, size=64)))
        assert np.array_equal(video.clip(4, 5, size=64), whole[4:9])


@cache
def reading(path):
    with CompressedVideo(path) as video:
        images = np.stack(list(video.frames(size=48)))
        return images, {d: video.motion(direction=d) for d in ("past", "future")}


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["skv_bikes.mp4", "intel_asl_again.mkv", "tc_nasa_13013.mp4", "tc_h264_10bits.mp4"]
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), direction=st.sampled_from(["past", "future"]))
def test_any_place_equals_the_slice(real_videos, name, data, direction):
    images, motions = reading(real_videos / name)
    start = data.draw(st.integers(0, len(images) - 1))
    stride = data.draw(st.integers(1, 4))
    count = data.draw(st.integers(1, min(16, (len(images) - 1 - start) // stride + 1)))
    with CompressedVideo(real_videos / name) as video:
        clip = video.clip(start, count, stride, size=48)
        motion = video.motion(start, start + count, direction)
    assert np.array_equal(clip, images[start : start + (count - 1) * stride + 1 : stride])
    whole = motions[direction]
    assert all(np.array_equal(a, b[start : start + count]) for a, b in zip(motion, whole, strict=True))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is read from /proc")
def test_memory_stays_flat(real_videos):
    """A pass over 720p frames leaves none of them behind (frame.side_data would keep hundreds)."""
    code = (
        "import sys; from cvrl_lite import CompressedVideo\n"
        "with CompressedVideo(sys.argv[1]) as video:\n"
        "    for start in range(0, 300, 50):\n"
        "        video.motion(start, start + 50)\n"
        "print([line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')][0])"
    )
    path = real_videos / "mvx_vid_h264.mp4"
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 280_000  # kB; 300 frames of 1.4 MB would be 420
