# %% [markdown]
# # Clips for training
#
# By now we can read video files. But a network cannot train on files. It needs many samples of one shape,
# each a question with its answer. Most mistakes on the way from file to batch are silent: nothing crashes,
# the loss falls, and the network learns something wrong. So we derive every step by hand, compare it with
# the package, and get the most important steps wrong on purpose, to see what happens.
#
# **Goals.** After this notebook you will be able to
# - cut a sample out of a video by hand, and say which videos are too short,
# - say why clips are cut by seconds, and what that does not fix,
# - crop, mirror and turn pixels *and* vectors, and show that they still belong together,
# - say what each change of color is for,
# - compute which videos are in a batch from its number alone.
#
# **Needs.** [03_motion_vectors](03_motion_vectors.ipynb); [04](04_residuals.ipynb) can be skipped. Less
# than 1 minute on 2 cores, 0.9 GB of memory, and beside the clips of MovingScenes (64 MB) 148 MB of disk
# for decoded frames. If `make lab` has not drawn the clips yet, they are drawn now (45 seconds more).

# %%
import dataclasses

import numpy as np
import torch
import torch.nn.functional as F

from cvrl_lite import CompressedVideo, data_path
from cvrl_lite.course import figures
from cvrl_lite.course.exercises import judge
from cvrl_lite.course.figures import show
from cvrl_lite.course.loops import show_loop
from cvrl_lite.course.truth import shape_centers
from cvrl_lite.course.widgets import laboratory
from cvrl_lite.datasets import VECTOR_STEPS, ClipSampling, MemoryLoader, MovingScenes, Timeline, decode
from cvrl_lite.datasets.moving_scenes import draw
from cvrl_lite.train import recipes
from cvrl_lite.transforms import Augmentation, Geometry, augment, color_matrix, gaussian_blur

torch.set_num_threads(1)  # our frames are so small that a second core would only wait

# %% [markdown]
# Let us begin with a riddle. Here is a clip with its motion vectors, drawn as arrows the way things go, and
# twice its mirror image. One of the two mirror images is a broken sample: a network that trains on it learns
# nonsense about left and right. No error message will tell you, and published code makes such samples. Which
# one is it? (The answer comes halfway down.)

# %%
show_loop(
    "mirrors",
    "Three clips of shapes with arrows, playing. As filmed, shapes and arrows go right. In mirror A the "
    "shapes go left and the arrows right; in mirror B both go left.",
)

# %% [markdown]
# ## One sample
#
# A **sample** has four parts. The two tasks of the course use them like this:
#
# - A **clip**: evenly spaced frames. This is what the network sees, in both tasks.
# - A **key frame** nearby, for context matching: which key frame belongs to this clip?
# - The **near future**, for motion prediction: a **window** of [motion
#   vector](../docs/glossary.md#motion-in-the-file) maps shortly after the clip. What will move, and where?
# - **Other windows** of the same video: tempting wrong answers to that question. The same things move in
#   them, only at another time. Such a wrong answer is called a **hard negative**.
#
# The authors of [the paper](https://arxiv.org/abs/2104.00862) have published code; *released* will mean: as
# in that code. The course's own recipe, `laptop`, has shorter clips, so that they fit into the 40 frames of
# a MovingScenes video, and counts seconds instead of frames; soon you will see why.
#
# | | released | `laptop` |
# |---|---|---|
# | clip | 16 frames, every 4th one | 8 frames, .08 s apart |
# | key frame: an I-frame in the clip, before or after it | by at most 5 frames | by at most .2 s |
# | gap: from the clip's last frame to its near future | 3 frames | .12 s |
# | near future | 8 maps, one per frame | 8 maps, one per frame |
# | other windows, as long as the near future | 3 | 1 |
#
# Without a gap, the first map of the future would show the very motion that the clip's end still shows. The
# other windows may lie anywhere, also inside the clip, as long as they do not overlap the future.

# %%
released = recipes.ucf101_r2plus1d26().sampling
laptop = recipes.laptop().sampling
sample = CompressedVideo(data_path("sample.mp4"))
times, keys = sample.times, np.cumsum([0, *sample.info.gop_lengths[:-1]])
show(
    figures.sample_timeline(
        times,
        keys,
        clip=1 + 4 * np.arange(16),
        key=36,
        windows=(64, 5, 26, 54),
        length=8,
        title="A released sample: the clip, a gap, the near future, and three other windows",
    ),
    "Lanes over 72 frames. The file has an I-frame every 12. The clip's 16 frames are spread over frames 1 "
    "to 61, the key frame is number 36, the near future is 64 to 71, three other windows lie before it.",
)

# %% [markdown]
# The shaded band is the near future, and no other window may reach into it. If one did, a wrong answer
# would share maps with the right one, and the network would be punished for noticing.
#
# We write the rules down for a clip that starts at frame `start`. Does the package's `Timeline`, which
# draws samples at random, keep to them?


# %%
def released_parts(start, keys, count):
    """The clip, the first frame of the future, and all that the key frame and other windows may be."""
    clip = start + 4 * np.arange(16)
    future = clip[-1] + 3
    near = [key for key in keys if clip[0] - 5 <= key <= clip[-1] + 5]
    apart = [first for first in range(count - 8 + 1) if abs(first - future) >= 8]
    return clip, future, near, apart


# %%
timeline = Timeline(times, keys, released)
for number in range(300):
    cut = timeline.cut(seed=(0, number))
    clip, future, near, apart = released_parts(cut.clip[0], keys, len(times))
    assert np.array_equal(cut.clip, clip) and cut.windows[0] == future
    assert cut.key in near and set(cut.windows[1:]) <= set(apart)
print("300 samples drawn, all as cut by hand")

# %% [markdown]
# The sample in the figure fills the file: the future ends with the last frame. **Guess:** how many
# frames does a video need, at least, and how many different starts has a clip in the 72 of `sample.mp4`?


# %%
def evenly(frames, rate=25, gop=12):
    """Times and key frames of a video with a steady rate."""
    return np.arange(frames) / rate, np.arange(0, frames, gop)


for frames in range(40, 200):
    starts = Timeline(*evenly(frames), released).starts
    assert np.array_equal(starts, np.arange(max(0, frames - 70)))
