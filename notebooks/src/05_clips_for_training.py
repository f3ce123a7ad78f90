# %% [markdown]
# # Clips for training
#
# Files we can read by now. A network wants something else: many samples of the same shape, each a riddle with
# its answer, in an order that can be repeated, and never twice quite the same. On the way from file to batch
# most mistakes are silent: nothing crashes, the loss falls, and the network has learned something wrong.
# So here every step is derived by hand, compared with the package, and broken once on purpose.
#
# **Goals.** After this notebook you will be able to
# - cut a sample out of a video by hand, and say which videos are too short,
# - say why clips are cut by seconds, and what that does not mend,
# - load batches that are the same on any number of workers and processes, and after any interruption,
# - crop, mirror and turn pixels *and* vectors, and prove that they still belong together,
# - say what each change of color is for.
#
# **Needs.** [03_motion_vectors](03_motion_vectors.ipynb). Less than 1 minute on 2 cores, 1 GB of memory, 64
# MB of disk for the clips of MovingScenes, which are drawn now if `make lab` has not done so (45 seconds
# more).

# %%
import dataclasses
import warnings

import numpy as np
import torch
import torch.nn.functional as F

from cvrl_lite import CompressedVideo, data_path
from cvrl_lite.course import figures
from cvrl_lite.course.figures import show
from cvrl_lite.course.widgets import laboratory
from cvrl_lite.datasets import (
    VECTOR_STEPS,
    Batch,
    ClipSampling,
    Entry,
    FileLoader,
    MemoryLoader,
    MovingScenes,
    Timeline,
    VideoDataset,
    VideoFolder,
    decode,
)
from cvrl_lite.datasets.moving_scenes import draw
from cvrl_lite.train import recipes
from cvrl_lite.transforms import Augmentation, Geometry, augment, color_matrix, gaussian_blur

torch.set_num_threads(1)  # our frames are so small that a second core would only wait
warnings.filterwarnings("ignore", "This DataLoader will create")  # where there is one core for two workers

# %% [markdown]
# ## One sample
#
# A sample has four parts, and the two tasks of the course use them like this:
#
# - a **clip**, frames at an even distance: what the backbone sees, in both tasks,
# - a **key frame** near it: which key frame belongs to this clip? (context matching),
# - the **near future**, a window of vector maps shortly after the clip: what will move, and where? (motion
#   prediction),
# - **other windows** of the same video: wrong answers to that question, and good ones. The same things move
#   in them, only at another time. Such a wrong answer is called a **hard negative**.
#
# The released code cuts so: 16 frames, each 4 after the last. The future begins 3 frames after the clip's
# last frame and takes 8 maps, one a frame. The key frame is any I-frame from 5 frames before the clip to 5
# after it. The other windows, three of them, lie anywhere where they do not overlap the future. Let us write
# that down for a clip that begins in frame `start`, and compare with the package's `Timeline`, which draws
# samples at random.

# %%
released = recipes.ucf101_r2plus1d26().sampling
laptop = recipes.laptop().sampling


def released_parts(start, keys, count):
    """The clip, the first frame of the future, and all that the key frame and other windows may be."""
    clip = start + 4 * np.arange(16)
    future = clip[-1] + 3
    near = [key for key in keys if clip[0] - 5 <= key <= clip[-1] + 5]
    apart = [first for first in range(count - 8 + 1) if abs(first - future) >= 8]
    return clip, future, near, apart


sample = CompressedVideo(data_path("sample.mp4"))
times, keys = sample.times, np.cumsum([0, *sample.info.gop_lengths[:-1]])
timeline = Timeline(times, keys, released)
for number in range(300):
    cut = timeline.cut(seed=(0, number))
    clip, future, near, apart = released_parts(cut.clip[0], keys, len(times))
    assert np.array_equal(cut.clip, clip) and cut.windows[0] == future
    assert cut.key in near and set(cut.windows[1:]) <= set(apart)
print(f"{len(times)} frames with key frames at", *keys.tolist())
print("300 samples drawn, each cut as by hand")

# %% [markdown]
# One of them, in a figure. The shaded band is the near future; nothing in the lanes below may reach into
# it. Why not? A wrong answer that is partly right would punish the network for being right.

# %%
clip, future, near, apart = released_parts(1, keys, len(times))
shown = {"clip": clip, "key": near[3], "windows": (future, 5, 26, 54), "length": 8}
show(
    figures.sample_timeline(times, keys, **shown),
    "Lanes over 72 frames. The file has an I-frame every 12. The clip's 16 frames are spread over frames 1 "
    "to 61, the key frame is number 36, the near future is 64 to 71, three other windows lie before it.",
)

# %% [markdown]
# This sample fills the file: there is no place behind the future. How much video does a sample take? From
# frame `start`, the clip's last frame is `start + 60`, the future begins at `start + 63` and ends at
# `start + 70`. So a video needs **71 frames**, and in one of N frames there are N - 70 ways to start. We let
# the package count for every length from 40 to 200.


# %%
def evenly(frames, rate=25, gop=12):
    """Times and key frames of a video with a steady rate."""
    return np.arange(frames) / rate, np.arange(0, frames, gop)


for frames in range(40, 200):
    starts = Timeline(*evenly(frames), released).starts
    assert np.array_equal(starts, np.arange(max(0, frames - 70)))
print("as derived for 160 lengths; ways to start in sample.mp4:", *timeline.starts.tolist())

# %% [markdown]
# Two ways to start sounds like little, but key frame and windows are drawn as well. In how many different
# samples can our file end up?

