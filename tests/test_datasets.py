"""From files to batches: what is read, what is left out and why, and that choices follow the seed."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvrl_lite import codec, datasets
from cvrl_lite.datasets import ClipSampling, DecodedSet, DecodedVideo, Entry, MemoryLoader, moving_scenes


@pytest.fixture(scope="module")
def small_set(tmp_path_factory):
    root = tmp_path_factory.mktemp("scenes")
    moving_scenes.make(root, 12, seed=3, workers=1)
    return root


def made_up(frames: int, rate: float = 25.0, key_every: int = 12, name: str = "clip") -> DecodedVideo:
    """A video whose pixels and vectors tell their own index."""
    pixels = np.broadcast_to(np.arange(frames, dtype=np.uint8)[:, None, None, None], (frames, 8, 8, 3))
    vectors = np.broadcast_to(np.arange(frames, dtype=np.int16)[:, None, None, None], (frames, 2, 3, 3))
    entry = Entry(Path(f"{name}.mp4"), name, {})
    mask = np.ones((frames, 3, 3), bool)
    return DecodedVideo(
        entry, pixels, vectors, mask, np.arange(frames) / rate, np.arange(0, frames, key_every)
    )


def set_of(*videos: DecodedVideo) -> DecodedSet:
    return DecodedSet(videos, (), {})


def test_moving_scenes_reads_labels_pixels_and_vectors(small_set):
    clips = [c for c in moving_scenes.read_index(small_set) if c.split == "train"]
    data = datasets.decode(datasets.MovingScenes("train", small_set), size=56, cells=14)
    assert len(data.videos) == len(clips) and not data.skipped
    video, clip = data.videos[0], clips[0]
    assert moving_scenes.SCENES[video.entry.labels["scene"]] == clip.scene
    assert video.frames.shape == (40, 56, 56, 3) and video.vectors.shape == (40, 2, 14, 14)
    assert video.keys.tolist() == [0, 12, 24, 36]
    assert not video.mask[0].any() and video.mask[1].mean() > 0.5
    drawn = moving_scenes.draw(clip.scene, clip.action, clip.seed)
    assert abs(drawn[5].mean() - video.frames[5].mean()) < 3
    with codec.CompressedVideo(small_set / clip.file) as file:
        vectors = file.motion().vectors
    assert np.allclose(video.vectors / datasets.VECTOR_STEPS, vectors / 2, atol=1 / 16)  # 112 became 56


def test_an_unknown_split_is_refused(small_set):
    with pytest.raises(ValueError, match="no split named 'dev'"):
        datasets.MovingScenes("dev", small_set)


def test_a_folder_gives_classes_and_lists_what_cannot_be_read(tmp_path, small_set):
    source = next(small_set.rglob("*.mp4")).read_bytes()
    for name in ("a/one.mp4", "b/two.mp4", "b/three.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(source)
    (tmp_path / "b/broken.mp4").write_text("no video", encoding="utf-8")
    found = datasets.VideoFolder(tmp_path)
    assert found.classes == {"class": ("a", "b")}
    data = datasets.decode(found, size=32)
    assert data.labels("class").tolist() == [0, 1, 1]
    assert [(s.path.name, bool(s.reason)) for s in data.skipped] == [("broken.mp4", True)]
    assert "broken" not in data.skipped[0].reason


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="video"):
        datasets.VideoFolder(tmp_path)


def test_files_of_one_source_share_a_number(tmp_path):
    for name in ("v_A_g01_c01.avi", "v_A_g01_c02.avi", "v_A_g02_c01.avi", "v_B_g01_c01.avi"):
        (tmp_path / name).touch()
    entries = datasets.VideoFolder(tmp_path, source="v_.+_g[0-9]+").entries  # UCF101's
    assert [e.source for e in entries] == ["v_A_g01", "v_A_g01", "v_A_g02", "v_B_g01"]
    with pytest.raises(ValueError, match=r"source: '\(' is not a valid regular expression: missing \)"):
        datasets.VideoFolder(tmp_path, source="(")
    with pytest.raises(ValueError, match=r"source: 'film' matches no file's name, such as v_A_g01_c01.avi"):
        datasets.VideoFolder(
            tmp_path, source="film"
        )  # else clips of one video would lie on both sides of a split


def test_a_folder_leaves_out_what_begins_with_a_dot(tmp_path):
    for name in ("a.mp4", "b.h264", "c.OGV", "._a.mp4", ".b.h264.123.partial", ".old/d.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.mp4").mkdir()
    found = datasets.VideoFolder(tmp_path)
    assert [entry.path.name for entry in found.entries] == ["a.mp4", "b.h264", "c.OGV"]


@given(
    rate=st.sampled_from([15.0, 24.0, 25.0, 29.97, 50.0, 60.0]),
    seconds=st.floats(1.6, 3.0),
    others=st.integers(0, 3),
    seed=st.integers(0, 999),
)
def test_every_cut_keeps_its_times(rate, seconds, others, seed):
    frames = int(seconds * rate)
    how = ClipSampling(num_negative_windows=others)
    sampler = MemoryLoader(set_of(made_up(frames, rate)), how, seed)
    (batch,) = sampler.batches(1, 1)
    times = np.arange(frames) / rate
    clip = batch.clip[0, :, 0, 0, 0].numpy().astype(int)
    windows = batch.motion[0, :, :, 0, 0, 0].numpy()
    steps = np.diff(times[clip])
    assert np.allclose(steps, how.stride, atol=1 / rate + 1e-9)
    assert times[clip[-1]] - times[clip[0]] == pytest.approx(how.stride * 7, abs=1 / rate)
    gap = times[windows[0, 0]] - times[clip[-1]]
    assert how.gap - 0.2 / rate <= gap <= how.gap + 1 / rate
    assert (np.diff(windows, axis=1) == 1).all()
    assert windows.shape == (1 + others, how.window)
    for other in windows[1:]:
        assert not set(other) & set(windows[0])
    assert int(batch.keyframe[0, 0, 0, 0]) % 12 == 0


def test_at_25_frames_a_second_a_cut_is_the_released_one():
    """Clip, then two frames left out, then the window; key frames within five frames of the clip."""
    sampler = MemoryLoader(set_of(made_up(80)), ClipSampling(), seed=1)
    for batch in sampler.batches(1, 40):
        clip = batch.clip[0, :, 0, 0, 0].numpy().astype(int)
        assert (np.diff(clip) == 2).all()
        assert int(batch.motion[0, 0, 0, 0, 0, 0]) == clip[-1] + 3
        assert clip[0] - 5 <= int(batch.keyframe[0, 0, 0, 0]) <= clip[-1] + 5


def test_the_same_seed_gives_the_same_batches_and_each_video_once_a_round():
    data = set_of(*(made_up(60, name=f"v{i}") for i in range(6)))

    def drawn(seed: int) -> list[list[int]]:
        return [
            b.seeds.tolist() + b.sources.tolist()
            for b in MemoryLoader(data, ClipSampling(), seed).batches(3, 4)
        ]

    assert drawn(1) == drawn(1) != drawn(2)
    sources = [s for row in drawn(1) for s in row[3:]]
    assert sorted(sources[:6]) == sorted(sources[6:]) == list(range(6))


def test_a_set_smaller_than_a_batch_still_fills_it():
    (batch,) = MemoryLoader(set_of(made_up(60), made_up(60, name="b")), ClipSampling(), 0).batches(5, 1)
    assert len(batch.clip) == 5 and len(set(batch.seeds.tolist())) == 5


def test_what_is_too_short_is_listed_never_padded():
    sampler = MemoryLoader(set_of(made_up(20, name="short"), made_up(60)), ClipSampling(), 0)
    assert sampler.usable == (1,)
    assert sampler.skipped[0].path.name == "short.mp4" and "too short: 20 frames" in sampler.skipped[0].reason
    with pytest.raises(ValueError, match="no video is usable"):
        MemoryLoader(set_of(made_up(20)), ClipSampling(), 0)


def test_without_a_key_frame_nearby_the_nearest_is_taken():
    (batch,) = MemoryLoader(set_of(made_up(100, key_every=99)), ClipSampling(), 0).batches(1, 1)
    middle = (int(batch.clip[0, 0, 0, 0, 0]) + int(batch.clip[0, -1, 0, 0, 0])) / 2
    assert int(batch.keyframe[0, 0, 0, 0]) == (0 if middle < 49.5 else 99)


def test_evaluation_clips_are_spread_evenly():
    clips = datasets.evaluation_clips(made_up(40), ClipSampling(), 3)
    starts = clips[:, 0, 0, 0, 0]
    assert clips.shape == (3, 8, 8, 8, 3) and starts.tolist() == [6, 12, 19]
    with pytest.raises(ValueError, match="shorter than a clip"):
        datasets.evaluation_clips(made_up(10), ClipSampling(), 3)


def test_real_clips_become_samples(real_videos):
    expected = {"imageio_realshort.mp4", "tc_h265_video.mp4", "intel_asl_again.mkv", "tc_h264_10bits.mp4"}
    found = datasets.VideoFolder(real_videos)
    few = datasets.VideoDataset(tuple(e for e in found.entries if e.path.name in expected), {})
    data = datasets.decode(few, size=48)
    assert {s.path.name for s in data.skipped} == {"tc_h265_video.mp4"}
    sampler = MemoryLoader(data, ClipSampling(), 0)
    assert len(sampler.usable) == 3  # the shortest has 30 frames in a second
    (batch,) = sampler.batches(4, 1)
    assert batch.clip.shape == (4, 8, 48, 48, 3) and batch.motion.shape == (4, 2, 8, 2, 14, 14)
    assert batch.motion_mask[:, 0].any()