print(f"{len(times)} frames: {len(timeline.starts)} starts, at frames", *timeline.starts.tolist())

# %% [markdown]
# The clip's last frame is `start + 60`, the future begins at `start + 63` and ends at `start + 70`. So a
# video needs **71 frames**, and one of N frames has N - 70 possible starts. Two starts are not many, but
# the key frame and the other windows are drawn at random as well: with 6 key frames and 56 or 57 places for
# each of three windows, two starts allow over two million draws.
#
# The widget draws samples with either recipe. Can you find a key frame before the clip's first frame, or
# after its last? One of the other windows inside the clip? Or after the future?


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

# %%
cuts = [Timeline(times, keys, laptop).cut((0, number)) for number in range(1000)]
inside = sum(cut.key in cut.clip for cut in cuts)
during = sum(cut.clip[0] <= cut.windows[1] <= cut.clip[-1] - 7 for cut in cuts)
after = sum(cut.windows[1] > cut.windows[0] for cut in cuts)
print(f"of 1000 samples: key frame among the clip's own frames in {inside}, other window inside")
print(f"the clip in {during}, after the future in {after}")

# %% [markdown]
# In a third of the samples the key frame is one of the clip's own frames, and the pair could be matched
# pixel by pixel. That is why both will get their own crop and colors.
#
# Now look at the future, frames 42 to 49. Something is badly wrong with this sample, and the figure does not
# show it. Here are the pictures themselves. Can you see it?

# %%
shown = {f"clip, frame {n}": n for n in (25, 33, 39)} | {f"future, frame {n}": n for n in (42, 45, 49)}
with sample:
    film = sample.clip(0, 72, size=144)
show(
    figures.filmstrip(
        [film[n] for n in shown.values()],
        labels=list(shown),
        columns=6,
        title="Three frames of the clip, and three of its near future",
    ),
    "Six frames of sample.mp4: three of a clip, and three of its near future, which show another scene.",
)

# %% [markdown]
# At frame 42 `sample.mp4` cuts to another scene, and the network is asked to predict what will move in a
# film that it has never seen. `Timeline` knows nothing of cuts, and nothing here looks for them. Films are
# full of cuts; if yours are, split them first (`cvrl-lite cut`). Nor does it know whether anything moves.
# Where nothing does, the answer is "nothing", and such samples are kept.
#
# **Exercise 1** (medium, 10 minutes). A slower clip sees more: the larger the step between its frames, the
# more time it spans. But a sample has to fit. Which is the largest step that leaves at least `starts`
# possible starts?


# %% tags=["exercise"]
def largest_step(frames, clip, gap, window, starts):
    """The largest step between the `clip` frames of a clip, in a video of `frames` frames; 0 if none fits.

    The window begins `gap` after the clip's last frame, and has `window` maps, one per frame.
    """
    ...


# %% tags=["check"]
def starts_left(length, clip, step, gap, window):
    """Of the package."""
    how = ClipSampling(clip, step, gap=gap, window=window, num_negative_windows=0, in_frames=True)
    return len(Timeline(*evenly(length), how).starts)


for case in ((71, 16, 3, 8, 1), (71, 16, 3, 8, 2), (40, 8, 3, 8, 1), (40, 8, 3, 8, 16), (40, 8, 3, 8, 20),
             (20, 16, 3, 8, 1), (100, 2, 1, 1, 50), (8, 8, 3, 8, 1), (30, 5, 4, 6, 1)):  # fmt: skip
    length, clip, gap, window, wanted = case
    fits = [step for step in range(1, 100) if starts_left(length, clip, step, gap, window) >= wanted]
    answer, expected = largest_step(*case), max(fits, default=0)
    if answer != expected:
        words = f"Not yet: for (frames, clip, gap, window, starts) = {case} you say {answer},"
        print(f"{words} expected {expected}.")
        break
else:
    judge("largest_step", "Right.")

# %% [markdown]
# <details><summary>Hint</summary>
# From its start on, a sample takes <code>step * (clip - 1) + gap + window</code> frames. A video with one
# frame more has one start more.
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def largest_step(frames, clip, gap, window, starts):
#     room = frames - (starts - 1) - gap - window
#     return max(0, room // (clip - 1))
# ```
#
# </details>

# %% [markdown]
# ## Seconds, not frames
#
# "Every fourth frame" means one frame every .16 s in a video with 25 frames per second. With 50 frames per
# second it means half that time. The same gesture then looks half as fast, and the network may learn the
# frame rate instead of the gesture. So the course's recipe counts **seconds**: for each point in time, it
# takes the nearest frame. That needs the time of every frame, which the file holds
# ([02](02_inside_a_video_file.ipynb)). If no frame lies exactly there, as at 30 per second or where frames
# were dropped, the steps are uneven, but the span is right to within a frame or so.


# %%
def by_seconds(times, start, step, count):
    """The frames nearest to `count` times, `step` seconds apart, from frame `start` on."""
    targets = times[start] + step * np.arange(count)
    return np.abs(times[:, None] - targets).argmin(0)


rates = {f"{rate} per second": np.arange(100) / rate for rate in (25, 30, 50)}
rates["30, some dropped"] = np.delete(rates["30 per second"], [3, 4, 9, 10, 11, 15, 21, 22])
for moments in rates.values():
    for number in range(100):
        clip = Timeline(moments, np.array([0]), laptop).cut((1, number)).clip
        assert np.array_equal(clip, by_seconds(moments, clip[0], 0.08, 8))
print("400 clips of four kinds of video, all cut as by hand")

# %% tags=["hide-input"]
lanes = {name: (moments, by_seconds(moments, 0, 0.08, 8)) for name, moments in rates.items()}
lanes["50, every 2nd frame"] = rates["50 per second"], 2 * np.arange(8)
show(
    figures.clips_in_time(lanes, title="By seconds a clip spans the same time; by frames it does not"),
    "Five lanes of marks over seconds. Four clips cut by seconds end near .56 s, whatever the frame rate; "
    "the last, cut by frames from a video of 50 per second, ends at .28 s.",
)