# %%
for name, how in (("released", released), ("laptop", laptop)):
    line, total = Timeline(times, keys, how), 0
    step, gap, reach = (4, 3, 5) if how.in_frames else (2, 3, 5)  # .08, .12 and .2 s are 2, 3 and 5 frames
    for start in line.starts:
        last = start + step * (how.frames - 1)
        near = sum(start - reach <= key <= last + reach for key in keys)
        apart = sum(abs(first - last - gap) >= 8 for first in range(len(times) - 7))
        total += near * apart**how.num_negative_windows
    print(f"{name:8} {len(line.starts):2} ways to start, {total} samples")

# %% [markdown]
# The second line is the course's own recipe. Its clips are shorter, so that they fit into the 40 frames of
# MovingScenes: 8 frames at .08 s, a gap of .12 s, one other window. Here is a widget to draw samples by
# either recipe. Look for a key frame outside its clip, for an other window inside the clip, and for one
# after the future.


# %%
def experiment(recipe, sample):
    how = {"released": released, "laptop": laptop}[recipe]
    cut = Timeline(times, keys, how).cut((0, sample))
    figure = figures.sample_timeline(
        times, keys, clip=cut.clip, key=cut.key, windows=cut.windows, length=how.window
    )
    others = ", ".join(str(first) for first in cut.windows[1:])
    return figure, f"key frame {cut.key}, other windows from {others}"


laboratory(experiment, {"recipe": ("laptop", "released"), "sample": tuple(range(20))})

# %%
figure, words = experiment("laptop", 1)
show(figure, f"{figure.get_suptitle()}; {words}.")
inside = sum(cut.key in cut.clip for cut in (Timeline(times, keys, laptop).cut((0, n)) for n in range(1000)))
print(f"in {inside} of 1000 samples the key frame is itself a frame of the clip")
assert 200 < inside < 800

# %% [markdown]
# Note the last line. Now and then "which key frame belongs to this clip?" could be answered by comparing
# pixels. It will be the job of the random views to spoil that.
#
# Two things the cutter does not know. It does not know that `sample.mp4` has a cut at frame 42: the clip of
# the first frame shows one scene, then the other. Films are full of those, and nothing here looks for
# them. And it does not know whether anything moves.
#
# **Exercise 1** (easy, 10 minutes). Count the ways to start for any numbers. Beware of one thing: a gap below
# zero puts the window *inside* the clip (then it shows the present, not the future), and then it may be the
# clip that ends last. You can take it that the window never begins before the video.


# %% tags=["exercise"]
def count_starts(frames, clip, step, gap, window):
    """Ways to start a sample in a video of `frames` frames.

    The clip has `clip` frames, each `step` after the last. The window begins `gap` after the clip's last
    frame, and has `window` maps, one a frame.
    """
    ...


# %% tags=["check"]
cases = [(71, 16, 4, 3, 8), (70, 16, 4, 3, 8), (250, 16, 4, 3, 8), (40, 8, 2, 3, 8), (30, 9, 1, -7, 8)]
cases += [(40, 8, 2, -12, 4), (20, 3, 5, 1, 6), (10, 16, 4, 3, 8), (5, 8, 2, -12, 4), (25, 8, 2, 3, 8)]
for case in cases:
    length, how = case[0], dict(zip(("frames", "step", "gap", "window"), case[1:]))
    how = ClipSampling(**how, num_negative_windows=0, in_frames=True)
    answer, expected = count_starts(*case), len(Timeline(*evenly(length), how).starts)
    if answer != expected:
        print(
            f"Not yet: for (frames, clip, step, gap, window) = {case} you say {answer}, expected {expected}."
        )
        break
else:
    print("Right.")

# %% [markdown]
# <details><summary>Hint</summary>
# Count from <code>start</code>: where is the clip's last frame, where the window's last map? The later of the
# two must not lie behind the video's last frame.
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def count_starts(frames, clip, step, gap, window):
#     last = step * (clip - 1)
#     end = max(last, last + gap + window - 1)
#     return max(0, frames - end)
# ```
#
# </details>

# %% [markdown]
# ## Seconds, not frames
#
# "Each 4 after the last" means .16 s in a video of 25 frames a second. In one of 50 it means half of that:
# the same gesture looks twice as slow, and the network learns about cameras instead of gestures. So the
# course's recipe counts **seconds**: for each time, take the frame that is nearest to it. That needs
# the time of every frame, and the file has it (02). It even works where frames were dropped.


# %%
def by_seconds(times, start, step, count):
    """The frames nearest to `count` times, `step` seconds apart, from frame `start` on."""
    targets = times[start] + step * np.arange(count)
    return np.abs(times[:, None] - targets).argmin(0)


rates = {f"{rate} a second": np.arange(100) / rate for rate in (25, 30, 50)}
rates["30, some dropped"] = np.delete(rates["30 a second"], [3, 4, 9, 10, 11, 15, 21, 22])
for moments in rates.values():
    for number in range(100):
        clip = Timeline(moments, np.array([0]), laptop).cut((1, number)).clip
        assert np.array_equal(clip, by_seconds(moments, clip[0], 0.08, 8))
lanes = {name: (moments, by_seconds(moments, 0, 0.08, 8)) for name, moments in rates.items()}
lanes["50, by frames"] = rates["50 a second"], 2 * np.arange(8)
show(
    figures.clips_in_time(lanes, title="By seconds a clip spans the same time; by frames it does not"),
    "Five lanes of marks over seconds. Four clips cut by seconds end near .56 s, whatever the frame rate; "
    "the last, cut by frames from a video of 50 a second, ends at .28 s.",
)
spans = {name: moments[clip[-1]] - moments[clip[0]] for name, (moments, clip) in lanes.items()}
print({name: round(float(span), 2) for name, span in spans.items()})

