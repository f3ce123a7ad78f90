"""Every way in: workers, caches, file objects, chunks and samples; all give the same."""

import gc
import io
import multiprocessing
import os
import pickle
import subprocess
import sys
import weakref

import numpy as np
import pytest
import torch
from material import pan

from cvrl_lite import CompressedVideo, NotAVideo, VideoError
from cvrl_lite.codec import encode

FRAMES = 50
KINDS = {
    "simple.mp4": {"gop": 12},
    "b.mp4": {"gop": 15, "b_frames": 3, "references": 3},
    "known.mkv": {"gop": 15, "b_frames": 2},
    "raw.264": {"gop": 15, "b_frames": 2},
    "b.avi": {"codec": "mpeg4", "gop": 10, "b_frames": 2},
    "b.mpg": {"codec": "mpeg2video", "gop": 10, "b_frames": 2},
}


def make_files(folder):
    frames = np.concatenate([pan(20, 3, 1, 64, 80), pan(FRAMES - 20, -2, 2, 64, 80, seed=1)])
    for name, how in KINDS.items():
        encode(frames, folder / name, **how)
    return folder


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return make_files(tmp_path_factory.mktemp("doors"))


def same(one, two):
    return all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


def facts(video):
    return video.info.frames, video.motion(5, 9).vectors.tobytes(), video.clip(17, 2).tobytes()


class Places(torch.utils.data.Dataset):
    """What a training set does in a worker."""

    def __init__(self, video):
        self.video = video

    def __len__(self):
        return 8

    def __getitem__(self, i):
        return torch.from_numpy(self.video.clip(5 * i, 3)), self.video.motion(5 * i, 5 * i + 3).vectors


def in_a_pool(path, method):
    context = multiprocessing.get_context(method)
    with CompressedVideo(path, on_damage="keep") as video:
        expected = facts(video)
        assert facts(pickle.loads(pickle.dumps(video))) == expected
        with context.Pool(2) as pool:
            assert pool.map(facts, [video] * 4) == [expected] * 4
        assert facts(video) == expected


def in_a_loader(path, method):
    with CompressedVideo(path) as video:
        places = Places(video)
        plain = [places[i] for i in range(len(places))]  # used before: a forked worker opens its own
        loader = torch.utils.data.DataLoader(
            places, batch_size=None, num_workers=2, multiprocessing_context=method, timeout=120
        )
        for _ in range(2):
            for (clip, vectors), (their_clip, their_vectors) in zip(plain, loader, strict=True):
                assert torch.equal(clip, their_clip) and np.array_equal(vectors, their_vectors)


@pytest.mark.parametrize("job", ["in_a_pool", pytest.param("in_a_loader", marks=pytest.mark.slow)])
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_videos_work_in_other_processes(files, method, job):
    """In a process of its own: forking this one, full of encoders' threads, may never return."""
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system cannot {method}")
    command = [sys.executable, __file__, job, files / "b.mp4", method]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr


def test_file_objects_are_not_pickled(files):
    with open(files / "b.mp4", "rb") as file, CompressedVideo(file) as video:
        with pytest.raises(TypeError, match=r"b\.mp4: .*cannot be pickled") as caught:
            pickle.dumps(video)
        assert "\n" not in str(caught.value)


@pytest.mark.skipif(sys.platform != "linux", reason="open files are counted in /proc")
def test_everything_is_closed(files):
    gc.collect()  # what other tests left open
    before = len(os.listdir("/proc/self/fd"))
    with CompressedVideo(files / "b.mp4") as video:
        frames = video.frames()
        next(frames)
        facts(video)
        chunks = video.chunks(8, ("images", "residuals"))
        next(chunks)
        assert len(os.listdir("/proc/self/fd")) > before
    del frames, chunks  # readers still open give their files back when they end
    assert len(os.listdir("/proc/self/fd")) == before
    video.close()
    for door in (video.keyframes, video.motion, lambda: video.clip(0, 2), lambda: list(video.frames())):
        with pytest.raises(ValueError, match="closed"):
            door()
    with pytest.raises(NotAVideo):
        CompressedVideo(io.BytesIO(b"nothing" * 100))
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("frames", [1, 7, 16, 200])
def test_chunks_equal_the_doors(files, name, frames):
    what = ("images", "keyframes", "motion", "residuals")
    with CompressedVideo(files / name) as video:
        images, keys, residuals = video.clip(0, FRAMES), video.keyframes(), video.residuals()
        times = video.times
        for how in ({}, {"direction": "both"}, {"fill": "opposite"}):
            motion, start, found = video.motion(**how), 0, []
            for chunk in video.chunks(frames, what, **how):
                here = slice(start, start + frames)
                assert chunk.start == start and np.array_equal(chunk.times, times[here])
                assert np.array_equal(chunk.images, images[here])
                assert same(chunk.motion, [part[here] for part in motion])
                assert same(chunk.residuals[:2], [part[here] for part in residuals[:2]])
                assert chunk.residuals.exact == residuals.exact
                found.append(chunk.keyframes)
                start += len(chunk.times)
            assert start == FRAMES
            assert all(same(parts, whole) for parts, whole in [(map(np.concatenate, zip(*found)), keys)])


