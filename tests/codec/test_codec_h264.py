"""H.264 headers: what encodes made with known settings are found to be, and broken ones."""

import re
from functools import cache

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from material import noise, pan, remux

from cvrl_lite.codec import encode
from cvrl_lite.codec._stream.h264 import H264Facts, read_facts
from cvrl_lite.codec._stream.h264_headers import split_nal_units

PLAIN = H264Facts(
    bit_depth=8,
    cropped=False,
    b_frames=False,
    weighted=False,
    deblocked=True,
    sub_8x8_partitions=False,
    reference_distance_known=True,
)


def opened(path):
    """The extradata and packets of a file's first video stream."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        packets = [bytes(packet) for packet in container.demux(stream) if packet.size]
        return stream.codec_context.extradata, packets


def facts_of(path):
    return read_facts(*opened(path))


def made(folder, name="clip.mp4", frames=None, **how):
    encode(pan(16, 3, 1) if frames is None else frames, folder / name, **{"gop": 8} | how)
    return folder / name


def brightening():
    """A frame that gets brighter."""
    gain = np.linspace(0.3, 1, 16)[:, None, None, None]
    return (pan(16, 0, 0) * gain).astype(np.uint8)


def differing(facts):
    """The facts that are not those of the plainest stream."""
    return {name: value for name, value in vars(facts).items() if value != getattr(PLAIN, name)}


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "264", "ts", "avi"])
def test_a_plain_stream_in_any_container(tmp_path, suffix):
    facts = facts_of(made(tmp_path, f"clip.{suffix}"))
    assert facts == PLAIN
    assert facts.single_reference_p_only and not facts.residual_exact


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({"deblock": False}, {"deblocked": False}),
        ({"deblock": False, "scene_cuts": True, "frames": noise(6)}, {"deblocked": False}),
        ({"deblock": False, "threads": 2, "options": {"slices": "4"}}, {"deblocked": False}),
        ({"pixel_format": "yuv444p"}, {}),
        ({"pixel_format": "yuv422p10le"}, {"bit_depth": 10}),
        ({"pixel_format": "gray"}, {}),
        ({"frames": pan(9, 1, 0, 90, 122)}, {"cropped": True}),
        ({"options": {"partitions": "all"}, "preset": "slow"}, {"sub_8x8_partitions": True}),
        ({"gop": 1}, {}),
        ({"quantizer": 0, "deblock": False}, {"deblocked": False}),  # lossless, a profile of its own
        ({"options": {"weightp": "1"}, "frames": brightening()}, {"weighted": True}),
        ({"options": {"weightp": "1"}, "deblock": False}, {"deblocked": False}),  # tables that change nothing
        ({"b_frames": 2, "options": {"b-pyramid": "none"}}, {"b_frames": True}),
        ({"b_frames": 1, "weighted": True}, {"b_frames": True, "weighted": True}),
        (
            {"b_frames": 2, "options": {"b-pyramid": "none", "x264-params": "open-gop=1"}},
            {"b_frames": True},
        ),
        ({"options": {"x264-params": "fake-interlaced=1"}}, {}),
        ({"options": {"x264-params": "cqm=jvt"}, "preset": "medium"}, {}),  # with scaling lists
        ({"options": {"coder": "vlc"}}, {}),
    ],
)
def test_a_setting_shows_and_the_references_are_known(tmp_path, how, expected):
    facts = facts_of(made(tmp_path, **how))
    assert differing(facts) == expected
    assert facts.single_reference_p_only == (not facts.b_frames)
    assert facts.residual_exact == (expected == {"deblocked": False})


@pytest.mark.parametrize(
    "how",
    [
        {"references": 3, "frames": pan(16, 3, 1)[[i % 3 + i // 3 for i in range(16)]]},
        {"weighted": True, "references": 2, "frames": brightening()},  # one twice, with weights and without
        {"b_frames": 3, "options": {"b-pyramid": "normal", "b_strategy": "0"}},
        {"b_frames": 3, "references": 2, "options": {"b-pyramid": "strict", "b_strategy": "0"}},
        {"options": {"x264-params": "interlaced=1"}},
        {"options": {"x264-params": "tff=1:bframes=2"}},
    ],
)
def test_streams_that_leave_the_references_open(tmp_path, how):
    header, packets = opened(made(tmp_path, **how))
    taken = []
    facts = read_facts(header, (taken.append(data) or data for data in packets))
    assert not facts.reference_distance_known
    assert not facts.single_reference_p_only and not facts.residual_exact
    assert len(taken) < len(packets)  # it is known early that it is not known
    assert facts.cropped is None  # by then, not all was read


def test_a_missing_picture_leaves_the_references_open(tmp_path):
    header, packets = opened(made(tmp_path))
    assert read_facts(header, packets[8:]) == H264Facts(**vars(PLAIN) | {"sub_8x8_partitions": None})
    assert not read_facts(header, packets[:3] + packets[4:]).reference_distance_known
    assert not read_facts(header, packets[1:]).reference_distance_known
    assert read_facts(header, packets[:7]).reference_distance_known


def test_without_the_encoders_text_the_partitions_are_unknown(tmp_path):
    _, packets = opened(made(tmp_path, "clip.264", deblock=False))
    with_text = b"".join(packets)
    nals = [nal for nal in split_nal_units(with_text, 0) if nal and nal[0] & 31 != 6]
    without = b"".join(b"\0\0\1" + nal for nal in nals)
    assert read_facts(None, [with_text]).residual_exact
    facts = read_facts(None, [without])
    assert facts.sub_8x8_partitions is None and facts.reference_distance_known
    assert not facts.residual_exact


def test_headers_only_or_nothing_at_all():
    assert read_facts(None, []) == H264Facts()
    assert read_facts(b"", [b"", b"\0", b"\0\0\1", b"\0\0\1\x65"]) == H264Facts()
    assert read_facts(b"\1", [b"\0\0\0\1\x65"]) == H264Facts()


def test_both_ways_of_packing_say_the_same(tmp_path):
    raw = made(tmp_path, "clip.264", b_frames=2, options={"b-pyramid": "none"})
    boxed = remux(made(tmp_path, "clip.mp4", b_frames=2, options={"b-pyramid": "none"}), tmp_path / "b.mkv")
    assert opened(boxed)[0][:1] == b"\1" and opened(raw)[0][:1] == b"\0"
    assert facts_of(raw) == facts_of(boxed)


@cache
def _sound(folder):
    return opened(made(folder)), opened(made(folder, "b.264", b_frames=2, references=2, weighted=True))


@given(st.data())
def test_broken_headers_raise_nothing(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp()
    header, packets = data.draw(st.sampled_from(_sound(folder)))
    pieces = [bytearray(header), *map(bytearray, packets)]
    for _ in range(data.draw(st.integers(1, 6))):
        piece = pieces[data.draw(st.integers(0, 4))]
        at = data.draw(st.integers(0, min(60, len(piece) - 1))) if piece else 0
        if data.draw(st.booleans()):
            piece[at : at + 1] = data.draw(st.binary(max_size=3))
        else:
            del piece[at:]
    facts = read_facts(bytes(pieces[0]), map(bytes, pieces[1:]))
    assert isinstance(facts, H264Facts)


@given(st.none() | st.binary(max_size=40), st.lists(st.binary(max_size=80), max_size=4))
def test_any_bytes_raise_nothing(header, packets):
    assert not read_facts(header, packets).residual_exact
    assert not read_facts(header, [b"\0\0\1\x67" + data for data in packets]).residual_exact


KNOWN = {  # is each reference the nearest?
    "imageio_realshort.mp4": True,
    "imageio_test.webm": True,
    "intel_asl_again.mkv": False,
    "intel_bottle.mp4": False,
    "mvx_vid_h264.264": False,
    "mvx_vid_h264.mp4": True,
    "skv_bigbuckbunny.mp4": True,
    "skv_bikes.mp4": False,
    "tc_h264_10bits.mp4": False,
    "tc_nasa_13013.mp4": False,
}


@pytest.mark.parametrize("name", KNOWN)
def test_real_clips_and_what_their_encoders_wrote_about_them(real_videos, name):
    header, packets = opened(real_videos / name)
    facts = read_facts(header, packets)
    assert facts.reference_distance_known == facts.single_reference_p_only == KNOWN[name]
    assert facts.deblocked and not facts.residual_exact
    text = re.search(rb"x264 - core [ -~]* options: ([ -~]*)", header + b"".join(packets[:2]))
    if text is None:
        assert facts.sub_8x8_partitions is None
        return
    options = dict(part.split("=", 1) for part in text[1].decode().split())
    assert facts.bit_depth == int(options.get("bitdepth", facts.bit_depth))
    assert (options["ref"] == "1") >= facts.reference_distance_known
    assert facts.b_frames == (int(options["bframes"]) > 0)
    assert options["deblock"].startswith("1") == facts.deblocked