# %% [markdown]
# To see this in pictures, we draw a film at 50 frames per second and keep every second frame for a version
# at 25. Below, an arrow leads from each shape's place in a clip's first frame to its place in the last. How
# long will the third arrows be?

# %%
film = draw("waves", "right", 5946, frames=60)  # at 50 per second, 112 pixels wide
where = shape_centers("right", 5946, frames=60, size=112)  # (60, shapes, x and y)
half_film = film[::2]  # at 25
cuts = {
    "25 per second, by seconds": (half_film, by_seconds(np.arange(30) / 25, 0, 0.08, 8)),
    "50 per second, by seconds": (film, by_seconds(np.arange(60) / 50, 0, 0.08, 8)),
    "50 per second, by frames": (film, 2 * np.arange(8)),
}
ends = [frames[clip[-1]] for frames, clip in cuts.values()]
assert np.array_equal(ends[0], ends[1]) and not np.array_equal(ends[0], ends[2])

# %% tags=["hide-input"]
places = [w[clip] for w, (_, clip) in zip((where[::2], where, where), cuts.values())]
show(
    figures.journeys(
        {name: frames[clip] for name, (frames, clip) in cuts.items()},
        places,
        title="Three versions of one film: how far do the shapes go?",
    ),
    "Three gray images of shapes, each shape in its first and its last place, with an arrow between the two. "
    "In the first two images the arrows are alike; in the third they are half as long.",
)

# %% [markdown]
# Cut by seconds, things go equally far at both rates. Cut by frames, they go half as far, as if they
# were half as fast.
#
# > **Caution.** Seconds fix the clip, not the vectors. A vector describes the motion between *two frames*,
# > so at 50 frames per second it is half as long, and a window of 8 maps covers half as much time. Neither
# > the paper's code nor ours corrects for that: within one data set the rate hardly differs. If your files
# > differ much, transcode them to one rate.
#
# ## Too short
#
# What about videos that are too short for a sample? They are left out, and *listed with the reason*. Here
# we load the short clips of the last notebooks together with `sample.mp4`.

# %%
from cvrl_lite.datasets import Entry, VideoDataset, VideoFolder

lessons = VideoFolder(data_path("lessons")).entries
candidates = VideoDataset((*lessons, Entry(data_path("sample.mp4"), "sample", {})), {})
mixed = MemoryLoader(decode(candidates), laptop, seed=0)
print(f"{len(mixed.skipped)} of {len(candidates.entries)} are too short, for example:")
for skipped in mixed.skipped[:3]:
    print(f"  {skipped.path.name}: {skipped.reason}")

# %% [markdown]
# Couldn't we repeat the last frame until a sample fits? Take a video of 60 frames and the released recipe.
# The near future would be frames 63 to 70, *all* of them copies, and the answer would be "nothing moves". A
# loader can do worse. When the released one cannot read a file, it returns zeros: a black clip, a black key
# frame, and a future in which nothing moves. Nothing crashes, and the network learns from it as from any
# other sample. We prefer a missing sample to an invented one.
#
# How much do we lose? At 25 frames per second, a video needs 71 frames for the released recipe (2.80 seconds
# from the first to the last), and just 25 for ours (0.96 seconds).
#
# ## A view: pixels and vectors together
#
# One sample can give any number of **views**: random crops, enlarged to full size, half of them mirrored. A
# clip and its near future get the *same* crop, since the network has to say *where* something will move.
# The key frame gets a crop of its own, and so does the other window. (Can that give the right window away?
# Whether a crop fits the clip's could be told from the size of the shapes, say. We have not tested it.)
#
# Mirroring an image is easy. What about a vector map? Two things must happen. The map is mirrored, just
# like the pixels. And each vector reverses its direction in x. We write that down and compare with the
# package.
#
# These are the parts that we try it on, and the tools for that:
#
# | name | what it is |
# |---|---|
# | `before`, `now` | two frames in a row, of each of 48 clips |
# | `vectors`, `mask` | how to get from `now` back to `before`, and which cells have a vector |
# | `mirrored(now, vectors, mask)` | the same three in the mirror, written by us |
# | `crop(extent, flip)` | a crop from the middle, `extent` of each side (1: all of it); mirrored if `flip` |
# | `seen(crop(...))` | all four as they look after that crop, by the package |
# | `seen(crop(...), as_released=True)` | the same, but vectors as the released code treats them |

# %% tags=["hide-input"]
everything = MovingScenes("train")
part = everything.subset(range(64))
small_set = decode(part, size=72, cells=14)
square = decode(part, size=112, cells=14)  # cells of 8 x 8 pixels, and quarters of a pixel kept
# A negative gap puts the window inside the clip, so that we have the vectors between its frames.
present = ClipSampling(frames=9, stride=1, gap=-7, window=8, num_negative_windows=0, in_frames=True)
(batch,) = MemoryLoader(square, present, seed=0).batches(48, 1)  # maps of frames 1 to 8 of each clip
frames = batch.clip.permute(0, 1, 4, 2, 3).float()  # (48, 9, 3, 112, 112), 0..255
before, now = frames[:, 4], frames[:, 5]
# Map 0 belongs to frame 1, so map 4 leads from frame 5 back to 4. It holds integers, sixteenths of a pixel.
vectors, mask = batch.motion[:, 0, 4] / VECTOR_STEPS, batch.motion_mask[:, 0, 4]


# %%
def mirrored(frames, vectors, mask):
    """Left becomes right."""
    turned = vectors.flip(-1) * torch.tensor([-1.0, 1.0])[:, None, None]
    return frames.flip(-1), turned, mask.flip(-1)


# %% tags=["hide-input"]
def crop(extent, flip):
    """A crop from the middle, the same for all samples: its share of each side, and whether mirrored."""
    middle = torch.full((48, 2), 0.5)
    return Geometry(middle, torch.full((48, 2), extent), torch.full((48,), flip))


def seen(geometry, as_released=False):
    """Frames before and now, vectors and mask under a geometry."""
    field, held = geometry.sample_vectors(vectors[:, None], mask[:, None], 14, rescale=not as_released)
    return geometry.sample(before, 112), geometry.sample(now, 112), field[:, 0], held[:, 0]


