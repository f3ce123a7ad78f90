"""What is made of vectors: both directions, filled gaps, sums over a GOP, other grids; always the same."""

import av
import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from material import noise, pan, slow_painter, texture
from test_codec_real import COUNTS, quick_first

from cvrl_lite import CompressedVideo, NoMotionVectors, VideoError
from cvrl_lite.codec import Motion, encode
from cvrl_lite.codec._stream import raster
from cvrl_lite.codec._stream.decode import Decoder
from cvrl_lite.codec._stream.feed import DecodeOptions
from cvrl_lite.codec._stream.packets import PacketMemory
from cvrl_lite.codec._stream.pool import Decoders
from cvrl_lite.codec._stream.scan import read_index
from cvrl_lite.codec._stream.source import Source
from cvrl_lite.codec.motion import reference_steps

VECTORED = [name for name, (codec, *_) in COUNTS.items() if codec in ("h264", "mpeg4")]


def same(one, two):
    return all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


@pytest.fixture(scope="module")
def twofold(tmp_path_factory):
    """A clip with B-frames that have blocks of all kinds: past, future, both and intra."""
    path = tmp_path_factory.mktemp("fields") / "b.mp4"
    frames = pan(40, 2, -1, 80, 112)
    frames[20:] = pan(20, -3, 2, 80, 112, seed=1)
    frames[21:30, 20:50, 30:70] = noise(9, 30, 40)
    encode(frames, path, b_frames=3, gop=25, preset="medium", options={"b-adapt": "0"})
    return path


def test_both_directions_side_by_side(twofold):
    with CompressedVideo(twofold) as video:
        both = video.motion(3, 37, "both")
        past, future = video.motion(3, 37), video.motion(3, 37, "future")
    assert both.vectors.shape == (34, 2, 2, 10, 14) and both.mask.shape == (34, 2, 10, 14)
    assert np.array_equal(both.vectors[:, 0], past.vectors) and np.array_equal(both.mask[:, 0], past.mask)
    assert np.array_equal(both.vectors[:, 1], future.vectors) and np.array_equal(both.mask[:, 1], future.mask)
    assert both.mask.all(axis=1).any()  # bi-predicted blocks give two


def test_a_gap_is_filled_from_the_other_direction(twofold):
    with CompressedVideo(twofold) as video:
        assert video.reference_distance_known
        plain = {name: video.motion(direction=name) for name in ("past", "future")}
        kinds = plain["past"].picture_types
        steps = {name: np.array(reference_steps(kinds, name)) for name in plain}
        assert {"I", "P", "B"} == set(kinds)
        for name, other in (("past", "future"), ("future", "past")):
            filled = video.motion(direction=name, fill="opposite")
            own, opposite = plain[name], plain[other]
            # What has a vector of its own keeps it, bi-predicted blocks among them.
            assert np.array_equal(filled.vectors.swapaxes(1, 3)[own.mask.swapaxes(1, 2)],
                                  own.vectors.swapaxes(1, 3)[own.mask.swapaxes(1, 2)])  # fmt: skip
            gaps = opposite.mask & ~own.mask & (kinds == "B")[:, None, None]
            assert gaps.any()
            assert np.array_equal(filled.mask, own.mask | gaps)
            t, y, x = np.nonzero(gaps)
            # Vectors of one step each: the same motion, seen from the other side.
            assert np.array_equal(filled.vectors[t, :, y, x], -opposite.vectors[t, :, y, x])
            assert not filled.vectors.swapaxes(1, 3)[~filled.mask.swapaxes(1, 2)].any()
        both = video.motion(direction="both", fill="opposite")
        assert same((both.vectors[:, 0], both.mask[:, 0]), video.motion(fill="opposite")[:2])
        assert np.array_equal(both.mask[:, 0][kinds == "B"], both.mask[:, 1][kinds == "B"])
        for start, stop in ((7, 12), (24, 27), (39, 40)):  # also where the references lie outside
            part = video.motion(start, stop, fill="opposite")
            assert same(part, [whole[start:stop] for whole in video.motion(fill="opposite")])
    assert steps["past"].max() == 4
    # What is in the frame moves by (2, -1), so filled cells say so as well.
    with CompressedVideo(twofold) as video:
        filled = video.motion(1, 19, fill="opposite").vectors[:, :, 2:-2, 2:-2]
    assert np.median(filled, axis=(0, 2, 3)).tolist() == [-2, 1]


