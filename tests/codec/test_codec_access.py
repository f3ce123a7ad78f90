import io
import pickle
from fractions import Fraction

import av
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from material import noise, pack_b_pictures, pan, remux, texture

from cvrl_lite import CompressedVideo, VideoError
from cvrl_lite.codec import encode, transcode
from cvrl_lite.codec._stream.headers import Mpeg4FrameTypeParser

KINDS = {
    "simple.mp4": {"gop": 12},
    "b.mp4": {"gop": 15, "b_frames": 3, "references": 3},
    "open.mkv": {
        "gop": 15,
        "b_frames": 3,
        "options": {"x264-params": "open-gop=1:keyint=15:bframes=3:b-adapt=0"},
    },
    "raw.264": {"gop": 15, "b_frames": 2},
    "b.avi": {"codec": "mpeg4", "gop": 10, "b_frames": 2},
    "b4.mp4": {"codec": "mpeg4", "gop": 10, "b_frames": 2},
    "b.mpg": {"codec": "mpeg2video", "gop": 10, "b_frames": 2},
    "b.ts": {"gop": 10, "b_frames": 2},
    "hevc.mp4": {"codec": "hevc", "gop": 12, "b_frames": 3},
}
FRAMES = 50


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("access")
    frames = np.concatenate([pan(20, 3, 1, 64, 80), pan(FRAMES - 20, -2, 2, 64, 80, seed=1)])
    for name, how in KINDS.items():
        encode(frames, folder / name, **how)
    return folder


@pytest.fixture(scope="session")
def readings(files):
    """Each file read from start to end."""
    found = {}
    for name in KINDS:
        with CompressedVideo(files / name) as video:
            images = np.stack(list(video.frames()))
            motion = (
                {d: video.motion(direction=d) for d in ("past", "future")} if video.info.has_vectors else {}
            )
            found[name] = images, motion
    return found


@pytest.mark.parametrize("name", KINDS)
def test_every_frame_is_there_and_in_order(files, readings, name):
    with av.open(str(files / name)) as container:
        plain = [f.to_ndarray(format="rgb24") for f in container.decode(video=0)]
    assert len(plain) == len(readings[name][0]) == FRAMES
    assert np.abs(np.stack(plain).astype(int) - readings[name][0]).max() <= 3  # another scaler setting


