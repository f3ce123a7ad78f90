"""How frames are shown: turned and mirrored by a display matrix, stretched by a sample aspect ratio."""

import json
import pickle
from fractions import Fraction
from math import cos, radians, sin
from pathlib import Path
from unittest.mock import Mock

import av
import numpy as np
import pytest
from av.bitstream import BitStreamFilterContext
from material import MATRICES, pan, remux, shown
from test_codec_doors import same

from cvrl_lite import CompressedVideo, VideoError
from cvrl_lite.cli import main
from cvrl_lite.codec import encode, extract, is_transcoded, load, transcode
from cvrl_lite.codec.turn import orientation

ODD = Path(__file__).parents[2] / "../shared/videos/odd"
RATIO = Fraction(64, 45)
every_matrix = pytest.mark.parametrize("matrix", MATRICES.values(), ids=MATRICES)


def test_a_file_that_cannot_be_turned_is_opened_once(tmp_path, monkeypatch):
    """Nothing is decoded to look for a matrix where neither container nor codec has a place for one."""
    counts = []
    for name in ("a.avi", "a.mp4"):
        encode(pan(6, 1, 1), tmp_path / name, codec="mpeg4")
        spy = Mock(wraps=av.open)
        monkeypatch.setattr(av, "open", spy)
        with CompressedVideo(tmp_path / name) as video:
            assert video.info.display_matrix is None and video.motion().mask.any()
        monkeypatch.undo()
        counts.append(spy.call_count)
    assert counts == [1, 2]


