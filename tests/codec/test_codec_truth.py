"""Whatever a file is like: its frames are those that a straight decode delivers, in that order, anywhere."""

from fractions import Fraction

import av
import matrix
import numpy as np
import pytest
from material import pack_b_pictures, pan

from cvrl_lite import CompressedVideo, DamagedVideo
from cvrl_lite.codec import encode, extract, load, transcode
from cvrl_lite.codec._stream.clock import increasing
from cvrl_lite.codec._stream.listing import PacketInfo


def straight(path):
    """What PyAV delivers: RGB images, picture types, key frames and stamps."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type, stream.thread_count = "SLICE", 1
        frames, packets = [], list(container.demux(stream))
        for packet in packets:
            try:
                frames += stream.codec_context.decode(packet if packet.size else None)
            except av.FFmpegError:
                continue  # packets without a frame
            if not packet.size:
                break
        images = np.stack([frame.to_ndarray(format="rgb24") for frame in frames])
        kinds = "".join("?IPB"[int(frame.pict_type)] for frame in frames)
        keys = [i for i, frame in enumerate(frames) if frame.key_frame]
        return images, kinds, keys, [frame.pts and float(frame.pts * stream.time_base) for frame in frames]


def equals_straight(path, tmp_path):
    """Compares all doors with the straight decode, at any place in any order, with packets kept and not."""
    images, kinds, keys, _ = straight(path)
    count = len(images)
    for again in range(3):  # the third time the index comes from the disk, and no packets are in memory
        cache = tmp_path / "cache" if again else None
        with CompressedVideo(path, cache=cache) as video:
            assert video.info.frames == count == len(video.times) and not video.damage
            assert (np.diff(video.times) > 0).all()
            whole = np.stack(list(video.frames()))
            assert np.abs(whole.astype(int) - images).max() <= 3  # another scaler setting
            assert video.picture_types == kinds
            assert video.keyframes().indices.tolist() == keys
            assert np.array_equal(video.keyframes().images, whole[np.array(keys, int)])
            assert sum(video.info.gop_lengths) == count
            field = video.motion() if video.info.has_vectors else None
            places = np.random.default_rng(0).permutation(count)[:12].tolist()
            for place in [count - 1, 0, *range(count - 1, -1, -7), *places]:
                stop = min(count, place + 3)
                assert np.array_equal(video.clip(place, stop - place), whole[place:stop]), place
                if field is not None:
                    part = video.motion(place, stop)
                    assert np.array_equal(part.vectors, field.vectors[place:stop]), place
                    assert np.array_equal(part.mask, field.mask[place:stop]), place
    with CompressedVideo(path, on_damage="keep") as video:
        assert video.info.frames == count and np.array_equal(np.stack(list(video.frames())), whole)
    return whole


def packets_of(path):
    """(data, pts, dts, is key) of each packet of a file's video stream, and its time base."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return [(bytes(p), p.pts, p.dts, p.is_keyframe) for p in container.demux(stream) if p.size]


def write(src, dst, packets, ticks, **options):
    """Writes packets (data, pts, dts, is key) as a stream like that of `src`, in so many ticks a second."""
    with av.open(str(src)) as old, av.open(str(dst), "w", options=options) as new:
        template = old.streams.video[0]
        stream = new.add_stream_from_template(template)
        for data, pts, dts, is_key in packets:
            packet = av.Packet(data)
            packet.pts, packet.dts, packet.is_keyframe = pts, dts, is_key
            packet.time_base, packet.stream = Fraction(1, ticks), stream
            new.mux(packet)
    return dst


@pytest.mark.parametrize("cut", [0, 1, 2])
def test_a_packed_file_counts_what_is_delivered(tmp_path, cut):
    """AVI as XviD wrote it, also where it ends with a packet of two frames, of which FFmpeg delivers one."""
    encode(pan(25, 2, 1), tmp_path / "a.m4v", codec="mpeg4", b_frames=2, gop=100)
    path = pack_b_pictures(tmp_path / "a.m4v", tmp_path / "packed.avi", cut)
    whole = equals_straight(path, tmp_path)
    count = len(whole)
    assert 25 - cut <= count < 25 + (not cut)
    assert len({frame.tobytes() for frame in whole}) == count  # none is another one again
    assert transcode(path, tmp_path / "t.mp4") == count
    extract(path, tmp_path / "x.npz")
    held = load(tmp_path / "x.npz")
    assert held.keyframes.indices.tolist() == [0] and held.header["picture_types"].count("I") == 1
    assert len(held.motion.mask) == len(held.times) == count


def test_clips_of_ucf101_as_they_were_released(real_videos, tmp_path):
    for path in sorted((real_videos / "originals").glob("v_[AS]*_c0[267].avi")):
        count = len(straight(path)[0])
        with CompressedVideo(path) as video:
            whole = list(video.frames())
            assert video.info.frames == len(whole) == count
            assert np.array_equal(video.clip(count - 2, 2), whole[-2:])
        extract(path, tmp_path / "x.npz")
        assert len(load(tmp_path / "x.npz").motion.mask) == count


