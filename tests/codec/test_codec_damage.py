"""Bad input: one line naming file and reason, and never an error of PyAV's own."""

import io
import os
import random
import shutil
import sys

import av
import numpy as np
import pytest
from material import noise, pan, remux, texture, write_sound

from cvrl_lite import CompressedVideo, DamagedVideo, NotAVideo, NoVideoStream, UnreadableFile, VideoError
from cvrl_lite.codec import encode
from cvrl_lite.codec._stream import listing

FRAMES = 80


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    frames = np.concatenate([pan(FRAMES // 2, 3, 1), pan(FRAMES // 2, -2, 2, seed=1)])
    encode(frames, folder / "late.mp4", gop=20, b_frames=2)
    remux(folder / "late.mp4", folder / "early.mp4", movflags="faststart")
    for name in ("v.mkv", "v.ts", "v.264"):
        encode(frames, folder / name, gop=20)
    encode(frames, folder / "v.avi", codec="mpeg4", gop=20)
    return folder


def read_all(path):
    with CompressedVideo(path) as video:
        assert video.info.frames
        video.keyframes()
        video.motion()
        return len(list(video.frames()))


def fails_with(kind, path, words=None):
    with pytest.raises(kind, match=words) as caught:
        read_all(path)
    message = str(caught.value)
    assert type(caught.value) is kind and "\n" not in message and message.startswith(f"{path}: ")


def test_missing_files_and_folders(tmp_path):
    fails_with(UnreadableFile, tmp_path / "none.mp4", "No such file")
    fails_with(UnreadableFile, tmp_path, "folder")
    with pytest.raises(OSError):
        CompressedVideo(tmp_path / "none.mp4")
    with pytest.raises(VideoError):
        CompressedVideo("http://127.0.0.1:9/none.mp4")  # a path is a path, never an address


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="permissions do not bind this user")
def test_files_that_may_not_be_read(tmp_path, whole):
    shutil.copy(whole / "late.mp4", tmp_path / "locked.mp4")
    (tmp_path / "locked.mp4").chmod(0)
    fails_with(UnreadableFile, tmp_path / "locked.mp4", "denied")


@pytest.mark.parametrize("name", ["a.mp4", "a.avi", "a.mkv", "a.bin"])
def test_what_is_no_video(tmp_path, name):
    contents = [b"", b"Just a letter, not a film.\n" * 90, random.Random(0).randbytes(20_000)]
    for content in contents:
        (tmp_path / name).write_bytes(content)
        fails_with(NotAVideo, tmp_path / name)
    with pytest.raises(NotAVideo, match="BytesIO"):
        CompressedVideo(io.BytesIO(contents[2]))


def test_files_without_a_video_stream(tmp_path, whole):
    fails_with(NoVideoStream, write_sound(tmp_path / "sound.wav"), "no video stream .*audio")
    fails_with(NoVideoStream, write_sound(tmp_path / "sound.mkv"), "no video stream")
    for stream in (1, 7, -1):
        with pytest.raises(NoVideoStream, match=f"stream {stream}"):
            CompressedVideo(whole / "late.mp4", stream=stream)


def test_a_cover_picture_is_no_video(tmp_path):
    write_sound(tmp_path / "sound.mkv")
    with av.open(str(tmp_path / "sound.mkv")) as old, av.open(str(tmp_path / "cover.mp4"), "w") as new:
        sound = new.add_stream("aac", rate=8000, layout="mono")
        cover = new.add_stream("png", rate=1)
        cover.width, cover.height, cover.pix_fmt = 32, 32, "rgb24"
        cover.disposition = av.stream.Disposition.attached_pic
        new.mux(cover.encode(av.VideoFrame.from_ndarray(texture(32, 32), format="rgb24")))
        for frame in old.decode(audio=0):
            new.mux(sound.encode(frame))
        new.mux(sound.encode(None))
    fails_with(NoVideoStream, tmp_path / "cover.mp4")


@pytest.mark.parametrize("name", ["early.mp4", "v.mkv", "v.avi"])
def test_files_that_break_off(tmp_path, whole, name):
    data = (whole / name).read_bytes()
    (tmp_path / name).write_bytes(data[: len(data) // 2])
    fails_with(DamagedVideo, tmp_path / name, "breaks off after")


def test_mp4_without_its_table(tmp_path, whole):
    data = (whole / "late.mp4").read_bytes()
    (tmp_path / "a.mp4").write_bytes(data[: len(data) // 2])
    fails_with(NotAVideo, tmp_path / "a.mp4")


@pytest.mark.parametrize("name", ["early.mp4", "v.mkv", "v.avi", "v.ts", "v.264"])
@pytest.mark.parametrize("harm", ["bytes flipped", "a stretch zeroed"])
def test_damage_inside_is_named_or_harmless(tmp_path, whole, name, harm):
    data = bytearray((whole / name).read_bytes())
    chance = random.Random(3)
    if harm == "bytes flipped":
        for _ in range(60):
            data[chance.randrange(len(data) // 3, len(data) - 2000)] ^= 0xFF
    else:
        data[len(data) // 2 : len(data) // 2 + 9000] = bytes(9000)
    (tmp_path / name).write_bytes(data)
    try:
        read_all(tmp_path / name)
    except DamagedVideo as error:
        assert str(error).startswith(f"{tmp_path / name}: ") and "\n" not in str(error)
    else:
        assert name in ("v.ts", "v.264")  # formats that skip to the next thing they can make sense of


def test_what_lies_before_the_damage_can_be_read(tmp_path, whole):
    data = bytearray((whole / "early.mp4").read_bytes())
    data[len(data) * 3 // 4 : len(data) * 3 // 4 + 3000] = bytes(3000)
    (tmp_path / "late_damage.mp4").write_bytes(data)
    with (
        CompressedVideo(tmp_path / "late_damage.mp4") as video,
        CompressedVideo(whole / "early.mp4") as sound,
    ):
        assert np.array_equal(video.clip(0, 20), sound.clip(0, 20))
        with pytest.raises(DamagedVideo):
            list(video.frames())
        assert np.array_equal(video.clip(5, 9), sound.clip(5, 9))  # and the reader is as good as before


def test_pictures_that_change_size(tmp_path):
    encode(pan(10, 1, 1, 64, 64), tmp_path / "a.264")
    encode(pan(10, 1, 1, 96, 128), tmp_path / "b.264")
    (tmp_path / "ab.264").write_bytes((tmp_path / "a.264").read_bytes() + (tmp_path / "b.264").read_bytes())
    fails_with(DamagedVideo, tmp_path / "ab.264", "change size at frame 10: 64x64 to 128x96")


def test_streams_without_a_key_picture(tmp_path):
    encode(pan(10, 1, 1), tmp_path / "a.mkv", gop=10)
    with av.open(str(tmp_path / "a.mkv")) as old, av.open(str(tmp_path / "b.mkv"), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in [p for p in old.demux(video=0) if p.size][1:]:
            packet.stream = stream
            new.mux(packet)
    fails_with(DamagedVideo, tmp_path / "b.mkv", "key frame")


def test_pictures_that_lack_what_they_refer_to_are_left_out(tmp_path):
    frames = pan(40, 2, 1)
    encode(frames, tmp_path / "a.mkv", gop=10)
    with av.open(str(tmp_path / "a.mkv")) as old, av.open(str(tmp_path / "b.mkv"), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in [p for p in old.demux(video=0) if p.size][5:]:
            packet.stream = stream
            new.mux(packet)
    with CompressedVideo(tmp_path / "a.mkv") as a, CompressedVideo(tmp_path / "b.mkv") as b:
        assert b.info.frames == 30 and b.info.gop_lengths == (10, 10, 10)
        assert np.array_equal(b.clip(0, 30), a.clip(10, 30))
        assert np.allclose(b.times, a.times[10:] - a.times[5], atol=2e-3) or np.allclose(
            b.times, a.times[10:]
        )


def test_a_table_that_points_nowhere(tmp_path, whole):
    data = bytearray((whole / "early.mp4").read_bytes())
    at = data.index(b"stco") + 12
    count = int.from_bytes(data[at - 4 : at], "big")
    chance = random.Random(1)
    for i in range(count):
        data[at + 4 * i : at + 4 * i + 4] = chance.randrange(len(data) - 5000).to_bytes(4, "big")
    (tmp_path / "stco.mp4").write_bytes(data)
    fails_with(DamagedVideo, tmp_path / "stco.mp4")


JOBS = (lambda video: video.info, lambda video: list(video.frames()), lambda video: video.motion())


class Breaking(io.BytesIO):
    """A file somewhere in a network that is gone after some reads."""

    left = sys.maxsize

    def read(self, size=-1):
        self.left -= size != 0
        if self.left < 0:
            raise OSError("connection reset")
        return super().read(size)


@pytest.mark.parametrize("name", ["late.mp4", "v.mkv", "v.avi", "v.ts", "v.264"])
@pytest.mark.parametrize("mode", ["raise", "keep"])
def test_errors_of_a_file_object_are_told_in_a_line(whole, name, mode, monkeypatch, capfd):
    monkeypatch.setattr(listing, "_MOST_KEPT", 0)
    for job in JOBS:
        file = Breaking((whole / name).read_bytes())
        with CompressedVideo(file, on_damage=mode) as video:
            if job is not JOBS[0]:
                assert video.info.frames == FRAMES
            file.left = 0
            with pytest.raises(UnreadableFile, match=r"^<Breaking>: connection reset$"):
                job(video)
            file.left = sys.maxsize  # and when it is back, so is the video
            job(video)
            assert video.info.frames == FRAMES
    file.left = 0
    with pytest.raises(UnreadableFile, match=r"^<Breaking>: connection reset$"):
        CompressedVideo(file)
    assert "Traceback" not in capfd.readouterr().err


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path, whole):
    (tmp_path / "file").write_bytes(b"in the way")
    with CompressedVideo(whole / "late.mp4", cache=tmp_path / "file" / "cache") as video:
        assert video.info.frames == FRAMES
    assert (tmp_path / "file").read_bytes() == b"in the way"


def test_a_still_picture_is_a_video_of_one_frame(tmp_path):
    with av.open(str(tmp_path / "a.png"), "w", format="image2") as container:
        stream = container.add_stream("png", rate=25)
        stream.width, stream.height, stream.pix_fmt = 40, 30, "rgb24"
        image = noise(1, 30, 40)[0]
        container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
    with CompressedVideo(tmp_path / "a.png") as video:
        assert video.info.frames == 1 and np.array_equal(video.clip(0, 1)[0], image)