# %% [markdown]
# To see that it is the same film, we draw one at 50 frames a second, and take every second frame of it for
# the same at 25. The clips should end with the same frame.

# %%
film = draw("waves", "right", 5, frames=60)  # at 50 a second
half_film = film[::2]  # at 25
ends = {
    "both begin here": film[0],
    "25 a second, by seconds": half_film[by_seconds(np.arange(30) / 25, 0, 0.08, 8)[-1]],
    "50 a second, by seconds": film[by_seconds(np.arange(60) / 50, 0, 0.08, 8)[-1]],
    "50 a second, by frames": film[14],
}
title = "How a clip ends: by seconds in the same frame, by counting in another"
show(
    figures.filmstrip(list(ends.values()), labels=list(ends), columns=4, title=title),
    "Four images of shapes before waves: the first frame of a clip, and three last frames. Two of these "
    "are the same; in the third the shapes have moved half as far.",
)
_, at_25, at_50, by_frames = ends.values()
print("the same frame:", np.array_equal(at_25, at_50), " by counting too:", np.array_equal(at_25, by_frames))

# %% [markdown]
# > **Caution.** Seconds mend the clip, not the vectors. A vector tells the motion of *one frame*, so at 50
# > frames a second it is half as long, and a window of 8 maps shows half as much time. Neither the paper's
# > code nor ours corrects that. If your files differ much in rate, transcode them to one.
#
# ## Too short
#
# And videos in which no sample fits? They are left out, and *listed with the reason*. We take the little
# clips of the last notebooks along with `sample.mp4`.

# %%
lessons = VideoFolder(data_path("lessons")).entries
candidates = VideoDataset((*lessons, Entry(data_path("sample.mp4"), "sample", {})), {})
mixed = MemoryLoader(decode(candidates), laptop, seed=0)
print(f"{len(mixed.usable)} of {len(candidates.entries)} can be used; of the others:")
for skipped in mixed.skipped[:3]:
    print(f"  {skipped.path.name}: {skipped.reason}")
try:
    MemoryLoader(decode(VideoDataset(lessons, {})), laptop, seed=0)
except ValueError as error:
    print("and where none is left:", str(error)[:18])

# %% [markdown]
# Could one not repeat the last frame until it fits? Take a video of 60 frames, and the released recipe. The
# near future would be frames 63 to 70, *all* of them copies, and the answer: "nothing will move". A loader
# can do worse. The released one answers with zeros when a file cannot be read: a black clip, a black key
# frame, and a future in which nothing moves. Such a sample crashes nothing, and is learned like any other.
# **A sample that is missing does less harm than one that is made up.**
#
# What it costs to leave videos out depends on their length. How many ways to start are there, at 25 frames a
# second?

# %%
print("seconds   released   laptop")
for seconds in (1, 1.5, 2, 3, 5, 10):
    ways = [len(Timeline(*evenly(int(25 * seconds)), how).starts) for how in (released, laptop)]
    print(f"{seconds:7}  {ways[0]:9}  {ways[1]:7}")
shortest = [
    min(n for n in range(2, 99) if len(Timeline(*evenly(n), how).starts)) for how in (released, laptop)
]
print("the shortest video that will do:", *shortest, "frames")
assert shortest == [71, 25]

# %% [markdown]
# ## What travels
#
# A batch is 64 or more of these samples. It goes from the disk to a worker process, from there to the process
# that trains, and from there to the GPU. So how large is it? The decoder gives **bytes**, 0 to 255, and
# vectors in quarters of a pixel. Networks want 32-bit floats, normalized, cropped, mirrored. The question is
# where to change from one to the other. Here is one sample of the released recipe, and its finished view.

# %%
one = MemoryLoader(decode(VideoDataset(candidates.entries[-1:], {}), size=128, cells=30), released, seed=0)
(single,) = one.batches(1, 1)
view = augment(single, Augmentation.released())
kept = [single.clip, single.keyframe, single.motion, single.motion_mask]
for name, part in zip(("clip", "keyframe", "motion", "motion_mask"), kept):
    print(f"{name:11} {str(part.dtype)[6:]:6} {tuple(part.shape)}")
megabytes = {
    "bytes and 16-bit vectors": 64 * sum(part.nbytes for part in kept) / 1e6,
    "the same numbers as floats": 64 * sum(4 * part.numel() for part in kept) / 1e6,
    "finished views": 64 * sum(part.nbytes for part in (view.clip, view.keyframe, view.motion)) / 1e6,
}
show(
    figures.bars(
        megabytes,
        label="MB for a batch of 64",
        title="Bytes travel, floats are made at the end",
        role="untrained",
        form=".0f",
    ),
    "Three bars: " + ", ".join(f"{name} {size:.0f} MB" for name, size in megabytes.items()) + ".",
)
small, floats, views = megabytes.values()
print("floats take over 3 times as much, finished views over 7 times:", floats > 3 * small, views > 7 * small)

# %% [markdown]
# So the samples travel as they are, and the views are made at the end of the way, on the device that trains,
# for the whole batch at once. That is only worth it if nothing is lost. Pixels are bytes anyway. Vectors are
# kept as `int16`, in 1/16 of a pixel of the decoded square; we compare with what `motion()` gives, and with
# the whole pixels of the released code.

