import os
from fractions import Fraction

import av
import numpy as np
import pytest
from material import noise, pan, slow_painter, texture

from cvrl_lite import CompressedVideo, NoMotionVectors, VideoError
from cvrl_lite.codec import encode, extract
from cvrl_lite.codec._stream.headers import is_intra
from cvrl_lite.codec.motion import reference_steps

WITH_VECTORS = {
    "h264": ".mp4",
    "mpeg4": ".mp4",
    "mpeg2video": ".mpg",
    "mpeg1video": ".mpg",
    "h263": ".avi",
    "flv": ".flv",
    "wmv2": ".avi",
    "msmpeg4": ".avi",
    "rv10": ".rm",
    "rv20": ".rm",
    "h261": ".h261",
}
WITH_B = ("h264", "mpeg4", "mpeg1video", "mpeg2video")
WITHOUT_VECTORS = {"hevc": ".mp4", "vp8": ".webm", "vp9": ".webm", "av1": ".mkv"}


def motion_of(path, **which):
    with CompressedVideo(path) as video:
        return video.motion(**which)


@pytest.mark.parametrize("codec", WITH_VECTORS)
@pytest.mark.parametrize(("dx", "dy"), [(3, 1), (-2, 4)])
def test_a_vector_points_back_to_where_the_content_was(tmp_path, codec, dx, dy):
    size = (144, 176)  # the only small one that H.263 has
    path = tmp_path / f"pan{WITH_VECTORS[codec]}"
    encode(pan(8, dx, dy, *size), path, codec=codec, gop=8)
    vectors, mask, types = motion_of(path)
    inner = (slice(1, None), slice(None), slice(3, -3), slice(3, -3))
    assert "".join(types) == "IPPPPPPP"
    assert not mask[0].any() and mask[1:, 3:-3, 3:-3].mean() > 0.95
    x, y = np.median(vectors[inner][:, 0]), np.median(vectors[inner][:, 1])
    assert (x, y) == (-dx, -dy)
    # What is skipped carries the pan as well: nearly every cell has it, coded or not.
    right = np.abs(vectors[inner] - np.array([-dx, -dy])[:, None, None]).max(axis=1) <= 0.5
    assert right.mean() > 0.9


@pytest.mark.parametrize("codec", WITH_VECTORS)
def test_vectors_are_where_the_motion_is(tmp_path, codec):
    """A still frame in which one square of three by three macroblocks moves."""
    frames = np.repeat(texture(144, 176)[None], 6, axis=0)
    frames[:, 64:112, 32:80] = pan(6, 3, -2, 48, 48, seed=1)
    encode(frames, tmp_path / f"a{WITH_VECTORS[codec]}", codec=codec, gop=6)
    vectors, mask, _ = motion_of(tmp_path / f"a{WITH_VECTORS[codec]}", start=1)
    still = np.ones(mask.shape[1:], bool)
    still[8:14, 4:10] = False
    assert mask[:, still].mean() > 0.95 and (vectors[:, :, still] == 0).mean() > 0.95
    assert np.median(vectors[:, :, 10:12, 6:8], axis=(0, 2, 3)).tolist() == [-3, 2]
    assert (np.median(vectors[:, :, 8:14, 4:10], axis=0) != 0).any(0).mean() > 0.8