# %%
by_hand = mirrored(now, vectors, mask)
_, *package = seen(crop(1.0, True))  # all but `before`
agree = [torch.allclose(a.float(), b.float(), atol=1e-3) for a, b in zip(by_hand, package)]
assert all(torch.equal(a, b) for a, b in zip(mirrored(*by_hand), (now, vectors, mask)))  # mirrored twice
print(f"by hand and package agree in {sum(agree)} of 3: frames, vectors, mask")

# %% [markdown]
# The released code mirrors the map and leaves the sign of x alone: that is **mirror A** of the riddle. Here
# is a still of another clip, treated in both ways.

# %% tags=["hide-input"]
actions = {str(entry.path): everything.classes["action"][entry.labels["action"]] for entry in part.entries}
moving = (mask & (vectors.abs().amax(1) >= 1))[:, 3:11, 3:11].sum((1, 2))  # cells around the middle
chosen = max((n for n in range(48) if actions[batch.names[n]] == "right"), key=lambda n: moving[n])


def panels(views, labels, title, every=2):
    """One sample under several views, in gray, with the arrows of one cell of so many in a row that move."""
    _, nows, fields, masks = ([part[chosen].numpy() for part in parts] for parts in zip(*views))
    stills = [figures.grayed(now.transpose(1, 2, 0)) for now in nows]
    figure = figures.filmstrip(stills, labels=labels, columns=3, title=title)
    look = {"angles": "xy", "scale_units": "xy", "pivot": "mid", "facecolor": figures.COLORS["motion"]}
    look |= {"width": 0.01, "headwidth": 4, "headlength": 3.5, "headaxislength": 3}
    look |= {"edgecolor": "white", "linewidth": 0.5}  # tells an arrow from the next
    for axes, field, held in zip(figure.axes, fields, masks, strict=True):
        y, x = np.nonzero(held & (np.hypot(*field) >= 1) & (np.arange(14) % every == every - 1))
        arrows = axes.quiver(8 * x + 3.5, 8 * y + 3.5, *-field[:, y, x], scale=0.25, **look)
        axes.quiverkey(arrows, 0.06, -0.06, 2, "")  # a yardstick below each panel
        axes.text(0.12, -0.06, "2 pixels a frame", va="center", fontsize=9, transform=axes.transAxes)
    return figure


# %% tags=["hide-input"]
views = [seen(crop(1.0, False)), seen(crop(1.0, True), as_released=True), seen(crop(1.0, True))]
labels = ["as filmed", "✗ mirror A, as released", "✓ mirror B"]
figure = panels(views, labels, "In mirror A the arrows still point right, though the shapes now go left")
figure.set_figheight(figure.get_figheight() + 0.3)
figure.get_layout_engine().set(h_pad=0.1, w_pad=0.1)  # inches, or the gray arrows touch titles
for axes, way in zip(figure.axes, ("right", "left", "left"), strict=True):
    axes.set_title(axes.get_title(), loc="left", fontsize=9, y=1.02)
    axes.set_title("")
    look = {"boxstyle": f"{way[0]}arrow,pad=0.15", "color": "#5A5A5A"}
    axes.set_title(f" the shapes go {way} ", loc="right", fontsize=8, color="white", bbox=look, y=1.02)
show(
    figure,
    "Three gray panels of shapes with arrows; a large gray arrow above each says which way the shapes go: "
    "right, left, left. In mirror A the orange arrows point right, against it; in the others they agree.",
)

# %% [markdown]
# In training, half of the samples would have the right sign and half the wrong one. We have not trained such
# a network, but it is hard to see how it could learn to tell left from right.
#
# Now the second trap. A crop of half the width is enlarged to full width. What moved by 2 pixels now moves by
# 4. Which of the two enlarged panels is right? (The arrow below each panel measures 2 pixels.)

# %%
views = [seen(crop(1.0, False)), seen(crop(0.5, False), as_released=True), seen(crop(0.5, False))]
labels = ["as filmed", "enlarged: C", "enlarged: D"]
show(
    panels(views, labels, "Enlarged twice: how long must the arrows be?", every=3),
    "Three gray panels of shapes with arrows. In two of them the shapes are enlarged to twice the size; the "
    "arrows are as short as before in the second panel, and twice as long in the third.",
)

# %% [markdown]
# D is right: twice as large is twice as fast. C, like mirror A, is what the released code does: its vectors
# stay as they were.
#
# So much for arguments; here is a test that needs no eyes. It is the one from notebook 03: **vectors that
# fit the pixels must lead from each frame back to the one before.** We copy each pixel from where its vector
# points, and compare the result with the real frame.


# %%
def copied(frames, vectors):
    """(B, 3, S, S): each pixel copied from where its cell's vector points, bilinear between pixels."""
    side = frames.shape[-1]
    dense = F.interpolate(vectors, size=(side, side))  # each cell's vector for all of its pixels
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    grid = (torch.stack([x, y]) + dense + 0.5) * 2 / side - 1
    return F.grid_sample(frames, grid.permute(0, 2, 3, 1), padding_mode="border", align_corners=False)


def misfit(guess, truth, where):
    """Mean absolute difference over the cells `where`, in levels of 255."""
    where = F.interpolate(where[:, None].float(), size=guess.shape[-2:])[:, 0] > 0.5
    return (guess - truth).abs().mean(1)[where].mean().item()


# %%
def test(geometry):
    """The error of copying along our vectors, the released ones, and none; over cells that move."""
    first, second, ours, held = seen(geometry)
    theirs = seen(geometry, as_released=True)[2]
    moves = held & (ours.abs().amax(1) >= 1)
    found = [copied(first, ours), copied(first, theirs), first]
    return [misfit(guess, second, moves) for guess in found]


# %% tags=["nbval-ignore-output"]
flip, half = test(crop(1.0, True)), test(crop(0.5, False))
print("mean error in levels of 255:   vectors changed too   as released   nothing copied")
for name, (ours, theirs, nothing) in (("mirrored", flip), ("enlarged", half)):
    print(f"{name:24} {ours:20.0f} {theirs:17.0f} {nothing:14.0f}")
assert flip[0] < flip[2] < flip[1] and half[0] < half[1] < half[2]
assert 2 * flip[0] < flip[2] and 1.2 * half[0] < half[1]