# %%
everything = MovingScenes("train")
part = everything.subset(range(64))
small_set = decode(part, size=72, cells=14)
worst, vanish, moving = 0.0, 0, 0
for video in small_set.videos[:16]:
    with CompressedVideo(video.entry.path) as file:
        exact = file.motion().vectors * 72 / 112  # of 112 pixels 72 became
    worst = max(worst, np.abs(video.vectors / VECTOR_STEPS - exact).max())
    moves = video.mask & (np.abs(exact).max(1) > 0)
    moving, vanish = moving + moves.sum(), vanish + (moves & (np.rint(exact) == 0).all(1)).sum()
print("off by half a step of 1/16 pixel at most:", worst <= 0.5 / VECTOR_STEPS + 1e-6)
print("in whole pixels, more than a tenth of the moving cells would stand still:", vanish > 0.1 * moving)

# %% [markdown]
# ## The same batch, however it is read
#
# Training takes hours. It will be stopped and gone on with, moved to a machine with more cores, spread over
# GPUs. If each of these changes the data, no two runs can be compared. The usual trouble is that random
# numbers are taken from a stream: who asks first gets the first. Here nothing is taken from a stream. **Every
# choice is a function of (seed, round, number of the video).** A round shows each video once. Every
# reader that computes this function gets the same sample.
#
# Let us try all ways to spoil it: from memory or from files; read by this process or by two workers; from the
# middle on; and as one of two processes that share each batch.

# %%
names = ("clip", "keyframe", "motion", "motion_mask", "sources", "seeds")


def same(a, b):
    """Whether two batches are equal to the last bit."""
    return a.names == b.names and all(torch.equal(getattr(a, n), getattr(b, n)) for n in names)


def joined(a, b):
    """Two parts of a batch, side by side."""
    return Batch(*(torch.cat([getattr(a, n), getattr(b, n)]) for n in names), names=a.names + b.names)


few = part.subset(range(20))
memory = MemoryLoader(decode(few, size=72, cells=14), laptop, seed=3)
whole = list(memory.batches(8, 5))  # five batches of 8
for workers in (0, 2):
    files = FileLoader(few, laptop, 3, size=72, cells=14, workers=workers)
    assert all(same(a, b) for a, b in zip(whole, files.batches(8, 5), strict=True))
    print("from files, by", workers or "no", "workers: the same five batches")
assert all(same(a, b) for a, b in zip(whole[3:], memory.batches(8, 5, first=3), strict=True))
print("from batch 3 on: the same two batches")
shares = [memory.batches(8, 5, share=(process, 2)) for process in (0, 1)]
assert all(same(a, joined(b, c)) for a, b, c in zip(whole, *shares, strict=True))
print("two processes, half of each batch: put together, the same five batches")
other = next(iter(MemoryLoader(memory.data, laptop, seed=4).batches(8, 1)))
print("and with another seed:", "the same" if same(whole[0], other) else "another batch")

# %% [markdown]
# 20 videos and batches of 8: the third batch holds the last 4 of round 0 and the first 4 of round 1. How does
# batch 3 know where it is without counting through the first three? It computes: place `n` in the endless
# series belongs to round `n // 20`, and is number `n % 20` in that round's order. And the order follows from
# (seed, round).
#
# **Exercise 2** (medium, 10 minutes). Write that down: which videos are in a batch? The order of a round is
# `np.random.default_rng((seed, round)).permutation(usable)`; `usable` holds the indices of the videos that
# are long enough.


# %% tags=["exercise"]
def videos_of(batch, size, usable, seed):
    """The indices of the videos of a batch, as a list, computed from nothing but its number."""
    ...


# %% tags=["check"]
def cut_short(video):
    """A video of nine frames, too short for a sample."""
    nine = {name: getattr(video, name)[:9] for name in ("frames", "vectors", "mask", "times")}
    return dataclasses.replace(video, **nine, keys=video.keys[video.keys < 9])


videos = [cut_short(v) if place in (0, 7, 8) else v for place, v in enumerate(memory.data.videos)]
some_short = dataclasses.replace(memory.data, videos=tuple(videos))
number_of = {str(video.entry.path): place for place, video in enumerate(videos)}
verdict = "Right."
for size, seed in ((8, 3), (20, 3), (7, 5), (33, 1)):
    sampler = MemoryLoader(some_short, laptop, seed=seed)
    for number, batch in enumerate(sampler.batches(size, 4)):
        answer = videos_of(number, size, sampler.usable, seed)
        expected = [number_of[name] for name in batch.names]
        if verdict == "Right." and (answer is None or [int(n) for n in answer] != expected):
            usable = [int(n) for n in sampler.usable]
            verdict = (
                f"Not yet: videos_of({number}, {size}, {usable}, {seed}) says {answer}, expected {expected}."
            )
print(verdict)

# %% [markdown]
# <details><summary>Hint</summary>
# Batch <code>b</code> holds the places <code>b * size</code> to <code>b * size + size - 1</code>. For each,
# <code>divmod(place, len(usable))</code> gives round and number. A batch may reach over several rounds.
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def videos_of(batch, size, usable, seed):
#     numbers = []
#     for place in range(batch * size, batch * size + size):
#         round_, at = divmod(place, len(usable))
#         order = np.random.default_rng((seed, round_)).permutation(usable)
#         numbers.append(int(order[at]))
#     return numbers
# ```
#
# </details>

# %% [markdown]
# ## A view: pixels and vectors together
#
# From one sample come endless **views**: random crops, enlarged to full size, half of them mirrored. A clip
# and its near future get the *same* crop, since the network has to say what moves *where*. The key frame
# gets another one, and so do the other windows (ours: one for all; released: one each).
#
# To mirror an image is easy. What about a vector map? Two things happen. The map is mirrored, as
# pixels are; and each vector points the other way in x. We write it down and compare.

