"""Damaged files in both modes: an error, or the frames that could be read and a report that fits them."""

import random

import av
import numpy as np
import pytest
from material import noise, pack_b_pictures, pan, remux, texture, write_sound

from cvrl_lite import CompressedVideo, DamagedVideo, NoMotionVectors, NotAVideo, NoVideoStream
from cvrl_lite.codec import encode

FRAMES = 60


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keep")
    frames = np.concatenate([pan(FRAMES // 2, 3, 1), pan(FRAMES // 2, -2, 2, seed=1)])
    encode(frames, folder / "late.mp4", gop=15, b_frames=2)
    remux(folder / "late.mp4", folder / "early.mp4", movflags="faststart")
    for name in ("v.mkv", "v.ts", "v.264"):
        encode(frames, folder / name, gop=15)
    encode(frames, folder / "v.avi", codec="mpeg4", gop=15)
    return folder


def packets_of(src, dst, chosen):
    """Copies some packets of a file's video stream: those whose number `chosen` accepts."""
    with av.open(str(src)) as old, av.open(str(dst), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for number, packet in enumerate(p for p in old.demux(video=0) if p.size):
            if chosen(number):
                packet.stream = stream
                new.mux(packet)
    return dst


def raises_in_both_modes(kind, path):
    for mode in ("raise", "keep"):
        with pytest.raises(kind) as caught, CompressedVideo(path, on_damage=mode) as video:
            list(video.frames())
        assert type(caught.value) is kind
        assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)


def whole_in_both_modes(path, frames):
    read = []
    for mode in ("raise", "keep"):
        with CompressedVideo(path, on_damage=mode) as video:
            assert not video.damage and video.damage.frames == video.info.frames == frames
            read.append(np.stack(list(video.frames())))
    assert np.array_equal(*read)
    return read[0]


def kept(path):
    """The report of a damaged file, after all doors were compared with it and with each other."""
    with pytest.raises(DamagedVideo), CompressedVideo(path) as video:
        list(video.frames())
    with CompressedVideo(path, on_damage="keep") as video:
        report, info = video.damage, video.info
        assert report and report.frames == info.frames == len(video.times)
        frames = np.stack(list(video.frames()))
        assert len(frames) == info.frames
        motion = video.motion()
        assert len(motion.mask) == info.frames == sum(video.picture_counts.values())
        keys = video.keyframes()
        assert len(keys.indices) and keys.images.shape[1:] == frames.shape[1:]
        for start in range(0, info.frames - 4, 7):
            assert video.clip(start, 4).shape == (4, *frames.shape[1:])
            assert len(video.motion(start, start + 4).mask) == 4
            assert len(video.residuals(start, start + 2).values) == 2
        parts = list(video.chunks(16, ("images", "keyframes", "motion", "residuals")))
        assert sum(len(part.images) for part in parts) == info.frames
        assert all(len(part.motion.mask) == len(part.residuals.mask) == len(part.times) for part in parts)
        assert sum(len(part.keyframes.indices) for part in parts) == len(keys.indices)
        assert all(0 <= i < info.frames for i in report.corrupt)
        return report, frames


@pytest.mark.parametrize("content", [b"", bytes(5000), b"Just a letter.\n" * 90, "random"])
def test_what_is_no_video_has_nothing_to_keep(tmp_path, content):
    data = random.Random(0).randbytes(20_000) if content == "random" else content
    for name in ("a.mp4", "a.mkv"):
        (tmp_path / name).write_bytes(data)
        raises_in_both_modes(NotAVideo, tmp_path / name)


def test_mp4_without_its_table(tmp_path, whole):
    data = (whole / "late.mp4").read_bytes()
    (tmp_path / "a.mp4").write_bytes(data[: len(data) // 2])
    raises_in_both_modes(NotAVideo, tmp_path / "a.mp4")


def test_files_without_pictures(tmp_path, whole):
    raises_in_both_modes(NoVideoStream, write_sound(tmp_path / "sound.wav"))
    data = (whole / "early.mp4").read_bytes()
    (tmp_path / "header.mp4").write_bytes(data[: data.index(b"mdat") + 4])
    raises_in_both_modes(DamagedVideo, tmp_path / "header.mp4")


@pytest.mark.parametrize("name", ["early.mp4", "v.mkv", "v.avi"])
def test_files_that_break_off_keep_their_beginning(tmp_path, whole, name):
    data = (whole / name).read_bytes()
    (tmp_path / name).write_bytes(data[: len(data) // 2])
    report, frames = kept(tmp_path / name)
    assert "breaks off" in report.breaks_off and FRAMES // 4 < report.frames < FRAMES * 3 // 4
    with CompressedVideo(whole / name) as sound:
        expected = sound.clip(0, report.frames)
    assert np.array_equal(frames[: report.frames - 3], expected[:-3])  # the last one may be cut


def test_a_last_picture_cut_short_is_told(tmp_path, whole):
    """A few bytes less than whole: too little for the length in the header to tell."""
    data = (whole / "v.avi").read_bytes()
    end = data.rindex(b"idx1") - 20
    (tmp_path / "cut.avi").write_bytes(data[:end])
    report, _ = kept(tmp_path / "cut.avi")
    assert report.bad_packets or report.corrupt or report.missing or report.breaks_off


@pytest.mark.parametrize("name", ["early.mp4", "v.mkv", "v.avi"])
@pytest.mark.parametrize("harm", ["bytes flipped", "a stretch zeroed"])
def test_damage_inside_leaves_the_rest(tmp_path, whole, name, harm):
    data = bytearray((whole / name).read_bytes())
    chance = random.Random(3)
    if harm == "bytes flipped":
        for _ in range(60):
            data[chance.randrange(len(data) // 2, len(data) - 2000)] ^= 0xFF
    else:
        data[len(data) * 2 // 3 : len(data) * 2 // 3 + 5000] = bytes(5000)
    (tmp_path / name).write_bytes(data)
    report, frames = kept(tmp_path / name)
    assert report.bad_packets or report.corrupt or report.missing
    assert report.frames >= FRAMES // 2
    with CompressedVideo(whole / name) as sound:
        assert np.array_equal(frames[:15], sound.clip(0, 15))  # the first GOP was not harmed
        expected = sound.times
    with CompressedVideo(tmp_path / name, on_damage="keep") as video:
        together = np.sort(np.concatenate([video.times, report.missing]))
        assert np.isin(together.round(3), expected.round(3)).all()


@pytest.mark.parametrize("name", ["v.ts", "v.264"])
def test_streams_that_can_be_entered_anywhere(tmp_path, whole, name):
    data = bytearray((whole / name).read_bytes())
    data[len(data) // 2 : len(data) // 2 + 3000] = bytes(3000)
    (tmp_path / name).write_bytes(data)
    with CompressedVideo(tmp_path / name, on_damage="keep") as video:
        report = video.damage
        frames = list(video.frames())
        assert len(frames) == report.frames == video.info.frames > FRAMES // 2
    if report:
        kept(tmp_path / name)


def test_a_table_that_points_nowhere(tmp_path, whole):
    data = bytearray((whole / "early.mp4").read_bytes())
    at = data.index(b"stco") + 12
    count = int.from_bytes(data[at - 4 : at], "big")
    chance = random.Random(1)
    for i in range(count):
        data[at + 4 * i : at + 4 * i + 4] = chance.randrange(len(data) - 5000).to_bytes(4, "big")
    (tmp_path / "stco.mp4").write_bytes(data)
    raises_in_both_modes(DamagedVideo, tmp_path / "stco.mp4")


def test_no_key_picture_at_the_start(tmp_path, whole):
    packets_of(whole / "v.mkv", tmp_path / "tail.mkv", lambda number: number > 4)
    frames = whole_in_both_modes(tmp_path / "tail.mkv", FRAMES - 15)  # from the next GOP on
    with CompressedVideo(whole / "v.mkv") as sound:
        assert np.array_equal(frames, sound.clip(15, FRAMES - 15))
    packets_of(whole / "v.mkv", tmp_path / "none.mkv", lambda number: 0 < number < 15)
    raises_in_both_modes(DamagedVideo, tmp_path / "none.mkv")


def test_packets_that_are_gone(tmp_path, whole):
    """Lost on the way: what refers to them is concealed, and vectors are no longer divided."""
    packets_of(whole / "v.avi", tmp_path / "gap.mkv", lambda number: number != 20)
    with CompressedVideo(tmp_path / "gap.mkv", on_damage="keep") as video:
        assert video.info.frames == FRAMES - 1  # nothing in the file tells of it


def test_one_picture(tmp_path):
    frames = pan(1, 0, 0)
    encode(frames, tmp_path / "one.mp4")
    whole_in_both_modes(tmp_path / "one.mp4", 1)
    with CompressedVideo(tmp_path / "one.mp4", on_damage="keep") as video:
        assert not video.motion().mask.any() and video.keyframes().indices.tolist() == [0]
    with av.open(str(tmp_path / "a.png"), "w", format="image2") as container:
        stream = container.add_stream("png", rate=25)
        stream.width, stream.height, stream.pix_fmt = 40, 30, "rgb24"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(noise(1, 30, 40)[0], format="rgb24")))
    assert np.array_equal(whole_in_both_modes(tmp_path / "a.png", 1), noise(1, 30, 40))
    with CompressedVideo(tmp_path / "a.png", on_damage="keep") as video, pytest.raises(NoMotionVectors):
        video.motion()


@pytest.mark.parametrize("ending", ["264", "ts"])
def test_of_pictures_that_change_size_the_first_size_stays(tmp_path, ending):
    first = pan(10, 1, 1, 64, 64)
    encode(first, tmp_path / f"a.{ending}")
    encode(pan(10, 1, 1, 96, 128), tmp_path / f"b.{ending}")
    joined = tmp_path / f"ab.{ending}"
    joined.write_bytes(b"".join((tmp_path / f"{part}.{ending}").read_bytes() for part in "ab"))
    with pytest.raises(DamagedVideo), CompressedVideo(joined) as video:
        list(video.frames())
    with CompressedVideo(joined, on_damage="keep") as video, CompressedVideo(tmp_path / f"a.{ending}") as a:
        report = video.damage
        frames = np.stack(list(video.frames()))
        assert len(frames) == report.frames >= 9 and frames.shape[1:] == (64, 64, 3)
        assert len(report.missing) >= 9
        assert np.array_equal(frames[:9], a.clip(0, 9))


def test_sound_files_of_every_kind_are_whole(tmp_path, whole):
    frames = pan(24, 2, 1, 64, 96)
    whole_in_both_modes(whole / "v.264", FRAMES)
    encode(frames, tmp_path / "a.m4v", codec="mpeg4", b_frames=2, gop=100)
    pack_b_pictures(tmp_path / "a.m4v", tmp_path / "packed.avi")
    whole_in_both_modes(tmp_path / "packed.avi", 24)
    for codec, name in (("hevc", "h.mp4"), ("vp9", "v.webm"), ("av1", "a.mkv")):
        options = {"svtav1-params": "lp=1"} if codec == "av1" else None
        encode(frames, tmp_path / name, codec=codec, options=options)
        whole_in_both_modes(tmp_path / name, 24)
        with CompressedVideo(tmp_path / name, on_damage="keep") as video, pytest.raises(NoMotionVectors):
            video.motion()


@pytest.mark.parametrize("name", ["h.mp4", "v.webm", "a.mkv"])
def test_codecs_without_vectors_are_kept_as_well(tmp_path, name):
    codec = {"h": "hevc", "v": "vp9", "a": "av1"}[name[0]]
    options = {"svtav1-params": "lp=1"} if codec == "av1" else None
    frames = np.stack([texture(64, 96, seed=i) for i in range(24)])
    encode(frames, tmp_path / name, codec=codec, options=options, gop=8)
    data = bytearray((tmp_path / name).read_bytes())
    data[len(data) // 2 : len(data) // 2 + 2000] = bytes(2000)
    (tmp_path / name).write_bytes(data)
    with CompressedVideo(tmp_path / name, on_damage="keep") as video:
        report = video.damage
        assert len(list(video.frames())) == report.frames == video.info.frames >= 8
        assert video.clip(0, 4).shape == (4, 64, 96, 3)
        assert len(video.keyframes().indices)


@pytest.mark.slow
@pytest.mark.parametrize("harm", ["300 bytes", "10 kB"])
def test_a_real_clip_with_damage_inside(real_videos, tmp_path, harm):
    data = bytearray((real_videos / "tc_nasa_13013.mp4").read_bytes())
    chance = random.Random(0)
    if harm == "300 bytes":
        for _ in range(300):
            data[chance.randrange(len(data) // 10, len(data) * 9 // 10)] = chance.randrange(256)
    else:
        data[len(data) // 2 : len(data) // 2 + 10_000] = bytes(10_000)
    (tmp_path / "a.mp4").write_bytes(data)
    report, _ = kept(tmp_path / "a.mp4")
    assert report.frames > 250
    assert report.frames + max(len(report.missing), report.bad_packets) == 325


def test_the_report_is_the_same_in_both_modes(tmp_path, whole):
    data = bytearray((whole / "v.avi").read_bytes())
    data[len(data) // 2 : len(data) // 2 + 900] = random.Random(2).randbytes(900)
    (tmp_path / "a.avi").write_bytes(data)
    with (
        CompressedVideo(tmp_path / "a.avi") as one,
        CompressedVideo(tmp_path / "a.avi", on_damage="keep") as two,
    ):
        assert one.damage == two.damage and one.damage
        assert two.info.frames == two.damage.frames
    with pytest.raises(ValueError, match="on_damage"):
        CompressedVideo(tmp_path / "a.avi", on_damage="ignore")