def test_where_distances_are_not_known_a_filling_is_scaled_by_them(tmp_path):
    encode(pan(40, 2, -1), tmp_path / "a.mp4", b_frames=3, references=3, gop=25, preset="medium")
    with CompressedVideo(tmp_path / "a.mp4") as video:
        assert not video.reference_distance_known
        past, future = video.motion(), video.motion(direction="future")
        filled = video.motion(fill="opposite")
        steps = [np.array(reference_steps(past.picture_types, name)) for name in ("past", "future")]
        t, y, x = np.nonzero(future.mask & ~past.mask)
        factor = np.float32(steps[0][t] / steps[1][t])
        assert len(t) and np.allclose(
            filled.vectors[t, :, y, x], -future.vectors[t, :, y, x] * factor[:, None]
        )


@pytest.mark.parametrize("codec", ["h264", "mpeg4"])
@pytest.mark.parametrize(("dx", "dy"), [(2, 1), (-1, 3)])
def test_vectors_of_a_pan_add_up_over_a_gop(tmp_path, codec, dx, dy):
    encode(pan(24, dx, dy, 160, 176), tmp_path / "a.mp4", codec=codec, gop=8)
    with CompressedVideo(tmp_path / "a.mp4") as video:
        total = video.motion(accumulate=True)
        assert not total.mask[::8].any()
        for t in range(24):
            inner = total.vectors[t, :, 4:-4, 4:-4], total.mask[t, 4:-4, 4:-4]
            if t % 8:
                assert inner[1].mean() > 0.9
                assert np.median(inner[0][:, inner[1]], axis=1).tolist() == [-dx * (t % 8), -dy * (t % 8)]
        for start, stop in ((5, 7), (9, 20), (8, 8)):  # from anywhere: the GOP's beginning is read, too
            part = video.motion(start, stop, accumulate=True)
            assert same(part, [whole[start:stop] for whole in total])


def test_sums_end_at_intra_blocks(tmp_path):
    frames = np.repeat(pan(1, 0, 0), 8, axis=0)
    frames[4:, :, 64:] = noise(1)[0, :, 64:]  # from frame 4 on, the right half is another frame
    encode(frames, tmp_path / "a.mp4", gop=8)
    with CompressedVideo(tmp_path / "a.mp4") as video:
        plain, total = video.motion(), video.motion(accumulate=True)
    assert plain.mask[5, :, 9:].mean() > 0.9 and not plain.mask[4, :, 9:].mean() > 0.3
    gone = ~plain.mask[4, :, 9:]
    assert not total.mask[4:, :, 9:][:, gone].any()  # what leads through an intra block leads nowhere
    assert total.mask[4:, :, :7].mean() > 0.9 and not total.vectors[:, :, ~total.mask.any(0)].any()


def test_what_cannot_be_added_up_is_refused(tmp_path, twofold):
    encode(pan(20, 2, 1), tmp_path / "refs.mp4", references=3, preset="medium")
    encode(pan(20, 2, 1), tmp_path / "b.avi", codec="mpeg4", b_frames=2)
    encode(pan(20, 2, 1), tmp_path / "h.mp4", codec="hevc")
    for path in (tmp_path / "refs.mp4", tmp_path / "b.avi", twofold):
        with CompressedVideo(path) as video, pytest.raises(VideoError, match="accumulated vectors need"):
            video.motion(accumulate=True)
    with CompressedVideo(tmp_path / "h.mp4") as video, pytest.raises(NoMotionVectors):
        video.motion(accumulate=True)
    with CompressedVideo(twofold) as video:
        for wrong in ({"accumulate": True, "direction": "both"}, {"fill": "nearest"}, {"direction": "x"}):
            with pytest.raises(ValueError):
                video.motion(**wrong)


def test_sums_begin_at_an_i_picture_where_a_stream_can_be_entered_at_others(tmp_path):
    """x264's intra refresh: a column of intra blocks wanders over P-frames; the decoder flags none as key."""
    options = {"x264-params": "intra-refresh=1:keyint=16"}
    encode(pan(24, 2, 1, 64, 160), tmp_path / "a.mkv", gop=16, options=options)
    with CompressedVideo(tmp_path / "a.mkv") as video:
        assert video.info.gop_lengths == (24,) and video.picture_types == "I" + 23 * "P"
        total = video.motion(accumulate=True)
        assert total.mask[19].any()
        for start, stop in ((18, 20), (16, 18), (23, 24), (24, 24), (0, 1)):
            part = video.motion(start, stop, accumulate=True)
            assert same(part, [whole[start:stop] for whole in total])
            chunk = next(video.chunks(7, start=start, stop=stop, accumulate=True), None)
            assert chunk is None or same(chunk.motion, part)