# %% tags=["hide-input"]
first, second, ours, held = seen(crop(1.0, True))
guesses = {
    "along our vectors": copied(first, ours),
    "along the released ones": copied(first, seen(crop(1.0, True), as_released=True)[2]),
    "nothing copied": first,
}
wrong = [(second - guess).mean(1)[chosen].numpy() for guess in guesses.values()]
show(
    figures.residual_panels(
        wrong,
        labels=list(guesses),
        limit=80,
        quantity="mean of R, G, B",
        title="In the mirror, only vectors that were turned around explain the frame",
    ),
    "Three maps of the error. Along our vectors hardly anything is left; along the released ones each shape "
    "leaves a thick outline, thicker than where nothing was copied.",
)

# %% [markdown]
# With the wrong sign, copying is worse than doing nothing. With half the length, it removes a little more
# than half of the error that ours removes. (The two numbers for "nothing copied" differ because the two
# crops do.) The package's tests repeat this for random crops and flips of random frames
# (`tests/test_augment.py`).
#
# **Exercise 2** (medium, 15 minutes). This course never turns clips by 90 degrees, but for videos filmed
# from above you might. `torch.rot90(x, 1, (-2, -1))` turns the last two axes counterclockwise: what was on
# the right is then at the top. Turn the vectors as well, both where they are and which way they point. The
# check looks at one vector, and then copies along all of them.


# %% tags=["exercise"]
def turned(frames, vectors, mask):
    """Frames (B, 3, S, S), vectors (B, 2, G, G) and mask (B, G, G), turned counterclockwise by 90 degrees."""
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
    verdict = "Not yet: the frames are not turned counterclockwise by 90 degrees."
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
judge("turned", verdict)

# %% [markdown]
# <details><summary>Hint</summary>
# What pointed right now points up, and up is minus y. What pointed down now points right.
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
# A crop is resized by interpolation: each new cell is an average of old ones. But some cells have no vector
# and hold a zero only by convention. If those zeros take part in the average, they drag their neighbors
# down, and motion seems to slow at every edge. So only cells with a vector take part: vectors are
# multiplied by the [mask](../docs/glossary.md#motion-in-the-file), averaged, and divided by the average of
# the mask (a *normalized convolution*). Here is one row of 8 cells. The left half holds the vector (3, 0),
# the right half has none. We crop the middle half and enlarge it.

# %%
field = torch.zeros(1, 1, 2, 8, 8)
field[..., 0, :, :4] = 3.0
held = torch.zeros(1, 1, 8, 8, dtype=torch.bool)
held[..., :4] = True
half_crop = Geometry(torch.full((1, 2), 0.5), torch.full((1, 2), 0.5), torch.tensor([False]))
naive = half_crop.sample(field[:, 0], 8)[0, 0, 0] * 2  # enlarged twice
careful, careful_mask = half_crop.sample_vectors(field, held, 8)
print("zeros averaged in:", *(f"{value:5.2f}" for value in naive.tolist()))
row = zip(careful[0, 0, 0, 0].tolist(), careful_mask[0, 0, 0].tolist())
print("weighted by mask: ", *(f"{value:5.2f}" if there else "  (-)" for value, there in row))

# %% [markdown]
# Every remaining vector has its full length, and the mask says where there is none. (The length is 6,
# because the crop was enlarged to twice its size.) The network that reads the vectors gets the mask as a
# third channel, next to x and y.
#
# How often does it matter? Take I-frames alone: they have no vectors at all. With an I-frame every 12
# frames, a window of 8 maps can begin in 12 different positions. In how many of them does it contain an
# I-frame?

# %%
places = [any(frame % 12 == 0 for frame in range(first, first + 8)) for first in range(12, 24)]
print(sum(places), "of", len(places), "windows contain an I-frame")

# %% [markdown]
# A window that contains an I-frame contains just one, so one of its eight maps is empty. We accept that. A
# part of the frame with hardly any vectors in the *whole* window is another matter: there is nothing to
# predict. Notebook 08 leaves such places out.

# %% [markdown]
# ## Colors
#
# Why change colors at all? Let us cheat at the first task, context matching. We ignore textures and shapes,
# and describe each clip and each key frame by three numbers: its mean red, green and blue. Then each of 64
# clips picks the key frame with the nearest three numbers. A blind guess is right once in 64. What do you
# expect of three numbers: 2 of 64, 20, or 50? (We try the released jitter, too, with crops and gray of our
# recipe.)


# %%
def found_by_palette(how):
    """The share of 64 clips that find their key frame by mean color."""
    views = augment(batch64, how)
    distance = torch.cdist(views.clip.mean((2, 3, 4)), views.keyframe.mean((2, 3)))
    return (distance.argmin(1) == torch.arange(64)).float().mean().item()


recipe = recipes.laptop()
(batch64,) = MemoryLoader(small_set, recipe.sampling, seed=1).batches(64, 1)

# %% tags=["nbval-ignore-output"]
views_of = recipe.augmentation
changes = {
    "crops and flips": {"color_jitter_prob": 0, "grayscale_prob": 0},
    "+ a fifth in gray": {"color_jitter_prob": 0},
    "+ released jitter": {"color_jitter_prob": 0.5, "hue": 0.1, "saturation": 0.4},
    "+ laptop jitter": {},
}
scores = {name: found_by_palette(dataclasses.replace(views_of, **how)) for name, how in changes.items()}
print(
    "key frames found by mean color", *(f"{k:20} {64 * v:3.0f} of 64" for k, v in scores.items()), sep="\n  "
)
plain_, gray, released_, strong = scores.values()
assert plain_ > gray > released_ > strong and plain_ > 0.6 and strong < 0.15

# %% tags=["hide-input"]
rows = {}
for name in ("crops and flips", "+ laptop jitter"):
    views = augment(batch64, dataclasses.replace(views_of, **changes[name]))
    pair = [
        (part.mean(axes) * 0.25 + 0.45)[:16]
        for part, axes in ((views.clip, (2, 3, 4)), (views.keyframe, (2, 3)))
    ]
    rows[f"{name}: {64 * scores[name]:.0f} of 64 key frames found"] = tuple(
        v.clamp(0, 1).numpy() for v in pair
    )