@pytest.mark.parametrize(("codec", "ending"), [
    ("h261", ".h261"), ("h261", ".avi"), ("h263", ".avi"), ("h263", ".3gp"), ("h263p", ".avi"),
    ("rv10", ".rm"), ("rv20", ".rm"), ("flv", ".flv"), ("wmv1", ".avi"), ("msmpeg4v2", ".avi"),
])  # fmt: skip
def test_old_codecs_are_read_at_any_place(tmp_path, codec, ending):
    """FFmpeg's parsers of H.261 and H.263 take every packet for a key frame."""
    encode(pan(20, 2, 1, 144, 176), tmp_path / f"a{ending}", codec=codec, gop=8)
    with CompressedVideo(tmp_path / f"a{ending}") as video:
        assert video.info.gop_lengths == (8, 8, 4) and video.picture_counts["I"] == 3
        assert video.keyframes().indices.tolist() == [0, 8, 16]
        images, motion = np.stack(list(video.frames())), video.motion()
        for start in (5, 10, 19):
            assert np.array_equal(video.clip(start, 1)[0], images[start])
            assert np.array_equal(video.motion(start, start + 1).vectors[0], motion.vectors[start])
        assert motion.mask[19].mean() > 0.8 and not video.damage


@pytest.mark.parametrize(
    ("bits", "intra"),
    [
        ("0000000000000000100000 00000001 10000 010 0", True),  # QCIF, intra
        ("0000000000000000100000 00000001 10000 010 1", False),
        ("0000000000000000100000 00000001 10000 111 001" + 18 * "0" + "000", True),  # with an extended type
        ("0000000000000000100000 00000001 10000 111 001" + 18 * "0" + "001", False),
        ("0000000000000000100000 00000001 10000 111 000 000", True),
        ("0000000000000000100000 00000001 10000 111 000 001", False),
        ("0000000000000001100000 00000001 10000 010 0", False),  # no start code
        ("", False),
    ],
)
def test_h263_headers_tell_key_pictures(bits, intra):
    bits = bits.replace(" ", "").ljust(96, "0")
    assert is_intra("h263", int(bits, 2).to_bytes(12, "big") if int(bits, 2) else b"") == intra


def test_disposable_pictures_of_flv_make_distances_unknown(tmp_path):
    """Frame 3 of four refers to frame 1, as frame 2 is disposable."""
    frames, packets = pan(6, 2, 1, 144, 176), {}
    for name, chosen in (("without", [0, 1, 3]), ("with", [0, 1, 2])):
        encode(frames[chosen], tmp_path / f"{name}.flv", codec="flv", gop=9)
        with av.open(str(tmp_path / f"{name}.flv")) as container:
            packets[name] = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    disposable = bytearray(packets["with"][2])
    assert disposable[4] >> 5 & 3 == 1  # bits 33 and 34: P
    disposable[4] += 1 << 5
    with av.open(str(tmp_path / "a.flv"), "w") as container:
        stream = container.add_stream("flv", rate=25)
        stream.width, stream.height, stream.pix_fmt = 176, 144, "yuv420p"
        for i, data in enumerate([*packets["with"][:2], bytes(disposable), packets["without"][2]]):
            packet = av.Packet(data)
            packet.pts = packet.dts = 40 * i
            packet.time_base, packet.stream, packet.is_keyframe = Fraction(1, 1000), stream, not i
            container.mux(packet)
    with CompressedVideo(tmp_path / "a.flv") as video, CompressedVideo(tmp_path / "with.flv") as plain:
        assert plain.reference_distance_known and not video.reference_distance_known
        assert np.abs(video.clip(0, 4).astype(int) - frames[:4]).mean() < 9
        motion = video.motion()
        assert np.median(motion.vectors[3, :, 3:-3, 3:-3], axis=(1, 2)).tolist() == [-4, -2]
        with pytest.raises(VideoError, match="one reference"):
            video.motion(accumulate=True)


def test_snow_is_refused_with_the_reason(tmp_path):
    encode(pan(4, 2, 1), tmp_path / "a.avi", codec="snow", options={"strict": "-2"})
    with CompressedVideo(tmp_path / "a.avi") as video:
        with pytest.raises(NoMotionVectors, match="out of place"):
            video.motion()
        assert not video.info.has_vectors and len(list(video.frames())) == 4