CODE = b"\0\0\1"
RAW = {"h264": "264", "hevc": "hevc", "mpeg4": "m4v", "mpeg2video": "mpg"}
SLICES = {
    "h264": lambda unit: unit[0] & 31 in (1, 5),
    "hevc": lambda unit: unit[0] >> 1 & 63 < 32,
    "mpeg4": lambda unit: unit[0] in (0xB6, 0xB3),
    "mpeg2video": lambda unit: unit[0] in (0, 0xB8),
}
STEP, TICKS = 512, 12800  # from a frame to the next, and a second, in our MP4 files


def encoded(folder, codec, frames, **how):
    """Packets with headers before each key frame: the data of a raw stream, the stamps of an MP4 file."""
    for ending in ("mp4", RAW[codec]):
        encode(frames, folder / f"a.{ending}", codec=codec, **how)
    stamps = packets_of(folder / "a.mp4")
    held = packets_of(folder / f"a.{RAW[codec]}")
    return [
        (data, pts + 4 * STEP, dts + 4 * STEP, key)
        for (data, *_), (_, pts, dts, key) in zip(held, stamps, strict=True)
    ]


def parted(data, codec):
    """The headers at the front of a packet, and the rest of it."""
    at = data.find(CODE)
    while at >= 0 and not SLICES[codec](data[at + 3 :]):
        at = data.find(CODE, at + 3)
    at -= at > 0 and data[at - 1] == 0  # a start code may be longer
    return data[:at], data[at:]


@pytest.mark.parametrize("codec", RAW)
@pytest.mark.parametrize("b_frames", [0, 2])
@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_packets_that_yield_no_frame_do_not_count(tmp_path, codec, b_frames, ending):
    """Parameter sets in samples of their own, as cameras write them, or other headers alone."""
    packets = encoded(tmp_path, codec, pan(30, 2, 1), gop=10, b_frames=b_frames)
    with av.open(str(tmp_path / "a.m4v" if codec == "mpeg4" else tmp_path / "a.mp4")) as container:
        header = bytes(container.streams.video[0].codec_context.extradata)
    header = header if codec == "mpeg4" else parted(packets[0][0], codec)[0]
    for where in ("first", "each", "between", "end"):
        made = []
        for number, (data, pts, dts, is_key) in enumerate(packets):
            if (where == "first" and not number) or (where == "each" and is_key):
                made.append((header, pts - 128, dts - 128, False))
                data = parted(data, codec)[1]
            made.append((data, pts, dts, is_key))
            after = {"end": 29, "between": 9 if codec == "mpeg2video" else 14}  # there it resets the decoder
            if number == after.get(where):
                made.append((header, pts + 128, dts + 128, False))
        path = write(tmp_path / f"a.{RAW[codec]}", tmp_path / f"{where}.{ending}", made, TICKS)
        assert len(packets_of(path)) == len(made) > 30, where
        assert len(equals_straight(path, tmp_path)) == 30


JOINED = ["ts-h264b-twice.ts", "ts-h264b-before.ts", "ts-mpeg2b-overlaps.ts", "flv-h264b-backmid.flv"]


@pytest.mark.parametrize("name", JOINED)
def test_joined_recordings_keep_their_order_and_tell_the_jump(tmp_path, name):
    (path,) = matrix.make(tmp_path, [name])
    equals_straight(path, tmp_path)
    with CompressedVideo(path) as video:
        info, steps = video.info, np.diff(video.times)
        assert info.has_timestamps and info.times_adjusted and len(info.clock_jumps) == 1
        assert video.damage.clock_jumps == info.clock_jumps and not video.damage
        jump = info.clock_jumps[0]
        assert 0 < jump < info.frames and np.allclose(steps[jump - 1], np.median(steps), atol=2e-3)


@pytest.mark.parametrize("name", ["joined_interleaved.ts", "joined_twice_stamped.ts"])
def test_joined_files_of_other_people(real_videos, tmp_path, name):
    assert len(equals_straight(real_videos / "odd" / name, tmp_path)) == 100
    with CompressedVideo(real_videos / "odd" / name) as video:
        assert video.info.clock_jumps == (50,)
        assert np.allclose(np.diff(video.times), 0.04, atol=2e-3)


NEW = ["new-told-main.flv", "new-told-b.mp4", "flv-h264main-then-h264b-goeson.flv", "fields-apart.ts"]
NEW += ["fields-together.mkv", "xvid-packed.avi", "xvid-ends-packed-keys.avi", "edit-h264-two.mp4"]
NEW += ["mpeg4-all-sync.mp4", "doubled.flv", "ts-hevcb-cutboth.ts", "avi-h264b-present.avi"]


@pytest.mark.parametrize("name", NEW)
def test_what_packets_do_not_tell_is_asked_of_the_decoder(tmp_path, name):
    """New parameters, fields, packed frames, edit lists, key flags that lie, packets that stand twice."""
    (path,) = matrix.make(tmp_path, [name])
    equals_straight(path, tmp_path)