# %%
square = decode(part, size=112, cells=14)  # cells of 8 x 8 pixels, and quarters of a pixel kept
present = ClipSampling(frames=9, stride=1, gap=-7, window=8, num_negative_windows=0, in_frames=True)
(batch,) = MemoryLoader(square, present, seed=0).batches(48, 1)  # maps of frames 1 to 8 of each clip
frames = batch.clip.permute(0, 1, 4, 2, 3).float()  # (48, 9, 3, 112, 112), 0..255
before, now = frames[:, 4], frames[:, 5]
vectors, mask = batch.motion[:, 0, 4] / VECTOR_STEPS, batch.motion_mask[:, 0, 4]


def mirrored(frames, vectors, mask):
    """Left becomes right."""
    turned = vectors.flip(-1) * torch.tensor([-1.0, 1.0])[:, None, None]
    return frames.flip(-1), turned, mask.flip(-1)


def crop(extent, flip):
    """A crop from the middle, the same for all samples: its share of each side, and whether mirrored."""
    middle = torch.full((48, 2), 0.5)
    return Geometry(middle, torch.full((48, 2), extent), torch.full((48,), flip))


def seen(geometry, faithful=False):
    """Frames before and now, vectors and mask under a geometry."""
    field, held = geometry.sample_vectors(vectors[:, None], mask[:, None], 14, rescale=not faithful)
    return geometry.sample(before, 112), geometry.sample(now, 112), field[:, 0], held[:, 0]


by_hand, package = mirrored(now, vectors, mask), seen(crop(1.0, True))[1:]
print("as the package:", [torch.allclose(a.float(), b.float(), atol=1e-3) for a, b in zip(by_hand, package)])
print("twice is nothing:", all(torch.equal(a, b) for a, b in zip(mirrored(*by_hand), (now, vectors, mask))))

# %% [markdown]
# The package's `faithful=True` does as the released code does: it mirrors the map and leaves the sign. Who is
# right? Look at a clip in which the camera rests and shapes go to the right.

# %%
actions = {str(entry.path): everything.classes["action"][entry.labels["action"]] for entry in part.entries}
moving = (mask & (vectors.abs().amax(1) >= 1))[:, 3:11, 3:11].sum((1, 2))  # cells around the middle
chosen = max((n for n in range(48) if actions[batch.names[n]] == "right"), key=lambda n: moving[n])


def panels(views, labels, title):
    """One sample under several views, with its arrows."""
    stills = [view[1][chosen].permute(1, 2, 0).numpy().astype(np.uint8) for view in views]
    fields = [view[2][chosen].numpy() for view in views]
    return figures.vector_panels(
        stills, fields, [view[3][chosen].numpy() for view in views], labels=labels, magnify=3, title=title
    )


views = [seen(crop(1.0, False)), seen(crop(1.0, True)), seen(crop(1.0, True), faithful=True)]
labels = ["as filmed", "mirrored, x negated", "mirrored, x left as it was (released)"]
show(
    panels(views, labels, "Shapes went right; mirrored they go left, whatever the arrows say"),
    "Three panels of shapes with arrows. As filmed the arrows point right. Mirrored, they point left where x "
    "was negated, and still right where it was not.",
)
x = [view[2][chosen, 0][view[3][chosen] & (view[2][chosen].abs().amax(0) > 0.5)].median() for view in views]
print("mirrored, the median x of moving cells changes its sign:", bool(x[0] * x[1] < 0))
print("in the released map it does not:", bool(x[0] * x[2] > 0))

# %% [markdown]
# In the image on the right, arrows and shapes say opposite things. In training half of all samples are
# like that, and the network sees no arrows to be puzzled by. It can only learn that left and right are all
# the same.
#
# Now the second trap. A crop of half the width is enlarged to full width. What moved 2 pixels moves 4 now.

# %%
views = [seen(crop(1.0, False)), seen(crop(0.5, False)), seen(crop(0.5, False), faithful=True)]
labels = ["as filmed", "enlarged, vectors too", "enlarged, vectors as they were (released)"]
show(
    panels(views, labels, "Twice as large is twice as fast"),
    "Three panels of shapes with arrows. In the enlarged ones the shapes are twice as large; the arrows are "
    "twice as long in the second panel, and as short as before in the third.",
)

# %% [markdown]
# Figures persuade, numbers prove. The test is that of notebook 03: **vectors that belong to the pixels must
# lead from each frame to the one before.** Copy each pixel from where its vector leads, and compare with the
# frame that really came.


# %%
def copied(frames, vectors):
    """(B, 3, S, S): each pixel from where its cell's vector leads, bilinear between pixels."""
    side = frames.shape[-1]
    dense = F.interpolate(vectors, size=(side, side))  # each cell's vector for all of its pixels
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    grid = (torch.stack([x, y]) + dense + 0.5) * 2 / side - 1
    return F.grid_sample(frames, grid.permute(0, 2, 3, 1), padding_mode="border", align_corners=False)


def misfit(guess, truth, where):
    """Mean absolute difference over the cells `where`, in levels of 255."""
    where = F.interpolate(where[:, None].float(), size=guess.shape[-2:])[:, 0] > 0.5
    return (guess - truth).abs().mean(1)[where].mean().item()


def test(geometry):
    """How well frames fit, copied along ours, the released, and no vectors; over cells that move."""
    first, second, ours, held = seen(geometry)
    theirs = seen(geometry, faithful=True)[2]
    moves = held & (ours.abs().amax(1) >= 1)
    found = [copied(first, ours), copied(first, theirs), first]
    return [misfit(guess, second, moves) for guess in found]