def test_quarter_pixels_are_kept(tmp_path):
    fine = pan(9, 3, 1, 256, 256).astype(np.uint16)
    frames = fine.reshape(9, 64, 4, 64, 4, 3).mean((2, 4)).astype(np.uint8)  # content moves (.75, .25)
    encode(frames, tmp_path / "quarter.mp4", gop=9, preset="medium", crf=10)
    vectors = motion_of(tmp_path / "quarter.mp4").vectors[1:, :, 2:-2, 2:-2]
    assert np.median(vectors[:, 0]) == -0.75
    assert np.median(vectors[:, 1]) == -0.25


@pytest.mark.parametrize("codec", ["h264", "mpeg4"])
def test_a_static_clip_has_zero_vectors_and_a_full_mask(tmp_path, codec):
    encode(np.repeat(texture(64, 96)[None], 6, axis=0), tmp_path / "still.mp4", codec=codec, gop=6)
    vectors, mask, _ = motion_of(tmp_path / "still.mp4")
    assert mask[1:].all() and not mask[0].any()
    assert not vectors.any()


def test_intra_blocks_are_masked(tmp_path):
    frames = pan(8, 1, 0)
    frames[4:] = frames[4]
    frames[4:, :, 64:] = noise(4)[0, :, 64:]  # from frame 4 on, the right half is another frame
    encode(frames, tmp_path / "half.mp4", gop=8)
    mask = motion_of(tmp_path / "half.mp4").mask
    assert mask[4, :, :7].mean() > 0.9
    assert mask[4, :, 9:].mean() < 0.3
    assert mask[5].mean() > 0.9


@pytest.mark.parametrize(("height", "width"), [(122, 186), (50, 34), (16, 16), (120, 8 * 17)])
def test_odd_sizes_are_cropped_from_the_macroblock_grid(tmp_path, height, width):
    encode(pan(5, 2, 1, height, width), tmp_path / "odd.mp4", gop=5)
    vectors, mask, _ = motion_of(tmp_path / "odd.mp4")
    assert vectors.shape == (5, 2, -(-height // 8), -(-width // 8))
    assert vectors.dtype == np.float32 and mask.dtype == bool
    field, covered = slow_painter(tmp_path / "odd.mp4", "past")
    assert np.array_equal(vectors, field) and np.array_equal(mask, covered)


def test_really_odd_sizes(tmp_path):
    encode(pan(4, 1, 1, 51, 77), tmp_path / "a.mp4", pixel_format="yuv444p")
    encode(pan(4, 1, 1, 51, 77), tmp_path / "b.mp4", codec="mpeg4")
    assert motion_of(tmp_path / "a.mp4").mask.shape == motion_of(tmp_path / "b.mp4").mask.shape == (4, 7, 10)


@pytest.mark.parametrize("direction", ["past", "future"])
def test_the_field_equals_a_slow_painter(tmp_path, direction):
    frames = pan(40, 2, -1, 80, 112)
    frames[20:] = pan(20, -3, 2, 80, 112, seed=1)
    options = {"partitions": "all", "subq": "7"}
    path = tmp_path / "b.mp4"
    encode(frames, path, b_frames=3, references=3, gop=25, preset="medium", options=options)
    vectors, mask, types = motion_of(path, direction=direction)
    field, covered = slow_painter(path, direction)
    assert covered.any() and "B" in types
    assert np.array_equal(mask, covered) and np.array_equal(vectors, field)


@pytest.mark.parametrize(
    ("codec", "ending"), [("mpeg2video", ".mkv"), ("mpeg1video", ".mpg"), ("mpeg4", ".mp4")]
)
def test_older_codecs_are_divided_by_the_distance_to_the_reference(tmp_path, codec, ending):
    path = tmp_path / f"b{ending}"
    encode(pan(24, 2, 1, 144, 176), path, codec=codec, b_frames=2, gop=12)
    for direction, expected in (("past", (-2, -1)), ("future", (2, 1))):
        vectors, mask, types = motion_of(path, direction=direction)
        assert {"I", "P", "B"} == set(types)
        for kind in "PB":
            chosen = (types == kind)[:, None, None] & mask
            if (kind, direction) == ("P", "future") or (kind, codec) == ("B", "mpeg4"):
                assert not chosen.any()  # MPEG-4: FFmpeg exports none of its B-frames
            else:
                found = vectors.transpose(1, 0, 2, 3)[:, chosen]
                assert chosen.any() and tuple(np.median(found, axis=1)) == expected
        if direction == "past":
            assert mask[types == "P"].mean((1, 2)).min() > 0.8  # the last P-frame as well
    assert reference_steps("IBBPBP", "past") == [1, 1, 2, 3, 1, 2]
    assert reference_steps("IBBPBP", "future") == [3, 2, 1, 2, 1, 1]


@pytest.mark.parametrize("codec", WITHOUT_VECTORS)
def test_codecs_without_vectors_say_so_and_show_their_pictures(tmp_path, codec):
    path = tmp_path / f"none{WITHOUT_VECTORS[codec]}"
    encode(
        pan(20, 2, 1, 64, 64),
        path,
        codec=codec,
        gop=10,
        options={"svtav1-params": "lp=1"} if codec == "av1" else None,
    )
    with CompressedVideo(path) as video:
        with pytest.raises(NoMotionVectors, match=codec):
            video.motion()
        assert not video.info.has_vectors
        assert video.info.codec == codec
        assert video.keyframes().indices[0] == 0
        assert np.array_equal(video.clip(7, 5), np.stack(list(video.frames()))[7:12])


def test_vectors_do_not_depend_on_the_run(tmp_path):
    encode(pan(40, 3, 2), tmp_path / "b.mp4", b_frames=2)
    first, again = motion_of(tmp_path / "b.mp4"), motion_of(tmp_path / "b.mp4")
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))