def test_sums_are_refused_before_the_first_i_picture(tmp_path):
    encode(pan(16, 2, 1, 64, 80), tmp_path / "a.avi", codec="wmv2", gop=8)
    with av.open(str(tmp_path / "a.avi")) as old, av.open(str(tmp_path / "tail.avi"), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for number, packet in enumerate(packet for packet in old.demux(video=0) if packet.size):
            packet.is_keyframe, packet.stream = number in (4, 8), stream  # the first one: a container's lie
            if number >= 4:
                new.mux(packet)
    with CompressedVideo(tmp_path / "tail.avi") as video:
        assert video.picture_types == "PPPPIPPPPPPP"
        for read in (video.motion, lambda *part, **how: next(video.chunks(4, "motion", start=2, **how))):
            with pytest.raises(VideoError, match=r"tail\.avi: .*an I-frame up to frame [02]$"):
                read(accumulate=True)
        assert video.motion(4, accumulate=True).mask[1:].any()


@pytest.mark.parametrize("direction", ["past", "both"])
def test_other_grids(twofold, direction):
    with CompressedVideo(twofold) as video:
        motion, size = video.motion(direction=direction), (video.info.height, video.info.width)
    assert np.array_equal(motion.flow(), -motion.vectors)
    for cell in (4, None):
        times = 8 // (cell or 1)
        fine = motion.resample(cell, size)
        assert fine.mask.shape[-2:] == (-(-80 // (cell or 1)), -(-112 // (cell or 1)))
        for y, x in ((0, 0), (3, 5), (9, 13)):
            block = (..., slice(times * y, times * y + times), slice(times * x, times * x + times))
            assert (fine.vectors[block] == motion.vectors[..., y : y + 1, x : x + 1]).all()
            assert (fine.mask[block] == motion.mask[..., y : y + 1, x : x + 1]).all()
    assert same(motion.resample(8), motion)
    coarse = motion.resample(16)
    for y, x in ((0, 0), (2, 3), (4, 6)):
        cells = (..., slice(2 * y, 2 * y + 2), slice(2 * x, 2 * x + 2))
        valid, vectors = motion.mask[cells], motion.vectors[cells]
        assert np.array_equal(coarse.mask[..., y, x], valid.any((-2, -1)))
        weights = valid[..., None, :, :]
        mean = (vectors * weights).sum((-2, -1)) / np.maximum(weights.sum((-2, -1)), 1)
        assert np.allclose(coarse.vectors[..., y, x], mean, atol=1e-6)
    with pytest.raises(ValueError):
        motion.resample(5)


def test_odd_grids_have_narrow_cells_at_the_edge():
    field = np.arange(2 * 3 * 5, dtype=np.float32).reshape(1, 2, 3, 5)
    motion = Motion(field, np.ones((1, 3, 5), bool), np.array(["P"]))
    coarse = motion.resample(16)
    assert coarse.vectors.shape == (1, 2, 2, 3) and coarse.mask.all()
    assert coarse.vectors[0, :, 1, 2].tolist() == field[0, :, 2, 4].tolist()
    assert motion.resample(None, (17, 35)).mask.shape == (1, 17, 35)
    assert motion.resample(16, (17, 35)).mask.shape == (1, 2, 3)


def digest(path, threads):
    """Records and pixels of every frame, by a decoder with so many slice threads."""

    source = Source(str(path))
    index = read_index(source, Decoders(source))
    decoder = Decoder(source, DecodeOptions(vectors=True), PacketMemory())
    decoder.context.thread_count = threads
    found = []
    for place, frame in decoder.frames(index, range(index.frames)):
        held = raster.records(frame)
        if held is not None:  # between and behind its fields, a record is padded with what lies in memory
            held = np.delete(held.view(np.uint8).reshape(-1, 40), [14, 15, *range(34, 40)], 1)
        found.append((place, held if held is None else held.tobytes(), decoder.rgb(frame).tobytes()))
    decoder.close()
    return found


@pytest.mark.parametrize("slices", [1, 4])
def test_runs_and_slice_threads_change_nothing(tmp_path, slices):
    frames = pan(30, 2, 1, 144, 176)
    options = {"x264-params": f"slices={slices}"}
    encode(frames, tmp_path / "a.mp4", b_frames=3, references=3, preset="medium", options=options)
    encode(frames, tmp_path / "a.avi", codec="mpeg4", b_frames=2)
    for name in ("a.mp4", "a.avi"):
        first = digest(tmp_path / name, 1)
        assert len(first) == 30
        for threads in (1, 2, 4):
            assert digest(tmp_path / name, threads) == first


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["intel_asl_again.mkv", "skv_bikes.mp4", "tc_nasa_13013.mp4", "mvx_vid_h264.264"]
)
def test_runs_and_slice_threads_change_nothing_in_real_clips(real_videos, name):
    first = digest(real_videos / name, 1)
    assert all(digest(real_videos / name, threads) == first for threads in (1, 2, 4))


def tiling(chance, rows, columns, ways):
    """Records as FFmpeg exports them: each macroblock whole, halved, quartered or absent, in any order."""
    found = []
    for source in ways:
        for y in range(0, rows * 8, 16):
            for x in range(0, columns * 8, 16):
                w, h = chance.choice([(16, 16), (16, 8), (8, 16), (8, 8)])
                for top in range(y, y + 16, h):
                    for left in range(x, x + 16, w):
                        if chance.random() < 0.8:
                            found.append((source, w, h, left + w // 2, top + h // 2))
    held = np.frombuffer(chance.bytes(40 * len(found)), raster.RECORD).copy()  # garbage in the padding, too
    for name, column in zip(("source", "w", "h", "dst_x", "dst_y"), zip(*found) if found else [()] * 5):
        held[name] = column
    held["motion_x"], held["motion_y"] = chance.integers(-9000, 9000, (2, len(found)))
    return held[chance.permutation(len(found))]


def painted(frames, size, names):
    made = raster.Raster(len(frames), size, names)
    for held in frames:
        made.add(None if held is None else held.view(np.int32))
    return made.vectors, made.mask


@given(
    seed=st.integers(0, 10**6),
    height=st.integers(1, 90),
    width=st.integers(1, 90),
    count=st.integers(0, 37),
    names=st.sampled_from([("past",), ("future",), ("past", "future")]),
    scale=st.sampled_from([2, 4, 8, 16]),
)
def test_the_compiled_painter_equals_numpy(seed, height, width, count, names, scale):
    chance = np.random.default_rng(seed)
    rows, columns = -(-height // 16) * 2, -(-width // 16) * 2
    frames = [
        tiling(chance, rows, columns, [(-1,), (1,), (-1, 1), ()][chance.integers(4)])
        if chance.random() < 0.9
        else None
        for _ in range(count)
    ]
    for held in frames:
        if held is not None:
            held["motion_scale"] = scale
    fast, slow = painted(frames, (height, width), names), reference.paint(frames, (height, width), names)
    for a, b in zip(fast, slow, strict=True):
        assert a.dtype == b.dtype and a.tobytes() == b.tobytes()


@pytest.mark.parametrize("name", quick_first(VECTORED))
def test_fields_of_real_clips_equal_a_slow_painter(real_videos, name):
    """In each direction and in both; the slow painter's vectors are divided by known distances, too.

    Of the first frames, as it is slow; the differential holds all of them against the straight decode.
    """
    most = 64
    with CompressedVideo(real_videos / name) as video:
        both = video.motion(0, min(most, video.info.frames), direction="both")
        alone = [video.motion(0, len(both.mask), direction) for direction in ("past", "future")]
        divided = video.reference_distance_known
    for i, direction in enumerate(("past", "future")):
        assert np.array_equal(both.mask[:, i], alone[i].mask)
        assert np.array_equal(both.vectors[:, i], alone[i].vectors)
        field, covered = slow_painter(real_videos / name, direction, most)
        assert np.array_equal(both.mask[:, i], covered)
        if divided:
            steps = np.array(reference_steps(both.picture_types, direction), np.float32)
            field = field / steps[:, None, None, None]
        assert np.array_equal(both.vectors[:, i], field)


def test_still_texture_has_no_motion_in_any_direction(tmp_path):
    encode(np.repeat(texture(64, 96)[None], 9, axis=0), tmp_path / "a.mp4", b_frames=2)
    with CompressedVideo(tmp_path / "a.mp4") as video:
        motion = video.motion(direction="both", fill="opposite")
    assert not motion.vectors.any() and motion.mask[1:-1, 0].all()