flip, half = test(crop(1.0, True)), test(crop(0.5, False))
errors = {
    "mirrored: x negated": flip[0],
    "mirrored: x as it was": flip[1],
    "mirrored: not moved at all": flip[2],
    "enlarged: vectors too": half[0],
    "enlarged: vectors as they were": half[1],
    "enlarged: not moved at all": half[2],
}
title = "Only vectors that went through the same changes fit the pixels"
show(
    figures.bars(errors, label="mean difference, in levels of 255", title=title, role="motion"),
    "Six bars: " + ", ".join(f"{name} {value:.1f}" for name, value in errors.items()) + ".",
)
print("mirrored: released vectors are worse than none:", flip[0] < flip[2] < flip[1])
print("enlarged: they are halfway only:", half[0] < half[1] < half[2])
assert 2 * flip[0] < flip[2] and 1.2 * half[0] < half[1]

# %% [markdown]
# With the wrong sign, copying is worse than doing nothing. With the wrong length it goes half of the way. The
# package's tests run this over random crops and flips of random frames (`tests/test_augment.py`).
#
# **Exercise 3** (medium, 15 minutes). Nobody turns clips by a quarter in this course, but you could, for
# videos filmed from above. `torch.rot90(x, 1, (-2, -1))` turns the last two axes against the clock: what was
# on the right is then at the top. Turn the vectors as well: where they stand, and which way they point. The
# check looks at one vector, and copies along all of them.


# %% tags=["exercise"]
def turned(frames, vectors, mask):
    """A quarter turn against the clock of frames (B, 3, S, S), vectors (B, 2, G, G), mask (B, G, G)."""
    ...


# %% tags=["check"]
one_vector, one_mask = torch.zeros(1, 2, 4, 4), torch.zeros(1, 4, 4, dtype=torch.bool)
one_vector[0, :, 1, 3], one_mask[0, 1, 3] = (
    torch.tensor([5.0, 2.0]),
    True,
)  # 5 right and 2 down, at the right border
answer = turned(now[:1, :, :8, :8], one_vector, one_mask)
if answer is None or len(answer) != 3:
    verdict = f"Not yet: you return {answer}, expected frames, vectors and a mask."
elif not torch.equal(answer[0], torch.rot90(now[:1, :, :8, :8], 1, (-2, -1))):
    verdict = "Not yet: the frames are not turned by a quarter against the clock."
elif not torch.equal(answer[2], torch.rot90(one_mask, 1, (-2, -1))):
    verdict = (
        f"Not yet: the one cell with a vector is now at {answer[2].nonzero().tolist()}, expected [[0, 0, 1]]."
    )
elif answer[1][0, :, 0, 1].tolist() != [2, -5]:
    verdict = f"Not yet: the vector (5, 2) is now {answer[1][0, :, 0, 1].tolist()}, expected [2, -5]."
else:
    second, field, held = turned(now, vectors, mask)
    moves = held & (field.abs().amax(1) >= 1)
    first = turned(before, vectors, mask)[0]
    fit, rest = misfit(copied(first, field), second, moves), misfit(first, second, moves)
    verdict = "Right." if 2 * fit < rest else f"Not yet: off by {fit:.1f}, expected less than {rest / 2:.1f}."
print(verdict)

# %% [markdown]
# <details><summary>Hint</summary>
# What pointed to the right points up now, and up is minus y. What pointed down points to the right.
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def turned(frames, vectors, mask):
#     x, y = torch.rot90(vectors, 1, (-2, -1)).unbind(1)
#     field = torch.stack([y, -x], 1)
#     return torch.rot90(frames, 1, (-2, -1)), field, torch.rot90(mask, 1, (-2, -1))
# ```
#
# </details>

# %% [markdown]
# ## Where there is no vector
#
# A crop is resized by interpolation: each new cell is a mean of old ones. And what of a cell without a
# vector, that holds a zero by convention? If zeros take part, they drag their neighbors down, and motion
# seems to slow at every edge. So the vectors are weighted by the mask and divided by the weight. Here is
# one row of 8 cells: the left half says (3, 0), the right half has no vectors. We take the middle half of
# it, enlarged.

# %%
field = torch.zeros(1, 1, 2, 8, 8)
field[..., 0, :, :4] = 3.0
held = torch.zeros(1, 1, 8, 8, dtype=torch.bool)
held[..., :4] = True
half_crop = Geometry(torch.full((1, 2), 0.5), torch.full((1, 2), 0.5), torch.tensor([False]))
naive = half_crop.sample(field[:, 0], 8)[0, 0, 0] * 2  # enlarged twice
careful, careful_mask = half_crop.sample_vectors(field, held, 8)
print("zeros take part:", *(f"{value:5.2f}" for value in naive.tolist()))
row = zip(careful[0, 0, 0, 0].tolist(), careful_mask[0, 0, 0].tolist())
print("the mask weighs:", *(f"{value:5.2f}" if there else "  (-)" for value, there in row))

# %% [markdown]
# Every vector that is left has its full length, and the mask tells where there is none. The motion encoder
# gets the mask as a third channel beside x and y.
#
# How often does it matter? Take the I-frames alone. They have no vectors at all, and with a GOP of 12 few
# windows of 8 maps get by without one: of 12 places where a window may begin, how many hold an I-frame?

# %%
places = [any(frame % 12 == 0 for frame in range(first, first + 8)) for first in range(12, 24)]
print(sum(places), "of", len(places))

# %% [markdown]
# One empty map in eight is bearable. A place with hardly any vectors in the whole window is not: there is
# nothing to predict. The motion encoder makes of a window 4 x 4 **points**, each of which looks at a part
# of the frame (08). `valid_points` tells which of them have a vector in a quarter of their cells or more,
# and only those are queries (ours). By hand: cut the mask of 8 x 16 x 16 into 4 x 4 blocks, and take
# means.