def filtered(path, matrix):
    """The frames as ffmpeg shows them: the filters of configure_input_video_filter() in ffmpeg_filter.c."""
    theta = -round(np.degrees(-np.arctan2(matrix[1], matrix[0])))  # av_display_rotation_get, of equal scales
    theta -= 360 * np.floor(theta / 360 + 0.9 / 360)
    filters = []
    if abs(theta - 90) < 1:
        filters = [("transpose", "cclock_flip" if matrix[3] > 0 else "clock")]
    elif abs(theta - 180) < 1:
        filters = [("hflip", "")] * (matrix[0] < 0) + [("vflip", "")] * (matrix[4] < 0)
    elif abs(theta - 270) < 1:
        filters = [("transpose", "clock_flip" if matrix[3] < 0 else "cclock")]
    elif abs(theta) < 1:
        filters = [("vflip", "")] * (matrix[4] < 0)
    else:
        raise AssertionError(f"no whole quarter turn: {theta}")
    with av.open(str(path)) as container:
        graph = av.filter.Graph()
        chain = [graph.add_buffer(template=container.streams.video[0])]
        chain += [graph.add(name, value) for name, value in [*filters, ("format", "rgb24")]]
        graph.link_nodes(*chain, graph.add("buffersink")).configure()
        made = []
        for frame in container.decode(video=0):
            graph.push(frame)
            made.append(graph.pull().to_ndarray())
        return np.stack(made)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A pan whose size is no whole number of cells, with a patch that is coded intra."""
    frames = pan(10, 3, 1, 44, 60)
    frames[4:, :20, 30:] = 128
    path = tmp_path_factory.mktemp("display") / "plain.mp4"
    encode(frames, path, gop=20, b_frames=1)
    return path


@every_matrix
@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_frames_lie_as_ffmpeg_shows_them(plain, tmp_path, matrix, suffix):
    path = remux(plain, tmp_path / f"a{suffix}", matrix)
    with CompressedVideo(path) as video, CompressedVideo(path, apply_rotation=False) as coded:
        info, images = video.info, video.clip(0, 10)
        assert np.array_equal(images, shown(coded.clip(0, 10), matrix))
        # The filters scale no chroma, but convert it at other places: near is enough, and no other way is.
        assert np.abs(filtered(path, matrix).astype(int) - images).mean() < 4
        others = [shown(coded.clip(0, 10), other) for other in MATRICES.values() if other != matrix]
        assert min(np.abs(o.astype(int) - images).mean() for o in others if o.shape == images.shape) > 20
        assert (info.height, info.width) == images.shape[1:3]
        assert (coded.info.height, coded.info.width) == (44, 60)
        identity = matrix == MATRICES["identity"]
        assert info.display_matrix == coded.info.display_matrix == (None if identity else matrix)
        upright = np.flip(coded.clip(0, 1), 2) if info.mirrored else coded.clip(0, 1)
        assert np.array_equal(np.rot90(upright, info.rotation // 90 % 4, (1, 2)), images[:1])
        assert pickle.loads(pickle.dumps(info)) == info and json.dumps(info.as_dict())


@every_matrix
def test_all_that_is_read_lies_the_same_way(plain, tmp_path, matrix):
    path = remux(plain, tmp_path / "a.mp4", matrix)
    with CompressedVideo(path) as video, CompressedVideo(path, apply_rotation=False) as coded:
        images = video.clip(0, 10)
        size = images.shape[1:3]
        assert np.array_equal(video.keyframes().images, images[:1])
        assert np.array_equal(np.stack(list(video.frames(2, 6))), images[2:6])
        assert np.array_equal(video.frames_at([3, 8]), images[[3, 8]])
        motion, field = video.motion(), coded.motion()
        assert np.array_equal(motion.mask, shown(field.mask, matrix)) and 0 < motion.mask[1:].mean() < 1
        residual, rest = video.residuals(), coded.residuals()
        assert np.array_equal(residual.values, shown(rest.values, matrix))
        assert np.array_equal(residual.mask, shown(rest.mask, matrix))
        assert np.array_equal(residual.predicted(), shown(rest.predicted(), matrix))
        assert not residual.values[~residual.predicted()].any()
        sample = video.sample(0, 4, window=3)
        assert np.array_equal(sample.clip, images[:4]) and np.array_equal(sample.keyframe, images[0])
        assert same(sample.motion, video.motion(4, 7))
        what = ("images", "motion", "keyframes", "residuals")
        chunk = next(video.chunks(10, what, direction="both"))
        assert np.array_equal(chunk.images, images) and np.array_equal(chunk.keyframes.images, images[:1])
        assert same(chunk.motion, video.motion(direction="both"))
        assert np.array_equal(chunk.residuals.values, residual.values)
        half = (size[0] // 2, size[1] // 2)
        assert video.clip(0, 1, size=half).shape == video.clip(0, 1, size=min(half)).shape == (1, *half, 3)
    for start in (0, 5):  # whatever is asked for first
        for read in ("motion", "residuals"):
            with CompressedVideo(path) as video:
                found = getattr(video, read)(start)
                assert np.array_equal(
                    found.mask, {"motion": motion, "residuals": residual}[read].mask[start:]
                )
        with CompressedVideo(path) as video:
            assert np.array_equal(video.clip(start, 5, size=half).shape, (5, *half, 3))
        with CompressedVideo(path) as video:
            assert np.array_equal(next(video.frames(start)), images[start])
        with CompressedVideo(path) as video:
            assert np.array_equal(video.sample(start, 2, window=2).clip, images[start : start + 2])


@every_matrix
def test_vectors_tell_the_motion_that_is_seen(tmp_path, matrix):
    encode(pan(6, 3, 1, 64, 80), tmp_path / "plain.mp4", gop=10)
    path = remux(tmp_path / "plain.mp4", tmp_path / "a.mp4", matrix)
    with CompressedVideo(path) as video:
        luma = video.clip(0, 6).astype(float).mean(3)
        x, y = np.median(video.motion(1).vectors, axis=(0, 2, 3)).astype(int)
    # Each frame is the one before, moved; moved any other of the eight ways, it is not.
    inner = (slice(None), slice(8, -8), slice(8, -8))
    ways = {(x, y), (-x, y), (x, -y), (-x, -y), (y, x), (-y, x), (y, -x), (-y, -x), (0, 0)}
    costs = {(u, v): np.abs(np.roll(luma[:-1], (-v, -u), (1, 2)) - luma[1:])[inner].mean() for u, v in ways}
    assert len(costs) == 9 and min(costs, key=costs.get) == (x, y)
    assert costs[x, y] < 0.5 * sorted(costs.values())[1]


@every_matrix
@pytest.mark.parametrize("direction", ["past", "both"])
def test_other_grids_are_those_of_the_coded_field_laid_out(plain, tmp_path, matrix, direction):
    """Of sizes with cells that an edge cuts, which may lie elsewhere once the frame is turned."""
    path = remux(plain, tmp_path / "a.mp4", matrix)
    with CompressedVideo(path) as video, CompressedVideo(path, apply_rotation=False) as coded:
        size = video.info.height, video.info.width
        coded_field, field = coded.motion(direction=direction), video.motion(direction=direction)
    rows = coded_field.mask.ndim - 2
    again = pickle.loads(pickle.dumps(field))
    for made in (field, again, field._replace(picture_types=field.picture_types)):
        for cell in (4, 8, 16, None):
            for crop in (True, False):
                found = made.resample(cell, size if crop else None)
                expected = coded_field.resample(cell, (44, 60) if crop else None)
                assert np.array_equal(found.mask, shown(expected.mask, matrix, rows))
                long, target = (np.hypot(*np.moveaxis(part.vectors, -3, 0)) for part in (found, expected))
                assert np.array_equal(long, shown(target, matrix, rows))
    assert field.resample(None, size).mask.shape[-2:] == size


@pytest.mark.parametrize("degrees", [0.4, 89, 91, 181, 269.5, 30, 60, 200, 300, -10])
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_tilt_goes_to_the_nearest_quarter_turn(degrees, mirrored):
    """Near one, that is what ffmpeg does; others it draws with cut corners, which vectors cannot have."""
    angle, quarter = radians(degrees), round(degrees / 90) % 4
    flip = -1 if mirrored else 1
    numbers = (flip * cos(angle), flip * sin(angle), 0, -sin(angle), cos(angle), 0, 0, 0, 0)
    way = orientation([round(number * 65536) for number in numbers])
    assert (way.mirrored, way.rotation) == (mirrored, {0: 0, 1: -90, 2: 180, 3: 90}[quarter])


@pytest.mark.parametrize("matrix", [(0,) * 9, (65536, 0, 0, 0, 0, 0, 0, 0, 0), (0, 5, 0, 0, 0, 0, 0, 0, 0)])
def test_a_matrix_that_leaves_nothing_is_passed_over(plain, tmp_path, matrix):
    path = remux(plain, tmp_path / "a.mp4", matrix)
    with CompressedVideo(path) as video, CompressedVideo(plain) as other:
        assert (video.info.rotation, video.info.mirrored) == (0, False)
        assert np.array_equal(video.clip(0, 10), other.clip(0, 10))


def test_a_matrix_that_also_shifts_and_scales(plain, tmp_path):
    """As phones write it: the shift brings the turned frame back to the corner."""
    data = remux(plain, tmp_path / "a.mp4", MATRICES["clockwise"]).read_bytes()
    at = data.index(b"tkhd") + 4 + 40  # of version 0
    numbers = np.frombuffer(data[at : at + 36], ">i4").copy()
    assert numbers[[1, 3]].tolist() == [65536, -65536]
    numbers[[1, 3]], numbers[6] = (2 * 65536, -2 * 65536), 44 * 65536
    (tmp_path / "b.mp4").write_bytes(data[:at] + numbers.tobytes() + data[at + 36 :])
    with CompressedVideo(tmp_path / "b.mp4") as video, CompressedVideo(tmp_path / "a.mp4") as other:
        assert video.info.display_matrix == tuple(numbers.tolist())
        assert np.array_equal(video.clip(0, 10), other.clip(0, 10))


@pytest.mark.parametrize("suffix", [".264", ".ts"])
@pytest.mark.parametrize(
    ("says", "name"),
    [("rotate=90", "anticlockwise"), ("flip=vertical", "vflip"), ("rotate=90:flip=horizontal", "transpose")],
)
def test_the_stream_itself_may_say_how_it_is_shown(tmp_path, suffix, says, name):
    """By H.264's supplemental information, which stands at key frames and holds on from there."""
    encode(pan(24, 3, 1, 44, 60), tmp_path / "plain.mp4", gop=12, b_frames=2)
    path = tmp_path / f"a{suffix}"
    with av.open(str(tmp_path / "plain.mp4")) as old, av.open(str(path), "w") as new:
        source, target = old.streams.video[0], new.add_stream_from_template(old.streams.video[0])
        how = f"h264_mp4toannexb,h264_metadata=display_orientation=insert:{says}"
        insert = BitStreamFilterContext(how, source)
        for packet in old.demux(source):
            for changed in insert.filter(packet if packet.size else None):
                changed.stream = target
                new.mux(changed)
    with CompressedVideo(path) as video, CompressedVideo(tmp_path / "plain.mp4") as plain:
        assert np.sign(video.info.display_matrix[:5]).tolist() == np.sign(MATRICES[name][:5]).tolist()
        expected = shown(plain.clip(0, 24), MATRICES[name])
        assert np.array_equal(video.clip(0, 24), expected)
    with CompressedVideo(path) as video:
        assert np.array_equal(video.clip(17, 3), expected[17:20])