show(
    figures.swatches(rows, title="Mean colors give pairs away, until jitter changes them (16 of 64 pairs)"),
    "Two panels of 16 columns, each with the mean color of a clip above that of its key frame. With crops "
    "and flips alone the two are nearly the same color in nearly every column; with jitter they are not.",
)

# %% [markdown]
# As long as colors stay the same, three numbers are enough to find most partners, and a network that can
# cheat so easily has little reason to learn more. Being right for the wrong reason like this is called a
# **shortcut**. Notebook 07 trains with weak and with strong color changes, and tests what the networks
# relied on.
#
# These are the changes:
#
# - **Jitter** changes brightness, contrast and saturation, and shifts all hues, so that exact colors cannot
#   be trusted. It is applied as one 3 x 3 matrix and an offset per clip.
# - **Gray** removes color altogether, so that the network has to find another way.
# - **Blur** removes fine detail. The released code blurs every other clip; our laptop recipe none, since
#   its frames are small.

# %%
still = square.videos[3].frames[0]
levels = torch.tensor(still).float() / 255  # (112, 112, 3)


def recolored(frames, random, how):
    """Frames (N, H, W, 3) in 0..1, each by its own row of 15 random numbers: how strong, in which order."""
    matrix, offset = color_matrix(random, how)
    return (torch.einsum("nhwc,ndc->nhwd", frames, matrix) + offset[:, None, None]).clamp(0, 1)


draws = torch.rand(8, 15, generator=torch.Generator().manual_seed(5))

# %%
jittered = recolored(levels.expand(4, -1, -1, -1), draws[:4], dataclasses.replace(views_of, grayscale_prob=0))
gray = recolored(levels[None], draws[:1], dataclasses.replace(views_of, grayscale_prob=1))
twice = levels.permute(2, 0, 1).expand(2, -1, -1, -1)  # (2, 3, 112, 112)
soft = gaussian_blur(twice, torch.tensor([1.0, 2.0])).permute(0, 2, 3, 1)

# %% tags=["hide-input"]
changed = torch.cat([levels[None], jittered, gray, soft]).numpy()
labels = ["as filmed", *["jitter"] * 4, "gray", "blur 1 px", "blur 2 px"]
show(
    figures.filmstrip(
        changed,
        labels=labels,
        columns=4,
        title="Jitter keeps the texture and changes the palette; blur takes detail away",
    ),
    "Eight times the same shapes: as filmed, four times in other colors and light, gray, and twice blurred.",
)

# %% [markdown]
# All frames of a clip get the *same* change. What if each frame got its own? Here are both. Try to follow
# one shape on the right. (It changes slowly, and not for long at a time, as flicker can harm some people.)

# %%
show_loop(
    "flicker",
    "The same clip twice, playing. On the left its odd colors stay the same; on the right every frame has "
    "others, and the motion of the shapes is hard to follow.",
)

# %% [markdown]
# How much do the two change from frame to frame at pixels where *nothing moves*?

# %%
quiet = torch.tensor(square.videos[3].frames[1:9]).float() / 255
strength = dataclasses.replace(views_of, grayscale_prob=0)
once, each = recolored(quiet, draws[:1].expand(8, -1), strength), recolored(quiet, draws, strength)
rest = (quiet[1:] - quiet[:-1]).abs().amax(-1) < 0.02  # (7, 112, 112) where nothing moves


def flicker(frames):
    """Mean change from frame to frame, in levels of 255, where nothing moves."""
    return 255 * (frames[1:] - frames[:-1]).abs().mean(-1)[rest].mean().item()


# %% tags=["nbval-ignore-output"]
print(f"one change for the clip: {flicker(once):.1f} levels of 255; one for each frame: {flicker(each):.0f}")
assert flicker(once) < 3 and flicker(each) > 10 * flicker(once)

# %% [markdown]
# A network that should see motion looks at changes. If colors change in each frame, every pixel changes all
# the time, and moving shapes drown in the flicker. For the same reason a clip is cropped once. A crop per
# frame would look like a shaking camera, and the vectors would know nothing about it.
#
# > **Your turn: which change does it?** `found_by_palette(dataclasses.replace(views_of, hue=0.0))` leaves
# > out one of the changes; so do `saturation=0.0`, `brightness=0.0` (which also governs contrast) and
# > `grayscale_prob=0.0`. Which one protects most against the cheat?
#
# <details><summary>Our numbers</summary>
# Brightness and contrast, as far as one batch can tell. In ours, of 64 clips, the cheat finds 4 key frames
# under all changes, 12 without those of brightness and contrast, and 5 to 7 without one of the others.
# </details>
#
# ## The whole batch
#
# Now look at a batch as the networks see it. Always do this before a long training: many mistakes in the
# data are plain to see, once somebody looks. In each row, check three things. Do clip and key frame show
# the same scene in different colors? Does the near future continue the motion of the clip? Do the hatched
# places make sense?

# %%
(batch24,) = MemoryLoader(small_set, recipe.sampling, seed=1).batches(24, 1)
views = augment(batch24, recipe.augmentation)
for name in ("clip", "keyframe", "motion", "mask"):
    view = getattr(views, name)
    print(f"{name:8} {str(view.dtype)[6:]:7} {tuple(view.shape)}")


def to_see(frames):
    """Normalized frames (..., 3, H, W) as bytes (..., H, W, 3)."""
    return ((frames * 0.25 + 0.45).clamp(0, 1) * 255).movedim(-3, -1).byte().numpy()