# %%
recipe = recipes.laptop()
(batch24,) = MemoryLoader(small_set, recipe.sampling, seed=1).batches(24, 1)
views = augment(batch24, recipe.augmentation)
share = views.mask.float().unflatten(4, (4, 4)).unflatten(3, (4, 4)).mean((2, 4, 6))  # (24, 2, 4, 4)
valid = views.valid_points((1, 4, 4))
assert torch.equal(valid, (share >= 0.25).flatten(2))
print("as valid_points:", True, " nearly all points count:", bool(valid.float().mean() > 0.9))

# %% [markdown]
# ## Colors
#
# Why change colors at all? Let us win the first task, context matching, by cheating. We forget textures
# and shapes, and describe each clip and each key frame by three numbers, its mean red, green and blue. Then
# each of 64 clips takes the key frame whose three numbers are nearest. A blind guess is right once in 64.


# %%
def found_by_palette(how):
    """The share of 64 clips that find their key frame by mean color."""
    views = augment(batch64, how)
    distance = torch.cdist(views.clip.mean((2, 3, 4)), views.keyframe.mean((2, 3)))
    return (distance.argmin(1) == torch.arange(64)).float().mean().item()


(batch64,) = MemoryLoader(small_set, recipe.sampling, seed=1).batches(64, 1)
views_of = recipe.augmentation
scores = {
    "crops and flips only": found_by_palette(
        dataclasses.replace(views_of, color_jitter_prob=0, grayscale_prob=0)
    ),
    "and every fifth in gray": found_by_palette(dataclasses.replace(views_of, color_jitter_prob=0)),
    "and jitter as released": found_by_palette(
        dataclasses.replace(views_of, color_jitter_prob=0.5, hue=0.1, saturation=0.4)
    ),
    "and the laptop's jitter": found_by_palette(views_of),
    "a blind guess": 1 / 64,
}
show(
    figures.bars(
        {name: 100 * score for name, score in scores.items()},
        label="clips that find their key frame by mean color, in percent",
        title="Three numbers win the game, unless colors change",
        role="context",
        form=".0f",
    ),
    "Five bars: " + ", ".join(f"{name} {score:.0%}" for name, score in scores.items()) + ".",
)
plain_, gray, released_, strong, _ = scores.values()
print("each step makes the cheat harder:", plain_ > gray > released_ > strong)
assert plain_ > 0.6 and strong < 0.15

# %% [markdown]
# With the same colors, three numbers find most partners, and a network that may cheat so easily has little
# reason to learn more. Such a way to be right for the wrong reason is called a **shortcut**. Notebook 07
# trains with weak and strong changes of color, and asks the networks what they went by.
#
# What changes, then?
#
# - **Jitter**: light, contrast, saturation, and a turn of all hues. One small matrix per clip does it.
# - **Gray**: no color at all, so that there has to be another way.
# - **Blur**: no fine grain; the released code blurs every other clip, the laptop recipe none, as its frames
#   are small (ours).

# %%
still = square.videos[3].frames[0]
levels = torch.tensor(still).float() / 255  # (112, 112, 3)


def recolored(frames, random, how):
    """Frames (N, H, W, 3) in 0..1, each by its own row of random numbers (N, 15)."""
    matrix, offset = color_matrix(random, how)
    return (torch.einsum("nhwc,ndc->nhwd", frames, matrix) + offset[:, None, None]).clamp(0, 1)


draws = torch.rand(8, 15, generator=torch.Generator().manual_seed(5))
jittered = recolored(levels.expand(4, -1, -1, -1), draws[:4], dataclasses.replace(views_of, grayscale_prob=0))
gray = recolored(levels[None], draws[:1], dataclasses.replace(views_of, grayscale_prob=1))
twice = levels.permute(2, 0, 1).expand(2, -1, -1, -1)  # (2, 3, 112, 112)
soft = gaussian_blur(twice, torch.tensor([1.0, 2.0])).permute(0, 2, 3, 1)
changed = torch.cat([levels[None], jittered, gray, soft]).numpy()
labels = ["as filmed", *["jitter"] * 4, "gray", "blur 1 px", "blur 2 px"]
show(
    figures.filmstrip(changed, labels=labels, columns=8, title="One frame, eight looks"),
    "Eight times the same shapes: as filmed, four times in other colors and light, gray, and twice blurred.",
)

# %% [markdown]
# All frames of a clip get the *same* change. What if each had its own? Let us look at places in which nothing
# changes from frame to frame, by both rules.

# %%
quiet = torch.tensor(square.videos[3].frames[1:9]).float() / 255
strength = dataclasses.replace(views_of, grayscale_prob=0)
once, each = recolored(quiet, draws[:1].expand(8, -1), strength), recolored(quiet, draws, strength)
rest = (quiet[1:] - quiet[:-1]).abs().amax(-1) < 0.02  # (7, 112, 112) nothing to see there


def flicker(frames):
    """Mean change from frame to frame, in levels of 255, where nothing changes."""
    return 255 * (frames[1:] - frames[:-1]).abs().mean(-1)[rest].mean().item()


rows = [frame for row in (once, each) for frame in row.numpy()]
labels = ["once a clip", *[""] * 7, "once a frame", *[""] * 7]
show(
    figures.filmstrip(
        rows, labels=labels, columns=8, title="Colors change once a clip, or all of it flickers"
    ),
    "Two rows of eight frames. In the upper all have the same odd colors; in the lower each has its own.",
)
print("once a clip, what rests stays at rest:", flicker(once) < 3)
print("once a frame, it changes over ten times as much:", flicker(each) > 10 * flicker(once))