@pytest.mark.parametrize("frames", [1, 7, 200])
def test_sums_in_chunks_go_on_from_one_to_the_next(files, frames):
    with CompressedVideo(files / "simple.mp4") as video:
        total = video.motion(accumulate=True)
        for start, stop in ((0, FRAMES), (17, 44)):
            parts = list(video.chunks(frames, start=start, stop=stop, accumulate=True))
            found = [np.concatenate(part) for part in zip(*(part.motion for part in parts))]
            assert same(found, [part[start:stop] for part in total])
        for wrong in ({"direction": "both"}, {"fill": "opposite"}):
            with pytest.raises(ValueError):
                video.chunks(accumulate=True, **wrong)
    with CompressedVideo(files / "b.mp4") as video, pytest.raises(VideoError, match="accumulated vectors"):
        video.chunks(accumulate=True)


def test_nothing_is_kept_behind_a_video(files):
    """As no reference leads in a circle, all of it goes with the last name for it."""
    gc.disable()
    try:
        video = CompressedVideo(files / "b.mp4")
        assert video.info is video.info and video.picture_types and video.motion(3, 9)
        frames = video.frames()
        next(frames)
        gone = weakref.ref(video)
        video.close()
        frames.close()
        del video, frames
        assert gone() is None
        info = CompressedVideo(files / "b.mp4").info  # plain data: the video may be gone
        assert info.gop_lengths == (15, 15, 15, 5) and info.rotation == 0 and not info.interlaced
    finally:
        gc.enable()


@pytest.mark.parametrize("name", ["b.mp4", "b.avi"])
@pytest.mark.parametrize("what", ["images", "keyframes", "motion", "residuals"])
def test_a_chunk_holds_what_was_asked_for(files, name, what):
    with CompressedVideo(files / name) as video:
        parts = list(video.chunks(9, what, start=11, stop=41, size=32))
        assert [part.start for part in parts] == [11, 20, 29, 38] and len(parts[-1].times) == 3
        assert all((getattr(part, kind) is not None) == (kind == what) for part in parts
                   for kind in ("images", "keyframes", "motion", "residuals"))  # fmt: skip
        if what == "images":
            whole = np.concatenate([part.images for part in parts])
            assert np.array_equal(whole, video.clip(11, 30, size=32))
        if what == "keyframes":
            indices = np.concatenate([part.keyframes.indices for part in parts])
            assert indices.tolist() == [k for k in video.keyframes().indices if 11 <= k < 41]
            assert parts[0].keyframes.images.shape[1:] == (32, 40, 3)
        if what == "motion":
            assert same(parts[1].motion, video.motion(20, 29))
        if what == "residuals":
            assert same(parts[1].residuals, video.residuals(20, 29))
        assert not list(video.chunks(9, what, start=7, stop=7))
        for wrong in ({"frames": 0}, {"what": "sound"}, {"what": ()}):
            with pytest.raises(ValueError):
                video.chunks(**wrong)