# %% tags=["hide-input"]
clip, keyframe = to_see(views.clip.transpose(1, 2)), to_see(views.keyframe)  # (24, 8, 64, 64, 3), (24, ...)
motion, held = views.motion[:, :, :2].transpose(2, 3), views.mask  # (24, 2, 8, 2, 16, 16), (24, 2, 8, 16, 16)
acts = [actions[name] for name in batch24.names]
means = [images.reshape(24, -1, 3).mean(1) for images in (clip[:, 0], keyframe)]
vivid = np.min([np.ptp(images, axis=-1).mean((1, 2)) for images in (clip[:, 0], keyframe)], 0) > 25
distance = np.abs(means[0] - means[1]).sum(1) * vivid  # of the colors of clip and key frame
whole_maps = (held[:, 0, [0, 7]].float().mean((1, 2, 3)) > 0.9) & (held[:, 1, 0].float().mean((1, 2)) > 0.9)
kinds = [whole_maps.numpy() & np.array([act == kind for act in acts]) for kind in ("right", "clockwise")]
last_is_empty = ~held[:, 0, 7].any((1, 2)).numpy()  # it is that of an I-frame
kinds.append(last_is_empty & np.array([act == "turn" for act in acts]))
rows = [int(np.where(kind, distance, -1).argmax()) for kind in kinds]
three = [(0, 0), (0, 7), (1, 0)]  # maps: the future's first and last, and the other window's first
headings = ["clip: first", "middle", "last", "key frame", "near future: first", "its last", "another window"]
show(
    figures.batch_as_seen(
        np.concatenate([clip[rows][:, [0, 4, 7]], keyframe[rows][:, None]], 1),
        torch.stack([motion[rows, n, m] for n, m in three], 1).numpy() * recipe.augmentation.vector_scale,
        torch.stack([held[rows, n, m] for n, m in three], 1).numpy(),
        columns=headings,
        rows=[acts[row] for row in rows],
        magnify=6,
        title="Same scene, changed colors; the motion goes on; the other window is another moment",
    ),
    "Three rows, named by their actions. In each, three frames of a clip in the same colors, a key frame of "
    "the same scene with another crop and changed colors, and three maps of arrows. One map in the last row "
    "is hatched all over.",
)
assert all(kind.any() for kind in kinds)

# %% [markdown]
# The hatched map belongs to an I-frame, and the mask says so. Clip and key frame share the scene. Their
# colors differ: plainly in the first row, in the second mostly in the shapes (the orange one is pink in
# the key frame, the purple one blue), in the third in little but brightness. And the other window shows
# the same kind of motion at another time, under a crop of its own: a hard negative. (In the first row
# that crop is mirrored, so there the shapes go left.) The third row is the hardest: its shapes go in
# small circles, and the other window begins at almost the same point of a circle. So it shows nearly
# the same motion as the future, and still counts as wrong: a **false negative**. Nothing here looks for such
# windows; [06](06_infonce.ipynb) shows why it is a mistake to push a right answer away.

# %% [markdown]
# ## The same batch, however it is read
#
# Long trainings take hours. They will be interrupted and resumed, moved to a machine with more cores,
# spread over several GPUs. If any of this changed the data, no two runs could be compared. The usual
# problem is that random numbers come from a stream: the first to ask gets the first number. Here there is
# no stream. **The order of an epoch is a function of (seed, epoch), and every other choice one of (seed,
# epoch, number of the video)**, where an epoch shows each video once. Every reader that computes it gets
# the same sample.
#
# Let us resume in the middle: we draw five batches, and then only the last two of them. (An
# appendix tries files, workers and several processes.)

# %%
names = ("clip", "keyframe", "motion", "motion_mask", "sources", "seeds")


def same(a, b):
    """Whether two batches are equal to the last bit."""
    return a.names == b.names and all(torch.equal(getattr(a, n), getattr(b, n)) for n in names)


few = part.subset(range(20))
memory = MemoryLoader(decode(few, size=72, cells=14), laptop, seed=3)
whole = list(memory.batches(8, 5))  # five batches of 8
resumed = list(memory.batches(8, 5, first=3))
assert all(same(a, b) for a, b in zip(whole[3:], resumed, strict=True))
print("resumed at batch 3:", len(resumed), "batches, equal to the last two of", len(whole))

# %% [markdown]
# With 20 videos and batches of 8, batch 2 (the third) holds the last 4 videos of epoch 0 and the first 4 of
# epoch 1. How does batch 3 know where to begin without drawing the three before it?
#
# **Exercise 3** (medium, 10 minutes). Which videos are in a batch? The order of an epoch is
# `np.random.default_rng((seed, epoch)).permutation(usable)`, where `usable` holds the indices of the videos
# that are long enough.


# %% tags=["exercise"]
def videos_of(batch, size, usable, seed):
    """The indices of the videos in a batch, as a list; `batch` is its number, from 0."""
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
judge("videos_of", verdict)

# %% [markdown]
# <details><summary>Hint</summary>
# Imagine all epochs one after the other, as one endless list of videos. Batch <code>b</code> holds the
# places
# <code>b * size</code> to <code>b * size + size - 1</code> of that list. For each,
# <code>divmod(place, len(usable))</code> gives epoch and number. A batch may span several epochs.
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def videos_of(batch, size, usable, seed):
#     numbers = []
#     for place in range(batch * size, batch * size + size):
#         epoch, at = divmod(place, len(usable))
#         order = np.random.default_rng((seed, epoch)).permutation(usable)
#         numbers.append(int(order[at]))
#     return numbers
# ```
#
# </details>