# %% [markdown]
# A network that is to see motion looks at changes. With a color per frame every pixel changes all the
# time, and shapes that move drown in it. By the same rule a clip is cropped once, not frame by frame: that
# would look like a shaking camera, of which the vectors know nothing.
#
# ## The whole batch
#
# Now look at it, as the networks see it. Always do this before a long training: many mistakes with data are
# plain to see, once somebody looks. In each row: do clip and key frame show the same scene in other
# colors? Does the near future go where the clip went? Do the hatched places make sense?

# %%
for name in ("clip", "keyframe", "motion", "mask"):
    view = getattr(views, name)
    print(f"{name:8} {str(view.dtype)[6:]:7} {tuple(view.shape)}")


def to_see(frames):
    """(..., 3, H, W) normalized, to (..., H, W, 3) bytes."""
    return ((frames * 0.25 + 0.45).clamp(0, 1) * 255).movedim(-3, -1).byte().numpy()


rows = [0, 1, 3, 5]
print("actions:", ", ".join(actions[batch24.names[row]] for row in rows))
clip = to_see(views.clip[rows].transpose(1, 2))  # (4, 8, 64, 64, 3)
frames = np.concatenate([clip[:, [0, 4, 7]], to_see(views.keyframe[rows])[:, None]], 1)
maps = views.motion[rows, :, :2, 3] * recipe.augmentation.vector_scale  # the fourth map of both windows
show(
    figures.batch_as_seen(
        frames,
        maps.numpy(),
        views.mask[rows, :, 3].numpy(),
        columns=["clip: first", "middle", "last", "key frame", "near future", "another window"],
        magnify=4,
        title="Four samples as the networks see them",
    ),
    "Four rows. In each, three frames of a clip in the same odd colors, a key frame of the same scene with "
    "another crop and other colors, and two maps of arrows. One map, in the first row, is hatched all over.",
)
assert not views.mask[0, 0, 3].any() and views.mask[0, 0, [2, 4]].any((1, 2)).all()

# %% [markdown]
# The hatched map is an I-frame's, and the mask says so; the maps before and after it are there. Where a
# motion is steady, as in the last row, whose shapes circle, the other window shows the same kind of motion,
# a little later and under another crop: a hard negative indeed. And what the key frame shares with its clip
# is the scene, not the colors.
#
# One last look with numbers: inputs should have a mean near 0 and a deviation near 1, or the first layers
# begin with a handicap.

# %%
wide = augment(batch64, recipe.augmentation)
for name, values in (("clip", wide.clip), ("keyframe", wide.keyframe)):
    good = abs(values.mean()) < 0.5 and 0.5 < values.std() < 1.5
    print(f"{name:8} mean near 0, deviation near 1:", bool(good))
vectors_seen = wide.motion[:, :, :2].movedim(2, -1)[wide.mask]
print("vectors: most are below 1 in size:", bool((vectors_seen.abs() < 1).float().mean() > 0.9))
print("each view follows from its sample's seed:", torch.equal(augment(batch24, views_of).clip, views.clip))

# %% [markdown]
# ## What we have seen
#
# - A sample is a clip, a key frame near it, the near future, and other windows that do not overlap it. It
#   is cut by seconds; a video that is too short is listed and left out.
# - Every choice follows from (seed, round, number): the same batch from memory or files, by any number of
#   workers, from any step on, in any shares. Bytes travel, floats are made at the end.
# - Whatever is done to pixels is done to vectors: mirrored and negated, enlarged and lengthened, masked
#   cells left out. Copying along them proves it. Colors change once a clip, or three numbers win the game.
#
# ## Quiz
#
# **1.** In a recipe of 8 frames, each 2 after the last, a gap of 3 and windows of 8 maps: how many ways to
# start has a clip of MovingScenes, with its 40 frames?
#
# <details><summary>Answer</summary>
# The clip's last frame is start + 14, the future's last map start + 24. So 40 - 24 = 16.
# </details>
#
# **2.** A clip is mirrored *upside down*, for once. What becomes of a vector (3, -1)?
#
# <details><summary>Answer</summary>
# (3, 1), in the mirrored cell: y changes its sign.
# </details>
#
# **3.** A crop is half as wide as the square and three quarters as high, and is enlarged to the full square.
# What becomes of (3, -3)?
#
# <details><summary>Answer</summary>
# (6, -4): x is divided by 1/2, y by 3/4. So crops that change the aspect turn vectors a little, and rightly
# so: they do it to the pixels, too.
# </details>
#
# **4.** Why must the future not overlap another window, while another window may overlap the *clip*?
#
# <details><summary>Answer</summary>
# A window that shares maps with the future is partly the right answer. One inside the clip is a wrong
# answer to "what comes next?", and a tempting one: it is what the network has just seen.
# </details>
#
# **5.** Somebody draws random crops from a global random generator in each worker. What breaks?
#
# <details><summary>Answer</summary>
# The batches depend on the number of workers and on where the training was resumed; and workers that are
# started as copies of one process may all draw the same numbers.
# </details>
#
# ## Next, and further reading
#
# Next: [06_infonce](06_infonce.ipynb). The riddles are ready; now comes the loss that grades the answers.
#
# - [What makes for good views](https://arxiv.org/abs/2005.10243), and
#   [a simple framework](https://arxiv.org/abs/2002.05709) that tried out which changes of color help.
# - [The paper map](../docs/paper_map.md): where the released code does one thing, and we another.
# - [The glossary](../docs/glossary.md) of this course.
