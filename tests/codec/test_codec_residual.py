"""Residuals: motion compensation against the standard's words, and what is left of a frame."""

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from material import noise, pan, texture

from cvrl_lite import CompressedVideo
from cvrl_lite.codec import encode
from cvrl_lite.codec._stream import compensate


def prediction_in_the_standards_words(frame, vectors, *, six_tap):
    """Each sample by itself: Rec. ITU-T H.264, 8.4.2.2.1; for linear interpolation 14496-2, 7.6.2."""
    height, width = frame.shape

    def g(y, x):
        return int(frame[min(max(y, 0), height - 1), min(max(x, 0), width - 1)])

    def taps(a, b, c, d, e, f):
        return a - 5 * b + 20 * c + 20 * d - 5 * e + f

    def b1(y, x):
        return taps(*(g(y, x + i) for i in range(-2, 4)))

    def b(y, x):
        return min(max((b1(y, x) + 16) >> 5, 0), 255) if six_tap else (g(y, x) + g(y, x + 1) + 1) >> 1

    def h(y, x):
        h1 = taps(*(g(y + i, x) for i in range(-2, 4)))
        return min(max((h1 + 16) >> 5, 0), 255) if six_tap else (g(y, x) + g(y + 1, x) + 1) >> 1

    def j(y, x):
        if not six_tap:
            return (g(y, x) + g(y, x + 1) + g(y + 1, x) + g(y + 1, x + 1) + 2) >> 2
        return min(max((taps(*(b1(y + i, x) for i in range(-2, 4))) + 512) >> 10, 0), 255)

    def mean(p, q):
        return (p + q + 1) >> 1

    samples = {  # by table 8-12, keys (xFrac, yFrac)
        (0, 0): lambda y, x: g(y, x),
        (0, 1): lambda y, x: mean(g(y, x), h(y, x)),
        (0, 2): h,
        (0, 3): lambda y, x: mean(h(y, x), g(y + 1, x)),
        (1, 0): lambda y, x: mean(g(y, x), b(y, x)),
        (1, 1): lambda y, x: mean(b(y, x), h(y, x)),
        (1, 2): lambda y, x: mean(h(y, x), j(y, x)),
        (1, 3): lambda y, x: mean(h(y, x), b(y + 1, x)),
        (2, 0): b,
        (2, 1): lambda y, x: mean(b(y, x), j(y, x)),
        (2, 2): j,
        (2, 3): lambda y, x: mean(j(y, x), b(y + 1, x)),
        (3, 0): lambda y, x: mean(b(y, x), g(y, x + 1)),
        (3, 1): lambda y, x: mean(b(y, x), h(y, x + 1)),
        (3, 2): lambda y, x: mean(j(y, x), h(y, x + 1)),
        (3, 3): lambda y, x: mean(b(y + 1, x), h(y, x + 1)),
    }
    out = np.empty_like(frame)
    for y in range(height):
        for x in range(width):
            dx, dy = (int(v) for v in vectors[:, y // 8, x // 8])
            out[y, x] = samples[dx & 3, dy & 3](y + (dy >> 2), x + (dx >> 2))
    return out


@st.composite
def pictures_and_vectors(draw):
    height, width = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    levels = draw(st.sampled_from([2, 256]))  # black and white drives the filters out of their range
    frame = (rng.integers(0, levels, (height, width)) * (255 // (levels - 1))).astype(np.uint8)
    reach = draw(st.sampled_from([3, 20, 300, 30000]))
    return frame, rng.integers(-reach, reach + 1, (2, -(-height // 8), -(-width // 8)))


@given(pictures_and_vectors(), st.booleans())
def test_compensation_follows_the_standard(case, six_tap):
    frame, vectors = case
    found = compensate.Reference(frame, six_tap_filter=six_tap).compensate(vectors)
    assert np.array_equal(found, prediction_in_the_standards_words(frame, vectors, six_tap=six_tap))


@given(st.integers(0, 2**32), st.sampled_from([5, 50, 5000]), st.booleans())
def test_the_compiled_loops_equal_numpy(seed, reach, six_tap):
    rng = np.random.default_rng(seed)
    frame = rng.choice(np.array([0, 1, 128, 254, 255], np.uint8), (144, 180))
    vectors = rng.integers(-reach, reach + 1, (2, 18, 23))
    fast = compensate.Reference(frame, six_tap_filter=six_tap).compensate(vectors)
    assert np.array_equal(fast, reference.compensate(frame, vectors, six_tap=six_tap))


def test_the_greatest_sums_do_not_overflow():
    row = np.array([0, 255, 0, 0, 255, 0], np.uint8)
    worst = np.stack([row, 255 - row, row, row, 255 - row, row])  # taps of one sign meet white, others black
    for patch in (worst, 255 - worst):
        frame = np.full((24, 24), 128, np.uint8)
        frame[6:12, 6:12] = patch
        vectors = np.full((2, 3, 3), 2)
        expected = prediction_in_the_standards_words(frame, vectors, six_tap=True)
        assert np.array_equal(compensate.Reference(frame).compensate(vectors), expected)


def waves(frames, dx, dy, height=160, width=208):
    """Smooth content that moves by (dx, dy) pixels a frame, of any fraction; (frames, height, width, 3)."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    clip = np.zeros((frames, height, width))
    for _ in range(12):
        turn, length, phase = rng.uniform(0, 2 * np.pi), rng.uniform(10, 24), rng.uniform(0, 2 * np.pi)
        fx, fy = np.cos(turn) * 2 * np.pi / length, np.sin(turn) * 2 * np.pi / length
        for t in range(frames):
            clip[t] += np.sin(fx * (x - dx * t) + fy * (y - dy * t) + phase)
    gray = (128 + clip * 110 / np.abs(clip).max()).round().astype(np.uint8)
    return np.repeat(gray[..., None], 3, -1)


def test_blocks_without_coefficients_leave_exactly_nothing_at_all_sixteen_positions(tmp_path):
    whole, empty = np.zeros((4, 4), int), np.zeros((4, 4), int)
    for right in range(4):
        for down in range(4):
            clip = waves(6, 1 + right / 4, -1 + down / 4)
            path = tmp_path / f"{right}{down}.mp4"
            # P-frames at 51; the I-frame fine enough to tell quarter pixels apart.
            options = {"x264-params": "no-deblock=1:ipratio=30"}
            encode(clip, path, gop=100, quantizer=51, preset="medium", options=options)
            with CompressedVideo(path) as video:
                residual, motion = video.residuals(), video.motion()
            assert residual.exact
            assert np.array_equal(residual.mask, motion.mask)
            frames, rows, columns = motion.mask.shape
            blocks = (frames, rows // 2, 2, columns // 2, 2)
            quarters = (motion.vectors * 4).astype(int) & 3
            position = (quarters[:, 1] * 4 + quarters[:, 0]).reshape(blocks)
            one = position[:, :, :1, :, :1]
            of_one = (motion.mask.reshape(blocks) & (position == one)).all((2, 4))
            zero = (residual.values.reshape(frames, rows // 2, 16, columns // 2, 16) == 0).all((2, 4))
            for k in range(16):
                chosen = of_one & (one[:, :, 0, :, 0] == k)
                whole.flat[k] += chosen.sum()
                empty.flat[k] += (chosen & zero).sum()
    assert whole.min() >= 100
    assert (empty / whole).min() >= 0.95


def test_nothing_is_left_of_a_clip_that_stands_still(tmp_path):
    encode(np.repeat(texture(96, 128)[None], 10, 0), tmp_path / "still.mp4", gop=5, quantizer=26)
    with CompressedVideo(tmp_path / "still.mp4") as video:
        residual = video.residuals()
    assert residual.values.shape == (10, 96, 128) and residual.values.dtype == np.int16
    assert residual.mask.shape == (10, 12, 16)
    assert not residual.values.any()
    assert residual.mask.all((1, 2)).tolist() == [False, True, True, True, True] * 2


def test_intra_blocks_are_masked_and_hold_zeros(tmp_path):
    clip = pan(6, 2, 1)
    clip[3:, :, 64:] = noise(3, 96, 64)
    encode(clip, tmp_path / "half.mp4", gop=100, quantizer=26)
    with CompressedVideo(tmp_path / "half.mp4") as video:
        residual, motion = video.residuals(), video.motion()
    assert np.array_equal(residual.mask, motion.mask)
    assert not residual.mask[0].any()
    assert residual.mask[3, :, :6].mean() > 0.9 and residual.mask[3, :, 8:].mean() < 0.3
    outside = ~residual.mask.repeat(8, 1).repeat(8, 2)
    assert not residual.values[outside].any()
    assert residual.values[3].any()


@pytest.mark.parametrize(
    ("codec", "suffix", "how"),
    [
        ("mpeg4", "avi", {}),
        ("mpeg4", "mp4", {"options": {"flags": "+qpel"}}),
        ("mpeg2video", "mpg", {}),
        ("h264", "mp4", {}),
        ("h264", "mp4", {"b_frames": 2}),
        ("h264", "mp4", {"b_frames": 3, "references": 3, "weighted": True}),
        ("h264", "mp4", {"pixel_format": "yuv420p10le", "deblock": False}),
        ("h264", "mp4", {"pixel_format": "yuv444p"}),
    ],
)
def test_other_streams_give_an_approximation_that_says_so_and_beats_the_frame_difference(
    tmp_path, codec, suffix, how
):
    clip = pan(14, 5, -3)
    encode(
        clip, tmp_path / f"clip.{suffix}", codec=codec, gop=7, quantizer=4 if codec != "h264" else 20, **how
    )
    with CompressedVideo(tmp_path / f"clip.{suffix}") as video:
        residual = video.residuals()
    assert not residual.exact
    gray = clip.mean(-1).astype(int)
    inside = residual.mask.repeat(8, 1).repeat(8, 2)[1:]
    assert inside.mean() > 0.7
    left, difference = np.abs(residual.values[1:])[inside], np.abs(np.diff(gray, axis=0))[inside]
    assert left.mean() < 0.35 * difference.mean()


def test_mpeg4_b_pictures_are_masked(tmp_path):
    encode(pan(12, 3, 0), tmp_path / "b.mp4", codec="mpeg4", b_frames=2, gop=12)
    with CompressedVideo(tmp_path / "b.mp4") as video:
        residual, kinds = video.residuals(), video.motion().picture_types
    assert "B" in kinds
    assert not residual.mask[kinds == "B"].any() and not residual.values[kinds == "B"].any()
    assert residual.mask[kinds == "P"].any((1, 2)).all()


@pytest.mark.parametrize("b_frames", [0, 3])
def test_any_stretch_is_that_of_the_whole(tmp_path, b_frames):
    encode(pan(30, 3, 2), tmp_path / "clip.mp4", gop=10, b_frames=b_frames)
    with CompressedVideo(tmp_path / "clip.mp4") as video:
        whole = video.residuals()
        for start, stop in [(0, 1), (3, 9), (9, 11), (13, 14), (25, 30), (30, 30), (10, 10)]:
            part = video.residuals(start, stop)
            assert np.array_equal(part.values, whole.values[start:stop])
            assert np.array_equal(part.mask, whole.mask[start:stop])
        chunks = [chunk.residuals for chunk in video.chunks(7, ("residuals",))]
    assert np.array_equal(np.concatenate([chunk.values for chunk in chunks]), whole.values)
    assert np.array_equal(np.concatenate([chunk.mask for chunk in chunks]), whole.mask)


def test_with_a_cropped_edge_it_is_no_longer_exact(tmp_path):
    encode(pan(5, 2, 1, 90, 122), tmp_path / "odd.mp4", deblock=False, pixel_format="yuv444p")
    with CompressedVideo(tmp_path / "odd.mp4") as video:
        residual = video.residuals()
    assert not residual.exact
    assert residual.values.shape == (5, 90, 122) and residual.mask.shape == (5, 12, 16)


@pytest.mark.parametrize("name", ["imageio_realshort.mp4", "tc_nasa_13013.mp4"])
def test_real_clips_leave_less_than_their_frames_differ(real_videos, name):
    with CompressedVideo(real_videos / name) as video:
        residual = video.residuals(0, 30)
        frames = np.stack([image.mean(-1) for image in video.frames(0, 30)])
    assert not residual.exact
    inside = residual.mask.repeat(8, 1).repeat(8, 2)[1:, : frames.shape[1], : frames.shape[2]]
    left, difference = np.abs(residual.values[1:])[inside], np.abs(np.diff(frames, axis=0))[inside]
    assert left.mean() < difference.mean()