# %% [markdown]
# ## What we have seen
#
# - A sample is a clip, a key frame near it, the near future, and other windows that do not overlap that
#   future. Our recipe cuts by seconds. Videos that are too short are left out and listed.
# - Every random choice follows from (seed, epoch, number of the video), so a batch is the same after any
#   interruption.
# - Whatever is done to the pixels is done to the vectors: mirrored and negated, enlarged and lengthened,
#   cells without a vector left out. Copying along them shows that they still fit.
# - Colors are changed, since otherwise the mean color gives the pair away, and only once per clip, since
#   otherwise everything flickers.
#
# ## Quiz
#
# **1.** A recipe takes every second frame until it has 8, leaves a gap of 3 frames and uses windows of 8
# maps. How many possible starts are there in a MovingScenes video of 40 frames?
#
# <details><summary>Answer</summary>
# The clip's last frame is start + 14, the future's last map start + 24. So 40 - 24 = 16.
# </details>
#
# **2.** Suppose a clip is mirrored *upside down*. What becomes of the vector (3, -1)?
#
# <details><summary>Answer</summary>
# (3, 1), in the mirrored cell: y changes its sign.
# </details>
#
# **3.** A crop has half the width and three quarters of the height of the square, and is enlarged to the
# full square. What becomes of the vector (3, -3)?
#
# <details><summary>Answer</summary>
# (6, -4): x is divided by 1/2, y by 3/4. So a crop that changes the aspect ratio also turns vectors a
# little. That is right, since it does the same to the motion of the pixels.
# </details>
#
# **4.** Why must the future not overlap another window, while another window may overlap the *clip*?
#
# <details><summary>Answer</summary>
# A window that shares maps with the future is partly the right answer. One inside the clip is a wrong
# answer to "what comes next?", and a tempting one: it is what the network has just seen.
# </details>
#
# **5.** In a friend's loader, each worker draws random crops from a global random generator. What breaks?
#
# <details><summary>Answer</summary>
# The batches now depend on the number of workers and on where the training was resumed. And workers that
# start as copies of one process may all draw the same numbers.
# </details>
#
# ## Next, and further reading
#
# Next: [06_infonce](06_infonce.ipynb). The questions are ready; now comes the loss that grades the answers.
#
# - [What makes for good views](https://arxiv.org/abs/2005.10243), and
#   [a simple framework](https://arxiv.org/abs/2002.05709) that tried out which changes of color help.
# - [The paper map](../docs/paper_map.md): where we differ from the released code.
# - [The glossary](../docs/glossary.md) of this course.

# %% [markdown]
# ## Appendix A (optional): bytes first, floats last
#
# A batch of 64 or more samples travels from the disk to a worker process, then to the training process,
# and, if there is one, to the GPU. So its size matters. The decoder delivers **bytes**, 0 to 255, and
# vectors in quarters of a pixel. The network wants 32-bit floats, normalized, cropped and mirrored: a
# finished **view**. Where should the conversion happen? Here is one sample of the released recipe, and the
# size of a batch at each stage.

# %%
one = MemoryLoader(decode(VideoDataset(candidates.entries[-1:], {}), size=128, cells=30), released, seed=0)
(single,) = one.batches(1, 1)
view = augment(single, Augmentation.released())
kept = [single.clip, single.keyframe, single.motion, single.motion_mask]
for name, numbers in zip(("clip", "keyframe", "motion", "motion_mask"), kept):
    print(f"{name:11} {str(numbers.dtype)[6:]:6} {tuple(numbers.shape)}")
print("axes of the vectors: batch, windows, maps, x and y, rows, columns")

# %% tags=["hide-input"]
pixels, maps = 64 * (view.clip.nbytes + view.keyframe.nbytes) / 1e6, 64 * view.motion.nbytes / 1e6
small = 64 * sum(part.nbytes for part in kept) / 1e6
megabytes = {
    "bytes and 16-bit vectors": small,
    "the same numbers as floats": 64 * sum(4 * part.numel() for part in kept) / 1e6,
    "finished views": pixels + maps,
}
figure = figures.bars(
    megabytes,
    label="MB for a batch of 64",
    title=f"Finished views take {(pixels + maps) / small:.1f} times the bytes",
    role="untrained",
    form=".0f",
)
figure.axes[0].barh(2, maps, 0.62, left=pixels, color=figures.COLORS["motion"], alpha=0.5)
for middle, words in ((pixels / 2, f"pixels {pixels:.0f}"), (pixels + maps / 2, f"vector maps {maps:.0f}")):
    figure.axes[0].text(middle, 2, words, ha="center", va="center")
words = ", ".join(f"{name} {size:.0f} MB" for name, size in megabytes.items())
show(figure, f"Three bars: {words}, of which {pixels:.0f} are pixels and {maps:.0f} vector maps.")

# %% [markdown]
# A float takes four bytes instead of one. And most of a finished view is vector maps: they were enlarged
# from 30 x 30 to 112 x 112 cells, as the paper's encoder wants them, while the pixels even shrank. So
# samples stay bytes as long as possible. The views are made at the very end, on the training device, for
# the whole batch at once. That is only right if nothing that matters is lost. Pixels are bytes anyway.
# Vectors are kept as `int16`, in sixteenths of a pixel, after the frame has been scaled to the size we
# keep. We compare them with the exact vectors from `motion()`, and then with whole pixels, as in the
# released code.

# %% tags=["nbval-ignore-output"]
worst, vanish, moving = 0.0, 0, 0
for video in small_set.videos[:16]:
    with CompressedVideo(video.entry.path) as file:
        exact = file.motion().vectors * 72 / 112  # 112 pixels became 72
    worst = max(worst, np.abs(video.vectors / VECTOR_STEPS - exact).max())  # pixels
    moves = video.mask & (np.abs(exact).max(1) > 0)
    moving, vanish = moving + moves.sum(), vanish + (moves & (np.rint(exact) == 0).all(1)).sum()
print(f"in sixteenths, the largest error is {worst:.3f} px (half a sixteenth is {0.5 / VECTOR_STEPS:.3f})")
print(f"at our 72 pixels, {vanish / moving:.0%} of the moving cells would stand still in whole pixels")
assert worst <= 0.5 / VECTOR_STEPS + 1e-6 and vanish > 0.1 * moving

# %% [markdown]
# ## Appendix B (optional): files, workers and processes
#
# Does a batch really not depend on how it is read? We compare the five batches from above with the same
# batches read from files, by this process or by two workers, and with those of two processes that read half
# of each batch, as two GPUs would.


# %%
import warnings

from cvrl_lite.datasets import Batch, FileLoader

warnings.filterwarnings("ignore", "This DataLoader will create")  # where there is one core for two workers


def joined(a, b):
    """Two parts of a batch, side by side."""
    return Batch(*(torch.cat([getattr(a, n), getattr(b, n)]) for n in names), names=a.names + b.names)


for workers in (0, 2):
    files = FileLoader(few, laptop, 3, size=72, cells=14, workers=workers)
    assert all(same(a, b) for a, b in zip(whole, files.batches(8, 5), strict=True))
    print("from files, with", workers or "no", "workers: the same five batches")
shares = [memory.batches(8, 5, share=(process, 2)) for process in (0, 1)]
assert all(same(a, joined(b, c)) for a, b, c in zip(whole, *shares, strict=True))
print("two processes, half of each batch: put together, the same five batches")