def test_a_file_whose_first_frame_is_broken_is_still_turned(tmp_path):
    encode(pan(24, 3, 1, 64, 80), tmp_path / "plain.mp4", gop=12)
    path = remux(tmp_path / "plain.mp4", tmp_path / "a.mp4", MATRICES["clockwise"])
    with av.open(str(path)) as container:
        first = next(packet for packet in container.demux(video=0))
        size = int.from_bytes(bytes(first)[:4], "big")  # of the encoder, before the slice
        start, end = first.pos + 4 + size + 5, first.pos + first.size
    data = bytearray(path.read_bytes())
    data[start:end] = bytes(end - start)
    path.write_bytes(data)
    with CompressedVideo(path) as video, CompressedVideo(tmp_path / "plain.mp4") as plain:
        with pytest.raises(VideoError):
            video.clip(0, 1)
        assert np.array_equal(video.clip(12, 4), shown(plain.clip(12, 4), MATRICES["clockwise"]))


@every_matrix
def test_transcoding_and_extraction_write_what_is_shown(tmp_path, matrix):
    encode(pan(6, 3, 1, 64, 80), tmp_path / "plain.mp4", crf=5)
    path = remux(tmp_path / "plain.mp4", tmp_path / "a.mp4", matrix)
    transcode(path, tmp_path / "new.mp4", crf=5)
    transcode(path, tmp_path / "small.mp4", short_side=32)
    extract(path, tmp_path / "a.npz", ("keyframes", "motion", "residuals"))
    made = load(tmp_path / "a.npz")
    with (
        CompressedVideo(path) as old,
        CompressedVideo(tmp_path / "new.mp4") as new,
        CompressedVideo(tmp_path / "small.mp4") as small,
    ):
        height, width = old.info.height, old.info.width
        assert new.info.display_matrix is None and (new.info.height, new.info.width) == (height, width)
        assert np.abs(new.clip(0, 6).astype(int) - old.clip(0, 6)).mean() < 6
        assert (small.info.height, small.info.width) == (height // 2, width // 2)
        assert np.array_equal(made.keyframes.images, old.keyframes().images)
        assert np.array_equal(made.motion.vectors, old.motion().vectors)
        assert np.array_equal(made.residuals.values, old.residuals().values)
        assert (made.header["height"], made.header["width"]) == (height, width)


def test_inspect_shows_how_a_file_is_shown(tmp_path, capsys):
    encode(pan(3, 3, 1, 44, 60), tmp_path / "plain.mp4", sample_aspect_ratio=RATIO)
    path = remux(tmp_path / "plain.mp4", tmp_path / "a.mp4", MATRICES["transpose"])
    assert main(["inspect", str(tmp_path / "plain.mp4")]) == 0
    assert "60x44, displayed as 85x44 (sample aspect ratio 64:45)" in capsys.readouterr().out
    assert main(["inspect", str(path)]) == 0
    text = "44x60, from 60x44 mirrored and turned by 90 degrees anticlockwise, displayed as 44x85 "
    assert text + "(sample aspect ratio 45:64)" in capsys.readouterr().out
    assert main(["inspect", "--json", str(path)]) == 0
    facts = json.loads(capsys.readouterr().out)[0]
    assert facts["display_matrix"] == list(MATRICES["transpose"])
    assert (facts["mirrored"], facts["rotation"], facts["sample_aspect_ratio"]) == (True, 90, "45:64")
    assert (facts["width"], facts["height"]) == (44, 60)
    assert (facts["display_width"], facts["display_height"]) == (44, 85)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.264", "a.avi"])
def test_the_sample_aspect_ratio_is_told(tmp_path, name):
    codec = "mpeg4" if name == "a.avi" else "h264"
    encode(pan(3, 1, 1, 48, 64), tmp_path / name, codec=codec, sample_aspect_ratio=RATIO)
    with CompressedVideo(tmp_path / name) as video:
        info = video.info
        assert info.sample_aspect_ratio == RATIO and (info.width, info.height) == (64, 48)
        assert (info.display_width, info.display_height) == (91, 48)
        assert video.clip(0, 1).shape == (1, 48, 64, 3)  # frames are not stretched
        video.motion(), video.residuals()
        assert pickle.loads(pickle.dumps(video)).info.sample_aspect_ratio == RATIO
    encode(pan(3, 1, 1, 48, 64), tmp_path / name, codec=codec)
    with CompressedVideo(tmp_path / name) as video:
        assert video.info.sample_aspect_ratio in (None, 1) and video.info.display_width == 64


def with_ratio(src, dst, width, height):
    """Copies an MP4 file whose container then says this ratio, not its stream; the bytes from before."""
    data = src.read_bytes()
    at = data.index(b"pasp") + 4
    ratio = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    dst.write_bytes(data[:at] + ratio + data[at + 8 :])
    return data


def test_the_ratio_of_the_container_comes_before_that_of_the_stream(tmp_path):
    """As in FFmpeg's av_guess_sample_aspect_ratio()."""
    encode(pan(3, 1, 1, 48, 64), tmp_path / "a.mp4", sample_aspect_ratio=RATIO)
    data = with_ratio(tmp_path / "a.mp4", tmp_path / "b.mp4", 4, 3)
    at = data.index(b"pasp") + 4
    (tmp_path / "c.mp4").write_bytes(data[: at - 4] + b"free" + data[at:])
    for name, ratio in {"a.mp4": RATIO, "b.mp4": Fraction(4, 3), "c.mp4": RATIO}.items():
        with CompressedVideo(tmp_path / name) as video:
            assert video.info.sample_aspect_ratio == ratio


@pytest.mark.parametrize("turn", ["identity", "clockwise"])
def test_transcoding_makes_pixels_square_or_keeps_their_shape(tmp_path, turn):
    frames = pan(3, 1, 1, 48, 64)
    encode(frames, tmp_path / "plain.mp4", crf=5, sample_aspect_ratio=RATIO)
    path = remux(tmp_path / "plain.mp4", tmp_path / "a.mp4", MATRICES[turn])
    turns = turn == "clockwise"
    ways = {
        "square": ({}, (90, 48), (None, 1)),
        "small": ({"short_side": 24}, (46, 24), (None, 1)),
        "kept": ({"square_pixels": False}, (64, 48), (1 / RATIO if turns else RATIO,)),
    }
    for name, (how, size, ratios) in ways.items():
        target = tmp_path / f"{name}.mp4"
        transcode(path, target, crf=5, **how)
        assert is_transcoded(path, target, crf=5, **how)
        assert is_transcoded(path, target, crf=5) == (name == "square")
        with CompressedVideo(target) as video:
            info = video.info
            assert (info.width, info.height) == (size[::-1] if turns else size)
            assert info.sample_aspect_ratio in ratios and info.display_matrix is None


def test_a_ratio_that_cannot_be_kept_is_refused(tmp_path):
    encode(pan(3, 1, 1, 48, 64), tmp_path / "a.mp4", sample_aspect_ratio=RATIO)
    with pytest.raises(VideoError, match=r"wmv2 in \.avi cannot hold a sample aspect ratio of 64/45"):
        transcode(tmp_path / "a.mp4", tmp_path / "b.avi", codec="wmv2", square_pixels=False)
    assert not (tmp_path / "b.avi").exists()
    with pytest.raises(ValueError, match="above 0"):
        encode(pan(3, 1, 1, 48, 64), tmp_path / "c.mp4", sample_aspect_ratio=Fraction(0))


def test_a_senseless_ratio_is_told(tmp_path):
    encode(pan(3, 1, 1, 48, 64), tmp_path / "plain.mp4", sample_aspect_ratio=RATIO)
    with_ratio(tmp_path / "plain.mp4", tmp_path / "a.mp4", 1000, 1)
    with pytest.raises(VideoError, match=r"a\.mp4: .* of 1000 makes frames of 64000x48"):
        transcode(tmp_path / "a.mp4", tmp_path / "b.mp4")
    with_ratio(tmp_path / "plain.mp4", tmp_path / "a.mp4", 1, 1000)
    transcode(tmp_path / "a.mp4", tmp_path / "b.mp4")
    with CompressedVideo(tmp_path / "b.mp4") as video:
        assert (video.info.width, video.info.height) == (2, 48)


def test_the_shell_keeps_the_shape_of_pixels_where_asked_to(tmp_path):
    encode(pan(3, 1, 1, 48, 64), tmp_path / "a.mp4", sample_aspect_ratio=RATIO)
    for options, width in (([], 90), (["--no-square-pixels"], 64)):
        assert main(["transcode", str(tmp_path / "a.mp4"), "--out", str(tmp_path / "out"), *options]) == 0
        with CompressedVideo(tmp_path / "out/a.mp4") as video:
            assert (video.info.width, video.info.height) == (width, 48)


@pytest.mark.skipif(not ODD.is_dir(), reason="needs shared/videos/odd")
def test_odd_files_of_other_people(tmp_path):
    facts = {
        "matrix_none.mp4": (160, 96, 0, False, (1, None), 160),
        "matrix_hflip.mp4": (160, 96, 0, True, (1, None), 160),
        "matrix_transpose.mp4": (96, 160, 90, True, (1, None), 96),
        "anamorphic.mp4": (180, 144, 0, False, (RATIO,), 256),
    }
    upright = None
    for name, (width, height, rotation, mirrored, ratios, display_width) in facts.items():
        with CompressedVideo(ODD / name) as video:
            info = video.info
            assert (info.width, info.height, info.rotation, info.mirrored) == (
                width,
                height,
                rotation,
                mirrored,
            )
            assert info.sample_aspect_ratio in ratios and info.display_width == display_width
            coded = CompressedVideo(ODD / name, apply_rotation=False).clip(0, 5)
            assert np.array_equal(video.clip(0, 5), shown(coded, info.display_matrix))
            upright = coded if name == "matrix_none.mp4" else upright
    transcode(ODD / "anamorphic.mp4", tmp_path / "a.mp4")
    with CompressedVideo(tmp_path / "a.mp4") as video:
        assert (video.info.width, video.info.height, video.info.frames) == (256, 144, 25)