@pytest.mark.parametrize("name", KINDS)
def test_a_sample_equals_the_doors(files, name):
    cases = [(0, 4, 1, 1, 3), (0, 16, 2, 1, 8), (3, 5, 3, 4, 2), (14, 6, 1, 1, 8), (FRAMES - 11, 2, 1, 3, 7),
             (FRAMES - 3, 1, 1, 1, 2), (FRAMES - 9, 1, 1, 1, 8)]  # fmt: skip
    with CompressedVideo(files / name) as video:
        keys = video.keyframes()
        for start, frames, stride, gap, window in cases:
            for how in ({}, {"direction": "both"}, {"fill": "opposite"}):
                sample = video.sample(start, frames, stride, gap=gap, window=window, **how)
                after = start + (frames - 1) * stride + gap
                assert np.array_equal(sample.clip, video.clip(start, frames, stride))
                assert same(sample.motion, video.motion(after, after + window, **how))
                assert np.array_equal(sample.keyframe, video.clip(sample.keyframe_index, 1)[0])
                assert sample.keyframe_index == max(k for k in keys.indices if k <= start)
        assert video.sample(2, 4, size=32).clip.shape == (4, 32, 40, 3)
        shown = video.sample(at=video.times[12] + 0.01, frames=3, window=2)
        there = video.sample(12, 3, window=2)
        assert same((*shown[:3], *shown.motion), (*there[:3], *there.motion))
        for start, window in ((FRAMES - 4, 2), (FRAMES - 2, 9), (-1, 2)):
            with pytest.raises(IndexError):
                video.sample(start, 4, window=window)
        for wrong in ({"gap": 0}, {"window": 0}, {"frames": 0}, {"at": 0.0}, {"start": None}, {"fill": "no"}):
            with pytest.raises(ValueError):
                video.sample(**{"start": 0} | wrong)


def written(cache):
    """What is in a cache, and when it was written there."""
    return {(entry.name, entry.stat().st_mtime_ns, entry.stat().st_ino) for entry in cache.glob("*")}


def test_an_index_is_made_once(files, tmp_path):
    path, cache = tmp_path / "a.mp4", tmp_path / "cache" / "new"

    for name in KINDS:
        path.write_bytes((files / name).read_bytes())
        for place in range(2):
            before = written(cache)
            with CompressedVideo(path, cache=cache) as video, CompressedVideo(path) as plain_video:
                assert video.info == plain_video.info
                assert np.array_equal(video.times, plain_video.times)
                assert same(video.keyframes(), plain_video.keyframes())
                assert same(video.motion(10, 20), plain_video.motion(10, 20))
                assert np.array_equal(video.clip(20, 3), plain_video.clip(20, 3))
            assert len(written(cache) - before) == 1 - place and written(cache) >= before


def test_an_index_is_made_anew_where_it_must(files, tmp_path):
    path, cache = tmp_path / "a.mp4", tmp_path / "cache"

    def made():
        before = written(cache)
        with CompressedVideo(path, cache=str(cache)) as video:
            assert video.info.frames == FRAMES and len(video.keyframes().images) == 4
        return len(written(cache) - before)

    path.write_bytes((files / "b.mp4").read_bytes())
    assert [made(), made()] == [1, 0]
    os.utime(path, ns=(1, 10**18))
    assert [made(), made()] == [1, 0]
    with open(path, "ab") as file:
        file.write(bytes(8))
    os.utime(path, ns=(1, 10**18))
    assert [made(), made()] == [1, 0]
    (kept,) = (entry for entry in cache.iterdir() if entry.stat().st_mtime == max(
        other.stat().st_mtime for other in cache.iterdir()))  # fmt: skip
    good = kept.read_bytes()
    array = io.BytesIO()
    np.save(array, np.arange(3))
    for broken in (b"", b"nonsense", good[:-40], good[:50], array.getvalue(), bytes(len(good))):
        for entry in cache.iterdir():
            entry.write_bytes(broken)
        assert [made(), made()] == [1, 0]
    damaged = bytearray(good)
    damaged[len(good) // 3] ^= 0xFF
    kept.write_bytes(damaged)
    assert made() in (0, 1) and made() == 0


def test_decoders_read_on_where_packets_are_not_kept(files, monkeypatch):
    """Files too large to hold in memory: the same answers, by seeking."""
    from cvrl_lite.codec._stream import listing

    with CompressedVideo(files / "b.mp4") as kept:
        assert kept.info.frames == FRAMES
        monkeypatch.setattr(listing, "_MOST_KEPT", 100)
        with (
            CompressedVideo(files / "b.mp4") as sought,
            CompressedVideo(files / "b.mp4", on_damage="keep") as safe,
        ):
            for video in (sought, safe):
                for start in (30, 3, 44, 0, 17):
                    assert np.array_equal(video.clip(start, 5), kept.clip(start, 5))
                    assert same(video.motion(start, start + 5), kept.motion(start, start + 5))
                assert same(video.keyframes(), kept.keyframes()) and not video.damage
            assert sought._stream.decoders.memory.packets is None
            assert kept._stream.decoders.memory.packets


if __name__ == "__main__":
    {"in_a_pool": in_a_pool, "in_a_loader": in_a_loader}[sys.argv[1]](*sys.argv[2:])