@pytest.mark.parametrize("name", KINDS)
@given(start=st.integers(0, FRAMES - 1), count=st.integers(1, 20), stride=st.integers(1, 5))
def test_a_clip_anywhere_equals_the_slice(files, readings, name, start, count, stride):
    count = min(count, (FRAMES - 1 - start) // stride + 1)
    with CompressedVideo(files / name) as video:
        clip = video.clip(start, count, stride)
        again = video.clip(start, count, stride)  # by seeking in a decoder that was used
    expected = readings[name][0][start : start + (count - 1) * stride + 1 : stride]
    assert np.array_equal(clip, expected) and np.array_equal(again, expected)


@pytest.mark.parametrize("name", [name for name in KINDS if "hevc" not in name])
@given(data=st.data(), direction=st.sampled_from(["past", "future"]))
def test_motion_anywhere_equals_the_slice(files, readings, name, data, direction):
    start = data.draw(st.integers(0, FRAMES))
    stop = data.draw(st.integers(start, FRAMES))
    with CompressedVideo(files / name) as video:
        part = video.motion(start, stop, direction)
    whole = readings[name][1][direction]
    assert all(np.array_equal(a, b[start:stop]) for a, b in zip(part, whole, strict=True))


@pytest.mark.parametrize("name", KINDS)
def test_keyframes_are_the_frames_flagged_as_such(files, readings, name):
    with av.open(str(files / name)) as container:
        flagged = [i for i, f in enumerate(container.decode(video=0)) if f.key_frame]
    with CompressedVideo(files / name) as video:
        keys = video.keyframes()
        assert keys.indices.tolist() == flagged
        assert np.array_equal(keys.images, readings[name][0][flagged])
        assert np.array_equal(keys.times, video.times[flagged])
        assert sum(video.info.gop_lengths) == FRAMES and len(video.info.gop_lengths) == len(flagged)


def test_each_frame_has_the_bytes_of_its_packet(files):
    with av.open(str(files / "b.mp4")) as container:
        sizes = {packet.pts: packet.size for packet in container.demux(video=0) if packet.size}
    with CompressedVideo(files / "b.mp4") as video:
        info = video.info
        assert info.frame_bytes == tuple(sizes[pts] for pts in sorted(sizes))
        types = video.picture_types
        assert types.startswith("I") and len(types) == FRAMES
        assert video.picture_bytes["B"] == sum(
            size for kind, size in zip(types, info.frame_bytes) if kind == "B"
        )
        assert sum(video.picture_bytes.values()) == sum(sizes.values())
    with CompressedVideo(files / "raw.264") as video:
        assert video.info.frame_bytes == () and video.picture_bytes is None


def test_what_a_file_says_about_itself(files):
    with CompressedVideo(files / "b.mp4") as video:
        info = video.info
        assert (info.codec, info.width, info.height, info.frames) == ("h264", 80, 64, FRAMES)
        assert (info.duration, info.average_rate, info.display_matrix) == (2.0, 25.0, None)
        assert info.gop_lengths == (15, 15, 15, 5)
        assert sum(video.picture_counts.values()) == FRAMES and video.picture_counts["B"] > 10
        assert info.has_vectors and info.has_timestamps and info.streams == ("video h264",)
        assert video.summary()["picture_counts"] == video.picture_counts
        copy = pickle.loads(pickle.dumps(info))
        assert copy == info and copy.as_dict() == info.as_dict()
        with pytest.raises(AttributeError):
            info.frames = 3
    with CompressedVideo(files / "raw.264") as video:
        assert not video.info.has_timestamps and video.info.frames == FRAMES
        assert np.allclose(video.times, np.arange(FRAMES) / 25)


def test_times_are_timestamps_also_at_a_variable_rate(tmp_path):
    pts = np.cumsum([0, *[1, 2, 3] * 6, 1])
    with av.open(str(tmp_path / "vfr.mkv"), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"bf": "2", "g": "8"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for stamp, image in zip(pts, pan(20, 2, 0, 48, 64), strict=True):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = int(stamp), Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with CompressedVideo(tmp_path / "vfr.mkv") as video:
        assert np.allclose(video.times, pts / 25)
        assert np.array_equal(video.clip(at=pts[7] / 25 + 0.01, frames=3), video.clip(7, 3))
        assert np.array_equal(video.clip(at=0, frames=1), video.clip(0, 1))
        for outside in (-0.1, 60.0):
            with pytest.raises(IndexError, match=r"vfr\.mkv"):
                video.clip(at=outside, frames=1)


def test_packed_b_pictures_come_in_their_order(tmp_path):
    """AVI as DivX and XviD wrote it, UCF101 for one: packets and frames are not the same there."""
    encode(pan(24, 2, 1), tmp_path / "a.m4v", codec="mpeg4", b_frames=2, gop=100)
    pack_b_pictures(tmp_path / "a.m4v", tmp_path / "packed.avi")
    encode(pan(24, 2, 1), tmp_path / "a.mp4", codec="mpeg4", b_frames=2, gop=100)
    with CompressedVideo(tmp_path / "packed.avi") as packed, CompressedVideo(tmp_path / "a.mp4") as plain:
        assert packed.info.frames == plain.info.frames == 24
        assert packed.picture_counts == plain.picture_counts
        assert np.array_equal(packed.clip(0, 24), plain.clip(0, 24))
        assert np.array_equal(packed.clip(11, 4, 3), plain.clip(11, 4, 3))
        for a, b in zip(packed.motion(3, 20), plain.motion(3, 20), strict=True):
            assert np.array_equal(a, b)


def test_packed_frames_count_where_the_user_data_let_a_decoder_see_them(tmp_path):
    encode(pan(24, 2, 1), tmp_path / "a.m4v", codec="mpeg4", b_frames=2, gop=100)
    pack_b_pictures(tmp_path / "a.m4v", tmp_path / "packed.avi")
    data = (tmp_path / "packed.avi").read_bytes()
    (tmp_path / "hidden.avi").write_bytes(data.replace(b"DivX503b1393p", b"DivX503b1393n"))
    counts = []
    for name in ("packed.avi", "hidden.avi"):
        with av.open(str(tmp_path / name)) as container:
            delivered = sum(1 for _ in container.decode(video=0))
        with CompressedVideo(tmp_path / name) as video:
            counts.append((delivered, video.info.frames, len(list(video.frames()))))
    assert counts == [(24, 24, 24), (16, 16, 16)]


def test_pictures_that_are_not_coded_do_not_count():
    layer = bytes.fromhex("000001b0f1000001b5a9130000010000000120 08d48d0800cd04040c14183f")
    coded, not_coded = bytes.fromhex("000001b6 506f"), bytes.fromhex("000001b6 504f")
    packed = b"\0\0\1\xb2DivX503b1393p"
    parser = Mpeg4FrameTypeParser(layer + packed)
    found = [parser.parse(data) for data in (coded, not_coded, coded + coded, b"\x7f")]
    assert found == ["P", "", "PP", ""]
    assert Mpeg4FrameTypeParser(layer).parse(coded + coded) == "P"  # a decoder ignores the second one
    assert Mpeg4FrameTypeParser(b"").parse(layer + packed + coded + coded) == "PP"
    assert Mpeg4FrameTypeParser(b"").parse(layer + coded + not_coded) == "P"


def test_clips_have_the_size_asked_for(files):
    with CompressedVideo(files / "simple.mp4") as video:
        assert video.clip(0, 2, size=(20, 30)).shape == (2, 20, 30, 3)
        assert video.clip(0, 2, size=32).shape == (2, 32, 40, 3)
        assert next(video.frames(size=(128, 160))).shape == (128, 160, 3)
        small, full = video.clip(3, 1, size=32)[0], video.clip(3, 1)[0]
        assert np.abs(full.reshape(32, 2, 40, 2, 3).mean((1, 3, 4)) - small.mean(2)).mean() < 5


def test_a_clip_is_never_padded(files):
    with CompressedVideo(files / "simple.mp4") as video:
        for start, frames in ((FRAMES - 3, 4), (-1, 2), (FRAMES, 1)):
            with pytest.raises(IndexError, match=r"simple\.mp4: frames"):
                video.clip(start, frames)
        for wrong in ({}, {"start": 0, "at": 0.0}, {"start": 0, "frames": 0}, {"start": 0, "stride": 0}):
            with pytest.raises(ValueError):
                video.clip(**wrong)
        for start, stop in ((0, FRAMES + 1), (-1, 5)):
            with pytest.raises(IndexError):
                video.motion(start, stop)
            with pytest.raises(IndexError):
                video.frames(start, stop)
        with pytest.raises(ValueError):
            video.motion(5, 3)
        assert video.motion(7, 7).vectors.shape == (0, 2, 8, 10)


def test_readers_do_not_disturb_each_other(files, readings):
    images = readings["b.mp4"][0]
    with CompressedVideo(files / "b.mp4") as video:
        frames = video.frames()
        for i in range(20):
            assert np.array_equal(next(frames), images[i])
            assert np.array_equal(video.clip(49 - i, 1)[0], images[49 - i])
    with pytest.raises(ValueError, match="closed"):
        video.clip(0, 1)


def test_binary_files_read_as_paths_do(files, readings):
    data = io.BytesIO((files / "b.mp4").read_bytes())
    with CompressedVideo(data) as video:
        assert np.array_equal(video.clip(17, 9), readings["b.mp4"][0][17:26])
        assert np.array_equal(video.motion().vectors, readings["b.mp4"][1]["past"].vectors)
        assert "BytesIO" in video.info.file
    with open(files / "b.mp4", "rb") as file, CompressedVideo(file) as video:
        assert video.info.frames == FRAMES and video.info.file.endswith("b.mp4")
    with pytest.raises(ValueError, match="binary"):
        CompressedVideo(io.StringIO("text"))


def test_the_first_video_stream_is_the_default(tmp_path):
    sizes = {0: (32, 48), 1: (64, 96)}
    with av.open(str(tmp_path / "two.mkv"), "w") as container:
        streams = [container.add_stream("libx264", rate=25, options={"g": "5"}) for _ in sizes]
        for stream, (height, width) in zip(streams, sizes.values(), strict=True):
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for t in range(10):
            for stream, (height, width) in zip(streams, sizes.values(), strict=True):
                frame = av.VideoFrame.from_ndarray(texture(height, width, seed=t), format="rgb24")
                container.mux(stream.encode(frame))
        for stream in streams:
            container.mux(stream.encode(None))
    for chosen, expected in ((None, sizes[0]), (0, sizes[0]), (1, sizes[1])):
        with CompressedVideo(tmp_path / "two.mkv", stream=chosen) as video:
            assert video.clip(0, 10).shape == (10, *expected, 3)
            assert video.info.stream == (chosen or 0)


def test_the_same_frames_give_the_same_bytes(tmp_path):
    frames = np.concatenate([pan(20, 1, 2), pan(20, -2, 0, seed=1)])
    watching = {"b_frames": 3, "references": 3, "weighted": True, "scene_cuts": True, "preset": "medium"}
    for how in ({}, {"codec": "mpeg4"}, watching):
        for name in "ab":
            assert encode(iter(frames), tmp_path / f"{name}.mp4", **how) == 40
        assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_encoding_keeps_to_its_settings(tmp_path):
    frames = np.concatenate([pan(9, 1, 1), noise(9), pan(9, 2, 0, seed=3)])
    for codec in ("h264", "mpeg4"):
        encode(frames, tmp_path / "plain.mp4", codec=codec)
        with CompressedVideo(tmp_path / "plain.mp4") as video:
            assert video.picture_counts == {"I": 3, "P": 24, "B": 0}
            assert video.info.gop_lengths == (12, 12, 3)
        encode(frames, tmp_path / "cuts.mp4", codec=codec, scene_cuts=True, fps=30, gop=100)
        with CompressedVideo(tmp_path / "cuts.mp4") as video:
            assert video.info.average_rate == video.info.nominal_rate == 30
            assert len(video.info.gop_lengths) > 1
        sizes = []
        for quantizer in (2, 30):
            encode(frames, tmp_path / "q.mp4", codec=codec, quantizer=quantizer)
            sizes.append((tmp_path / "q.mp4").stat().st_size)
        assert sizes[0] > 2 * sizes[1]


def test_encoding_refuses_what_it_cannot_do(tmp_path):
    good = pan(2, 0, 0)
    cases = [
        (np.zeros((0, 8, 8, 3), np.uint8), {}, "no frames"),
        (good.astype(float), {}, "uint8"),
        (good[..., 0], {}, "must be"),
        (pan(2, 0, 0, 33, 40), {}, "even sizes"),
        ([good[0], good[1, :-2]], {}, "change size"),
    ]
    for frames, how, message in cases:
        with pytest.raises(ValueError, match=message):
            encode(frames, tmp_path / "x.mp4", **how)
    unknown = [("x.mp4", {"codec": "h263"}), ("x.mp4", {"codec": "nonsense"}), ("x.nonsense", {})]
    refused = [
        ("x.mp4", {"pixel_format": "rgb48le"}),
        ("x.mp4", {"preset": "no"}),
    ]
    for kind, cases in ((ValueError, unknown), (VideoError, refused)):
        for name, how in cases:
            with pytest.raises(kind, match=name) as caught:
                encode(good, tmp_path / name, **how)
            assert type(caught.value) is kind
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("fps", [0, -1, float("nan"), float("inf"), 1e-9, Fraction(0)])
def test_a_rate_is_positive(tmp_path, fps):
    for codec in ("h264", "mpeg4"):
        with pytest.raises(ValueError, match="fps is "):
            encode(pan(2, 0, 0), tmp_path / "x.mp4", codec=codec, fps=fps)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("fps", [30.0003, 29.97, Fraction(120000, 1001), 14.985, 0.5])
@pytest.mark.parametrize(("codec", "ending"), [("mpeg4", "avi"), ("mpeg4", "mp4"), ("h264", "mp4")])
def test_any_rate_can_be_written(tmp_path, codec, ending, fps):
    encode(pan(4, 1, 1), tmp_path / f"a.{ending}", codec=codec, fps=fps)
    with CompressedVideo(tmp_path / f"a.{ending}") as video:
        assert video.info.frames == 4 and abs(video.info.average_rate / Fraction(fps) - 1) < 1e-4


def test_transcoding_shortens_gops_and_sides(tmp_path, files):
    assert transcode(files / "b.mp4", tmp_path / "t.mp4", gop=5, short_side=32) == FRAMES
    with CompressedVideo(tmp_path / "t.mp4") as new, CompressedVideo(files / "b.mp4") as old:
        assert new.info.gop_lengths == (5,) * 10
        assert (new.info.height, new.info.width) == (32, 40)
        assert new.info.duration == old.info.duration
        assert np.abs(new.clip(30, 1).mean(3) - old.clip(30, 1, size=32).mean(3)).mean() < 8
    remux(tmp_path / "t.mp4", tmp_path / "t.mkv")
    with CompressedVideo(tmp_path / "t.mkv") as video:
        assert video.info.frames == FRAMES


def test_a_video_reads_like_a_sequence(files, readings):
    images = readings["b.mp4"][0]
    with CompressedVideo(files / "b.mp4") as video:
        assert len(video) == FRAMES
        for index in (0, 17, FRAMES - 1, -1, -FRAMES, np.int64(3)):
            assert np.array_equal(video[index], images[index])
        for part in (slice(None), slice(10, 20, 2), slice(-5, None), slice(None, None, -7), slice(40, 10, -3),
                     slice(7, 7), slice(45, 99)):  # fmt: skip
            assert np.array_equal(video[part], images[part])
        for chosen in ([0, 3, 4, 17, 40], [40, 3, 3, -1, 17, 3], [2, 2], [-FRAMES], []):
            assert np.array_equal(video[chosen], images[chosen] if chosen else images[:0])
        assert np.array_equal(video[np.array([9, 4])], images[[9, 4]])
        assert np.array_equal(video[torch.tensor([9, 4])], images[[9, 4]])
        assert all(np.array_equal(a, b) for a, b in zip(video, images, strict=True))


def test_frames_at_scales_and_keeps_the_order(files):
    with CompressedVideo(files / "b.mp4") as video:
        small = video.clip(0, FRAMES, size=(20, 30))
        assert np.array_equal(video.frames_at([31, 2, -1, 2], size=(20, 30)), small[[31, 2, -1, 2]])
        assert video.frames_at([], size=32).shape == (0, 32, 40, 3)


def test_wrong_indices_are_told(files):
    with CompressedVideo(files / "b.mp4") as video:
        for index, number in ((FRAMES, 50), (-FRAMES - 1, -51), ([2, FRAMES], 50), (np.array([-60, 3]), -60)):
            with pytest.raises(
                IndexError, match=rf"b\.mp4: there is no frame {number}, the video has 0 to 49"
            ):
                video[index]
        for wrong in (1.5, "3", None, [0.5], [[1, 2]], np.ones(FRAMES, bool), (1, "a")):
            with pytest.raises(TypeError, match=r"b\.mp4: "):
                video[wrong]