@pytest.mark.parametrize(
    ("codec", "b_frames"),
    [(codec, b) for codec in WITH_VECTORS for b in ((0, 2) if codec in WITH_B else (0,))],
)
def test_pixels_left_out_change_neither_vectors_nor_key_frames(tmp_path, codec, b_frames):
    path = tmp_path / f"a{WITH_VECTORS[codec]}"
    frames = pan(13, 3, -2, 144, 176) // 2 + noise(13, 144, 176) // 4  # many coefficients in each frame
    encode(frames, path, codec=codec, gop=4, b_frames=b_frames)
    with CompressedVideo(path) as video:
        (whole,) = video.chunks(13, ("images", "motion"))
        (part,) = video.chunks(13, ("keyframes", "motion"))
        for other in (part.motion, video.motion()):
            assert all(map(np.array_equal, other, whole.motion))
        assert len(part.keyframes.indices) > 1
        assert np.array_equal(part.keyframes.images, whole.images[part.keyframes.indices])


def test_directions_are_two(tmp_path):
    encode(pan(3, 1, 1), tmp_path / "a.mp4")
    with CompressedVideo(tmp_path / "a.mp4") as video:
        for read in (video.motion, video.chunks, lambda **how: video.sample(0, 1, window=1, **how)):
            with pytest.raises(ValueError, match="sideways"):
                read(direction="sideways")
    for direction in ("sideways", "both"):
        with pytest.raises(ValueError, match=direction if direction == "sideways" else "one direction"):
            extract(tmp_path / "a.mp4", tmp_path / "a.npz", direction=direction)
    assert not (tmp_path / "a.npz").exists()


@pytest.mark.skipif(not hasattr(os, "sched_getscheduler"), reason="only Linux tells")
def test_encoding_leaves_the_scheduling_as_it_was(tmp_path):
    before = os.sched_getscheduler(0)
    encode(pan(4, 2, 1, 64, 64), tmp_path / "a.mkv", codec="av1", options={"svtav1-params": "lp=1"})
    assert os.sched_getscheduler(0) == before