@pytest.mark.parametrize("name", ["new_parameters.flv", "field_pictures.ts", "field_pictures_paired.ts"])
def test_odd_files_of_other_people(real_videos, tmp_path, name):
    assert len(equals_straight(real_videos / "odd" / name, tmp_path)) == (100 if "new" in name else 25)


@pytest.mark.parametrize("ending", ["flv", "mkv"])
def test_one_repeated_stamp_costs_no_entry_points(tmp_path, ending):
    """A frame is decoded from the key frame before it on, whatever is damaged in front of that one."""
    packets = encoded(tmp_path, "h264", pan(60, 2, 1), gop=10)
    moved = [
        (data, pts - STEP * (number == 31), dts - STEP * (number == 31), key)
        for number, (data, pts, dts, key) in enumerate(packets)
    ]
    path = write(tmp_path / "a.264", tmp_path / f"b.{ending}", moved, TICKS)
    equals_straight(path, tmp_path)
    with CompressedVideo(path) as video:
        assert video.info.times_adjusted and not video.info.clock_jumps
        own = np.arange(60) / 25
        assert np.abs(video.times - video.times[0] - own).max() < 0.03  # all but one are the file's
        whole = video[53]
    data, *rest = moved[44]
    moved[44] = (data[:9] + bytes(len(data) - 9), *rest)
    with CompressedVideo(write(tmp_path / "a.264", tmp_path / f"c.{ending}", moved, TICKS)) as video:
        assert np.array_equal(video[53], whole)
        with pytest.raises(DamagedVideo):
            video.clip(44, 6)


def test_a_clock_that_errs_for_a_moment_is_not_begun_anew():
    def clock(dts, keys=(0,)):
        listed = [PacketInfo(stamp, stamp, i in keys, 9, "P") for i, stamp in enumerate(dts)]
        return increasing(listed, 0, range(len(listed)), 10.0)

    made = clock([0, 10, 20, 30])
    assert made.stamps.tolist() == [0, 10, 20, 30] and not made.is_adjusted
    made = clock([0, 10, 20, 5, 40, 50, 60])  # one stamp went back
    assert made.stamps.tolist() == [0, 10, 20, 30, 40, 50, 60] and made.is_adjusted and not made.jumps
    made = clock([0, 10, 20, 30, 40, 20, 30, 40, 50, 60])  # the clock went back for good
    assert made.stamps.tolist() == [10 * i for i in range(10)] and made.jumps == (5,)
    made = clock([0, 10, 20, 30, 0, 10, 20, 30], keys=(0, 4))
    assert made.stamps.tolist() == [0, 10, 20, 30, 40, 50, 60, 70] and made.jumps == (4,)
    made = clock([0, 10, 10, 30])
    assert made.stamps.tolist() == [0, 10, 20, 30] and made.is_adjusted and not made.jumps
    made = clock([5, None, 25, None])
    assert made.stamps.tolist() == [5, 15, 25, 35] and made.is_adjusted


def test_frames_lost_behind_the_last_one_are_told(tmp_path):
    """Packets for which the file lacks the parameters: what comes before them is all that there is."""
    (path,) = matrix.make(tmp_path, ["new-told-b.mkv"])
    with CompressedVideo(path) as video:
        assert video.clip(0, 10).shape[0] == 10 and video.damage.bad_packets > 10
        for read in (
            lambda: list(video.frames()),
            video.motion,
            lambda: video.clip(video.info.frames - 1, 1),
        ):
            with pytest.raises(DamagedVideo, match="cannot be decoded"):
                read()
    with CompressedVideo(path, on_damage="keep") as video:
        assert len(list(video.frames())) == video.info.frames == video.damage.frames


def test_a_change_of_size_is_told(tmp_path):
    for part, size in (("a", (64, 64)), ("b", (96, 128))):
        encode(pan(10, 1, 1, *size), tmp_path / f"{part}.ts", gop=5)
    joined = tmp_path / "ab.ts"
    joined.write_bytes((tmp_path / "a.ts").read_bytes() + (tmp_path / "b.ts").read_bytes())
    with CompressedVideo(joined) as video:
        assert video.clip(0, 9).shape == (9, 64, 64, 3)
        with pytest.raises(DamagedVideo, match="change size at frame 10: 64x64 to 128x96"):
            list(video.frames())


def test_stamps_that_ffmpeg_makes_up_name_no_packet_after_a_seek(tmp_path):
    """A program stream packs several frames into a packet of its own; those without stamps are given some."""
    encode(pan(60, 2, 1), tmp_path / "a.mpg", codec="mpeg2video", gop=6)
    with av.open(str(tmp_path / "a.mpg")) as container:
        assert any(packet.pos is None for packet in container.demux(video=0) if packet.size)
    equals_straight(tmp_path / "a.mpg", tmp_path)
