# %% [markdown]
# # Inside a video file
#
# A minute of raw HD video (1920 x 1080 pixels of 3 bytes, 30 frames a second) fills 11 gigabytes. The file
# on your phone is about a hundred times smaller. How? Whatever did not change since the last frame is not
# stored again, and whatever merely *moved* is stored as a shift. So the
# [**encoder**](../docs/glossary.md#a-video-as-a-file), the program that compresses the video, had to work
# out what stays and what moves. In this notebook we open a file and look at what it wrote down, because
# that is what we are going to learn from.
#
# **Goals.** After this notebook you will be able to
# - list what a video file is made of, and say what each kind of frame costs,
# - say how much work it takes to show a frame from the middle of a file,
# - read the motion in a file as an array, and tell "did not move" from "nothing known",
# - choose an encoder's settings for videos that a network will learn from,
# - look into a video of your own, and understand the error if it cannot be read.
#
# **Needs.** [00_start_here](00_start_here.ipynb). Less than 1 minute on 2 cores, 0.4 GB of memory, no disk
# space: the two clips are in the repository.

# %% tags=["hide-input"]
import io
import tempfile

import av
import numpy as np

from cvrl_lite import CompressedVideo, VideoError, data_path
from cvrl_lite.codec import encode
from cvrl_lite.course.checks import check
from cvrl_lite.course.decoding import blended, without_residual
from cvrl_lite.course.encoding import pack, stray
from cvrl_lite.course.exercises import judge
from cvrl_lite.course.explorables import decoder
from cvrl_lite.course.figures import (
    INK,
    bars,
    copied_from,
    filmstrip,
    gop_strip,
    gop_trade,
    order_of_frames,
    packing,
    show,
    stacked,
    vector_arrows,
    vector_panels,
)
from cvrl_lite.course.loops import show_loop
from cvrl_lite.course.widgets import laboratory, step_through
from cvrl_lite.datasets import moving_scenes

# %% [markdown]
# ## A file is a series of packets
#
# Our first clip has 72 frames of 224 x 224 pixels. Here it is as any player would show it, and below, every
# sixth frame side by side. What stays the same from frame to frame? And where does everything change at
# once?

# %%
show_loop(
    "sample",
    "The sample clip plays: bright shapes circle clockwise over a brick wall; then, at a cut, other shapes "
    "drift to the right over dark waves.",
)

# %%
sample = CompressedVideo(data_path("sample.mp4"))
frames = sample.clip(0, 72)  # (72, 224, 224, 3) uint8 RGB
places = list(range(0, 72, 6))
show(
    filmstrip(
        frames[places],
        labels=[f"frame {place}" for place in places],
        title="The wall stays and the shapes move, until everything changes at once",
        columns=6,
    ),
    "Twelve frames of the sample clip. Up to frame 36 colored shapes circle over a brick wall; "
    "from frame 42 on other shapes drift to the right over a pattern of dark waves.",
)

# %% [markdown]
# An MP4 file is a [**container**](../docs/glossary.md#a-video-as-a-file): a box that holds
# [**packets**](../docs/glossary.md#a-video-as-a-file), here one for each frame. We take them out with
# [PyAV](https://pyav.basswood-io.com/docs/stable/), the Python interface to FFmpeg, the free library behind
# most video programs. We do not decode anything yet. Each packet has a
# [timestamp](../docs/glossary.md#a-video-as-a-file) (when its frame is to be shown, in ticks of 1/12800
# second: 512 ticks are 40 milliseconds), a size, and a flag. The flag says whether a **decoder**, the
# program that turns packets back into frames, may start here.


# %%
def packets(path):
    """(timestamp, bytes, is key) of each packet of the first video stream, as they lie in the file."""
    with av.open(str(path)) as box:
        stream = box.streams.video[0]
        return [(packet.pts, packet.size, packet.is_keyframe) for packet in box.demux(stream) if packet.size]


found = packets(data_path("sample.mp4"))
print("packet  timestamp  bytes  key")
for place, (pts, size, is_key) in enumerate(found[:15]):
    print(f"{place:6}  {pts:9}  {size:5}  {'KEY' if is_key else ''}")

stored, raw = sum(size for _, size, _ in found), frames.nbytes
print(f"all {len(found)} packets: {stored} bytes. The raw pixels: {raw} bytes, {raw // stored} times as many")

# %% [markdown]
# One packet in twelve is flagged and large; the others are tiny. A flagged packet holds a [**key
# frame**](../docs/glossary.md#a-video-as-a-file). A key frame together with everything up to the next one
# is a [**GOP**](../docs/glossary.md#a-video-as-a-file), a "group of pictures". The package reports the GOPs
# of a file, too. Let us check its answer against our own count, and rely on it from then on:

# %%
keys = [place for place, (_, _, is_key) in enumerate(found) if is_key]
lengths = np.diff([*keys, len(found)])
assert sample.info.frames == len(found)
assert sample.info.gop_lengths == tuple(lengths)
print("key frames:", keys)
print("GOP lengths:", sample.info.gop_lengths)

# %% [markdown]
# ## Three kinds of frames
#
# - An [**I-frame**](../docs/glossary.md#a-video-as-a-file) (*intra*) is compressed on its own, like a
#   photo. It shows everything in view: the *context*.
# - A [**P-frame**](../docs/glossary.md#a-video-as-a-file) (*predicted*) is put together from blocks of an
#   earlier frame, each shifted to where it has moved. What is stored is mainly the shifts, called [**motion
#   vectors**](../docs/glossary.md#motion-in-the-file), and whatever the shifted blocks get wrong, called
#   the **[residual](../docs/glossary.md#motion-in-the-file)**.
# - A [**B-frame**](../docs/glossary.md#a-video-as-a-file) (*bi-predicted*) may copy blocks from an earlier
#   *and* from a later frame.
#
# In this file the key frames are exactly the I-frames.
#
# In the next figure each bar is a frame. Expect a pattern: one tall I, eleven short P's, one tall I, and so
# on. One bar is out of place. Which one, and can you guess why?

# %%
types = sample.motion().picture_types  # (72,) of "I", "P", "B"
sizes = np.array([size for _, size, _ in sorted(found)])  # in display order
show(
    gop_strip(types, sizes, title="In sample.mp4 an I-frame costs as much as eight ordinary P-frames"),
    "Bar chart of bytes per frame. Every twelfth frame is an I-frame of about 5000 to 7000 bytes; "
    "the P-frames between take 400 to 1000, except for frame 42, as tall as an I-frame.",
)
odd = int(np.argmax(np.where(types == "P", sizes, 0)))
print(f"the largest P-frame is frame {odd}, with {sizes[odd]} bytes")

# %% [markdown]
# What happens there? Run the next cell and move its slider (or click on it and use the arrow keys). The
# figure below it shows the frame in question and its neighbors.

# %%
step_through(frames, types, sizes)

# %%
show(
    filmstrip(
        frames[odd - 2 : odd + 2],
        labels=[f"frame {place}" for place in range(odd - 2, odd + 2)],
        columns=4,
        title="Between frames 41 and 42 everything changes",
    ),
    "Frames 40 and 41: shapes over a brick wall. Frames 42 and 43: other shapes over dark waves.",
)

# %% [markdown]
# At frame 42 there is a cut. The encoder had been told to place a key frame at every twelfth frame and
# nowhere else, so frame 42 had to be a P-frame. But there was hardly anything to copy from. So it had to
# store almost everything again, and it costs as much as an I-frame. Remember this frame; we will meet it
# again.
#
# ## Getting to a frame in the middle
#
# A P-frame is useless without the frame before it, which needs the one before that, and so on back to the
# I-frame. To show frame 42, a decoder has to start at key frame 36 and decode seven frames. That is the
# price of a jump, and training does little but jump: every clip starts somewhere in the middle of a file.
#
# **Exercise 1** (medium, 5 minutes). You jump to a frame chosen at random, all frames being equally likely.
# How many frames have to be decoded, on average? Guess before you calculate: about half a GOP?


# %% tags=["exercise"]
def mean_frames_to_decode(gop_lengths):
    """The average over all frames of how many must be decoded to show it; no B-frames.

    gop_lengths are the numbers of frames of the GOPs, such as (12, 12, 5).
    """
    ...


# %% tags=["check", "hide-input"]
check(
    mean_frames_to_decode,
    [
        ("one GOP of 3 frames", ((3,),), 2),
        ("I-frames only", ((1, 1, 1, 1),), 1),
        ("our clip, six GOPs of 12", (sample.info.gop_lengths,), 6.5),
        ("two GOPs, of 1 and of 9 frames", ((1, 9),), 4.6),
        ("GOPs of 30, 12 and 30 frames", ((30, 12, 30),), 14),
    ],
)

# %% [markdown]
# <details><summary>Hint</summary>
# In a GOP of 4 the frames need 1, 2, 3 and 4 decoded frames. A long GOP also has more frames to be jumped to,
# so do not average the averages.
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def mean_frames_to_decode(gop_lengths):
#     total = sum(length * (length + 1) / 2 for length in gop_lengths)
#     return total / sum(gop_lengths)
# ```
#
# </details>

# %% [markdown]
# ## The same frames, encoded for watching
#
# `sample_watch.mp4` holds the same 72 frames. This time the encoder was free to do what it does for films:
# GOPs of up to 30 frames, B-frames, and a key frame wherever it detects a cut. First look at the
# timestamps, counted in frames. They no longer go up!

# %%
watch = CompressedVideo(data_path("sample_watch.mp4"))
found_watch = packets(data_path("sample_watch.mp4"))
tick = min(np.diff(sorted(pts for pts, _, _ in found_watch)))
order = [int((pts - found_watch[0][0]) // tick) for pts, _, _ in found_watch]
print("order of the frames in the file:", *order[:12])

types_watch = watch.motion().picture_types
sizes_watch = np.array([size for _, size, _ in sorted(found_watch)])
show(
    order_of_frames(
        types_watch[:12], order[:12], title="Each B-frame waits until the later frame it copies from is there"
    ),
    "Two rows of boxes joined by lines. In the file: I0, P2, B1, P5, B3, B4 and so on; on the screen "
    "the same in the order of their numbers. Lines cross wherever a B-frame is stored after a P-frame.",
)

# %% [markdown]
# A B-frame may copy from a later frame, so that later frame has to be decoded first, and it comes first in
# the file: 2 before 1, and 5 before 3 and 4. **Frames are stored in the order of decoding; the timestamps
# give the order of showing.** A program that numbers frames by their position in the file gets them wrong
# as soon as there are B-frames. In this course, frame 5 always means the sixth frame *shown*.
#
# Which frames use up the bytes? Guess first: how many B-frames can you get for the price of one I-frame?

# %%
average = {f"{kind}-frames": sizes_watch[types_watch == kind].mean() for kind in "IPB"}
show(
    bars(
        average,
        label="bytes, on average",
        title="In sample_watch.mp4 an I-frame costs as much as 6 P-frames or 18 B-frames",
        role={name: name[0] for name in average},
        form=".0f",
    ),
    "Three bars of bytes: an I-frame takes about 6600, a P-frame 1100, a B-frame 360.",
)
for name, video, bytes_ in (("sample", sample, sizes), ("sample_watch", watch, sizes_watch)):
    gops = video.info.gop_lengths
    jump = sum(length * (length + 1) / 2 for length in gops) / sum(gops)
    bound = "at most " if name == "sample_watch" else ""
    print(f"{name:12} {bytes_.sum()} bytes, GOPs {gops}: decode {bound}{jump:.1f} frames to show one")

# %% [markdown]
# Encoded for watching, the same frames take a quarter fewer bytes, but a jump costs up to 2.2 times as many
# decoded frames. (A decoder may skip B-frames from which nothing is copied, 25 of the 39 here. If it skips
# all of these on the way, it decodes about 9.5 frames on average.) The encoder also found the cut by
# itself: one of its key frames is frame 42.
#
# A B-frame is cheap for two reasons. It has two frames to copy from, and what is left over is stored more
# coarsely. That does little harm: from most B-frames no other frame copies, so their errors do not spread.
# (We measured what each of the two is worth, on the 42 frames before the cut, so the numbers are not quite
# those of the bars. Beside a P-frame of the same file, a B-frame stored as finely takes .54 of the bytes,
# and stored more coarsely .35. But there the P-frames are dearer, since most of them reach back further.
# Beside a P-frame of a file without B-frames, the two are .73 and .47. How we did that stands at the
# laboratory below.)
#
# For *learning* we still prefer the first file. There, every vector spans exactly one frame. In the second
# file a P-frame may choose among several earlier frames, and FFmpeg does not tell us *which* one a vector
# refers to.

# %% [markdown]
# ## A first look at motion vectors
#
# Now for what is inside the P-frames. A motion vector tells the decoder: copy this block from *over there*.
# So it points **back**, to where the content was before. The motion that we see is the vector turned around.
#
# `motion()` returns the vectors on a grid of cells of 8 x 8 pixels, in pixels, x to the right and y down.
# The arrows in the figure show the motion we see. Before you look: the shapes circle clockwise. Which way
# should the arrows on the left side point?

# %%
motion = sample.motion()
print("vectors", motion.vectors.shape, motion.vectors.dtype, " mask", motion.mask.shape, motion.mask.dtype)
show(
    vector_arrows(
        frames[8],
        motion.vectors[8],
        motion.mask[8],
        magnify=3,
        title="Frame 8: arrows turn with the shapes; most of the wall rests",
    ),
    "Frame 8 with arrows. On the left shapes move up, at the top to the right, on the right down, at the "
    "bottom to the left: a clockwise turn. Most cells of the brick wall have a dot, which means no motion. "
    "A few stray arrows stand beside the shapes.",
)

# %% [markdown]
# On the left they point up, as in any clockwise turn; at the top they point to the right, on the right down.
# All of this came with the file, down to quarters of a pixel. It is not perfect: some arrows lie beside the
# shapes, on the wall, which does not move. Often these are blocks that a shape covers only in part. One
# vector has to do for both, and the encoder takes whatever saves the most bytes, whether it is the true
# motion or not.
#
# What about frame 42, after the cut? In the next figure frame 41, the last before the cut, has a panel of its
# own. Each box in it marks a place from which a block of frame 42 was copied, and a line leads to that block.
# Some places lie outside the frame, in the pale border, where the codec repeats the outermost pixels. Find
# the purple star on the right: what was its lower left corner made from?

# %%
show(
    copied_from(
        frames[odd - 1],
        frames[odd],
        motion.vectors[odd],
        motion.mask[odd],
        labels=["frame 41: what was copied", "frame 42: where it went; hatched: no vector"],
        title="Frame 42, after the cut: for hardly a block was there anything to copy",
    ),
    "Left, frame 41, bricks and shapes, with 21 small boxes, most at its border or beyond. Lines lead from "
    "them to boxes in frame 42, on the right, which is hatched everywhere else. Three of the boxes at a "
    "purple star come from the edge of a blue square.",
)
carry = motion.mask.mean((1, 2))  # share of cells with a vector, frame by frame
print("cells with a vector in frame 41, 42, 43:", *[f"{carry[t]:.0%}" for t in (41, 42, 43)])
print(f"in the I-frames: {carry[types == 'I'].max():.0%}")

# %% [markdown]
# From the edge of a blue square: the encoder found nothing better. The hatched cells were stored without
# copying from another frame; they are [**intra blocks**](../docs/glossary.md#motion-in-the-file). They have
# *no* vector. That is not the same as a vector of zero, which says "I stayed where I was". To keep the two
# apart, `motion()` also returns a [**mask**](../docs/glossary.md#motion-in-the-file), which is True wherever
# there is a vector. In an I-frame it is False everywhere. A network that took missing vectors for zeros would
# learn that a cut is a moment of perfect rest.
#
# **Exercise 2** (medium, 15 minutes). Frame 42 had a vector in 4 % of its cells, its neighbors in 99 % or
# more. So the mask makes a simple detector of cuts. But how low must the share be? The next cell prints the
# lowest shares of four clips. Two of them have a cut that the vectors can show: `sample` in frame 42, and
# `two_films` in frame 1. (In `two_films` two scenes alternate frame by frame; only frame 1 shows something
# that no earlier frame had.) In `pan` half of the frame is replaced, which is not a cut, and `deceiver` only
# flickers. Find a rule that misses no cut and raises no false alarm. The check also tries it on clips that
# you have not seen.

# %%
clips = {}
for name in ("sample", "lessons/two_films", "lessons/pan", "lessons/deceiver"):
    with CompressedVideo(data_path(f"{name}.mp4")) as video:
        clips[name] = video.motion()
    share = clips[name].mask.mean((1, 2))
    lowest = [t for t in np.argsort(share) if clips[name].picture_types[t] == "P"][:3]
    print(f"{name:17}", "  ".join(f"frame {t}: {share[t]:.0%}" for t in lowest))


# %% tags=["exercise"]
def find_cuts(picture_types, mask):
    """Indices of the P-frames in which a scene begins that was not there before.

    picture_types is (T,) of "I", "P", "B", and mask is (T, H8, W8) bool.
    """
    ...


# %% tags=["check", "hide-input"]
cuts = {"sample": [odd], "lessons/two_films": [1], "lessons/pan": [], "lessons/deceiver": []}
cases = [(name, (clips[name].picture_types, clips[name].mask), cuts[name]) for name in clips]
parts = [("rings", "down", 3), ("dots", "right", 4), ("marble", "pulse", 6)]
unseen = np.concatenate([moving_scenes.draw(*part, frames=15, size=224) for part in parts])
tried = pack(unseen, gop=60, crf=23).motion
cases.append(("a clip you have not seen", (tried.picture_types, tried.mask), [15, 30]))
darker = (unseen[:15] * np.where(np.arange(15) < 8, 1, 0.9)[:, None, None, None]).astype(np.uint8)
tried = pack(darker, gop=60, crf=23).motion
cases.append(("a clip in which it gets darker", (tried.picture_types, tried.mask), []))
with_b = np.arange(100).reshape(10, 10) < np.array([0, 90, 10, 2, 95])[:, None, None]
cases.append(("types I P B P P, shares 0, .9, .1, .02, .95", (np.array(list("IPBPP")), with_b), [3]))
check(find_cuts, cases, says=lambda answer: str(np.asarray(answer).tolist()))

# %% [markdown]
# <details><summary>Hint</summary>
# The mean of a boolean array over its last two axes is a share. I-frames never have vectors, and B-frames
# were not asked for, so keep only the P-frames. The highest share of a cut and the lowest of any other
# frame leave a wide gap; put the threshold into it.
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def find_cuts(picture_types, mask):
#     return np.flatnonzero((picture_types == "P") & (mask.mean((1, 2)) < 0.15))
# ```
#
# </details>

# %% [markdown]
# ## Watch the decoder
#
# What the shifted blocks get wrong is stored as the **residual**: new things coming into view, changes in
# the light. Context in the I-frames, motion in the vectors, and what is new in the residual: everything that
# this course can learn from is one of these three.
#
# Here are all three at work. We encode thirteen frames of the circling shapes with two B-frames between any
# two others. Step with the arrow keys: blocks fly in from the frames that a frame is built on (eight times
# as far as they really go), then the residual is added. The arcs lead to the frames it is built on, and the
# lines to its place in the file. Try these:
#
# - Which frame is decoded second? Which ones have to wait for it?
# - Follow one B-frame. Which of its blocks come from the past, and which from the future (purple)?
# - Switch the *residual* off and go through to the end. Which frames suffer most, and why those?

# %%
with tempfile.TemporaryDirectory() as folder:
    thirteen = moving_scenes.draw("bricks", "clockwise", 11, frames=13, size=160)
    encode(thirteen, f"{folder}/b.mp4", gop=13, b_frames=2, options={"b_strategy": "0"})
    with CompressedVideo(f"{folder}/b.mp4") as video:
        shown, ways = video.clip(0, 13), video.motion(direction="both")
decoder(shown, ways.picture_types, ways.vectors, ways.mask)

# %% [markdown]
# For paper and for readers without a browser, here is the decoder at frame 5, close up: a piece of the two
# frames that it is built on, what their shifted blocks make of it (look at the white ring), what is left
# over (gray: nothing), and the frame itself. Below: how far each frame ends up from the true one if the
# residuals are left out from the start.

# %% tags=["hide-input"]
spans = np.array([2, 1]).reshape(2, 1, 1, 1)  # frames from 5 back to 3, and on to 6
made = blended(shown[[3, 6]], spans * ways.vectors[5], ways.mask[5])
rest = np.clip(128.0 + shown[5] - made, 0, 255).astype(np.uint8)
rings = slice(10, 90), slice(72, 152)  # pixels around the two rings
figure = filmstrip(
    [image[rings] for image in (shown[3], shown[6], made.astype(np.uint8), rest, shown[5])],
    labels=["frame 3", "frame 6", "their blocks, shifted", "the residual", "frame 5"],
    columns=5,
    title="A B-frame is put together from an earlier frame, a later frame, and a little more",
)
figure.get_layout_engine().set(wspace=0.1)
for axes, sign in zip(figure.axes, ("", "→", "+", "=")):
    axes.text(1.12, 0.5, sign, transform=axes.transAxes, ha="center", va="center", fontsize=15)
show(
    figure,
    "A white and a green ring on bricks, in frames 3 and 6, and an arrow to frame 5 as their blocks make it: "
    "the white ring is torn. Plus a gray image with traces of both rings; equals frame 5, both rings whole.",
)

# %% tags=["hide-input"]
off = np.abs(without_residual(shown, ways) - shown).mean((1, 2, 3))
figure = gop_strip(
    ways.picture_types, off, title="Without residuals, each P-frame is further off than the last"
)
(axes,) = figure.axes
axes.set(ylabel="mean error, of 255 levels", xticks=range(13), ylim=(0, 1.2 * off.max()))
line = {"color": INK, "lw": 1.5, "marker": "o", "mec": "white", "ms": 6}
for look in ({"color": "white", "lw": 4.5}, line):
    axes.plot(range(0, 13, 3), off[::3], solid_capstyle="round", clip_on=False, zorder=4, **look)
for letter in axes.texts:
    letter.set(position=(0, 5), fontsize=9)  # above the dots
show(
    figure,
    "A bar for each of frames 0 to 12, from 0 at the I-frame to about 10 at the last P-frame, with two "
    "B-frames before each P-frame. A line through the I-frame and the P-frames rises at every step.",
)
assert (np.diff(off[::3]) > 0).all()

# %% [markdown]
# <details><summary>Answer</summary>
# Frame 3, a P-frame, is decoded second. Frames 1 and 2 have to wait for it.<br>
# Most blocks of a B-frame come from both sides, and the two are blended. The others come mostly from the
# nearer side: in frame 4 from the past, frame 3, and in frame 5 from the future, frame 6.<br>
# The frames at the end suffer most: each P-frame copies the errors of the one before and adds its own. A
# B-frame inherits errors from both sides and adds its own, too, so frame 11 is even further off than frame
# 12; but no other frame copies from it. (Notebook 04 shows in a figure how errors pile up.)
# </details>

# %% [markdown]
# ## What a GOP costs
#
# Now we are the encoder. The function `pack` encodes some frames with the settings we give it and reports
# what came out. (`crf=23`, which the next section explains, sets how finely; for now we leave it alone.) We
# first ask about the length of the GOP: what does it do to the size of the file, and to the price of a jump?
# Expect the two to pull in opposite directions.

# %%
shapes = moving_scenes.draw("bricks", "clockwise", 11, frames=42, size=224)  # the sample up to its cut
trade = {}
for gop in (1, 4, 8, 12, 20, 30, 42):
    tried = pack(shapes, gop=gop, crf=23)
    lengths = tried.info.gop_lengths
    jump = sum(length * (length + 1) / 2 for length in lengths) / sum(lengths)
    trade[f"GOP {gop}"] = (jump, tried.sizes.sum() / 1000)
show(
    gop_trade(trade, title="Bytes fall steeply up to GOP 12; beyond it, jumps get expensive"),
    "A falling curve of seven points. GOP 1: 109 kB and 1 frame to decode; GOP 4: 75 kB and 2.5 frames; GOP "
    "12: 53 kB and 6 frames; GOP 20: 49 kB and 10 frames; GOP 42: 41 kB and 21.5 frames.",
)

# %% [markdown]
# From GOP 1 to GOP 12 the file shrinks to half. From 12 to 42 it shrinks by only another fifth, while a jump
# costs more than three times as much. (At GOP 12 a jump takes 6.1 frames here and not 6.5, since the last of
# the four GOPs has only 6 frames.) For this course we take 12.
#
# ## A small encoder laboratory
#
# Here are four settings to play with:
#
# - `gop`: the number of frames from one key frame to the next,
# - `crf`, the [**rate factor**](../docs/glossary.md#a-video-as-a-file): how coarsely everything is stored,
#   from 0 (without loss) to 51 (worst). 15 looks like the original, 39 like a bad video call,
# - `b_frames`: how many B-frames may stand in a row (the encoder may use fewer),
# - `references`: how many earlier frames a P-frame may choose from.
#
# Run the cell and experiment. What happens to the dots on the wall at crf 39? Which setting saves the most
# bytes, and which saves hardly any? With how many references is it no longer certain that a vector spans
# one frame? Each new result keeps the one before it below, so that you can compare the two. If you are only
# reading, the figure underneath compares crf 15 and 39.
#
# <details><summary>How we measured what makes a B-frame cheap</summary>
# We encoded the 42 frames before the cut with <code>gop=42, crf=23, b_frames=2</code>. x264, the encoder
# behind <code>pack</code>, stores B-frames more coarsely than P-frames by a factor that it calls
# <code>pbratio</code>: 1.3, unless told otherwise. There a B-frame takes 401 bytes on average and a P-frame
# 1145. With <code>options={"x264-params": "pbratio=1"}</code>, which makes both equally fine, a B-frame takes
# 615. With <code>b_frames=0</code> a P-frame takes 846.
# </details>


# %%
def experiment(gop, crf, b_frames, references):
    """The shapes encoded once: a figure, and the same in words."""
    tried = pack(shapes, gop=gop, crf=crf, b_frames=b_frames, references=references)
    kinds, kb = tried.motion.picture_types, tried.sizes.sum() / 1000
    figure = packing(
        kinds,
        tried.sizes,
        tried.frames[8],
        tried.motion.vectors[8],
        tried.motion.mask[8],
        most=12_000,
        label=f"frame 8, {kinds[8]}",
        title=f"gop {gop}, crf {crf}, B {b_frames}, references {references}: {kb:.1f} kB",
    )
    counts = ", ".join(f"{np.sum(kinds == kind)} {kind}" for kind in "IPB")
    distance = "known" if tried.distance_known else "NOT known"
    return figure, f"{kb:.1f} kB: {counts}; the distance that vectors span is {distance}"


# %%
laboratory(
    experiment,
    {"gop": (1, 4, 12, 42), "crf": (15, 23, 31, 39), "b_frames": (0, 1, 2), "references": (1, 2, 4)},
    {"gop": 12, "crf": 23},
)

# %%
tries = {crf: pack(shapes, gop=12, crf=crf) for crf in (15, 39)}
look = slice(64, 176), slice(96, 208)  # pixels of the part that is shown
cells = slice(8, 22), slice(12, 26)
show(
    vector_panels(
        [tried.frames[8][look] for tried in tries.values()],
        [tried.motion.vectors[8][:, *cells] for tried in tries.values()],
        [tried.motion.mask[8][cells] for tried in tries.values()],
        labels=[f"crf {crf}: {tried.sizes.sum() / 1000:.0f} kB" for crf, tried in tries.items()],
        magnify=4,
        title="With a ninth of the bytes, arrows spread over the resting wall and leave parts of the ring",
    ),
    "A green ring on bricks twice, with arrows. At crf 15 the arrows lie on the ring, and dots fill the "
    "wall. At crf 39 the picture is blurred, a whole field of arrows covers the wall beside the ring, and on "
    "the ring's left and right sides there are dots.",
)

# %% [markdown]
# Which setting saves how much? We change one at a time.

# %%
plain = {"gop": 12, "crf": 23}
changes = {
    "gop 12, crf 23": {},
    "crf 31": {"crf": 31},
    "gop 42": {"gop": 42},
    "2 B-frames": {"b_frames": 2},
    "4 references": {"references": 4},
}
packed = {name: pack(shapes, **(plain | change)) for name, change in changes.items()}
kilobytes = {name: tried.sizes.sum() / 1000 for name, tried in packed.items()}

# %%
whole = kilobytes["gop 12, crf 23"]
show(
    bars(
        kilobytes,
        label="kB",
        title="A coarser crf and a longer GOP save bytes; B-frames a few, more references none",
        role={"gop 12, crf 23": "untrained"},
        form=lambda kb: f"{kb:.0f}" if kb == whole else f"{kb:.0f} ({100 * (kb / whole - 1):+.0f} %)",
    ),
    "Five bars of kilobytes. With gop 12 and crf 23, in light gray: 53. With crf 31 instead: 24, less than "
    "half. With gop 42: 41, a fifth less. With 2 B-frames: 49, 6 % less. With 4 references: 54, 2 % more.",
)
for name in ("gop 12, crf 23", "2 B-frames"):
    of_p = packed[name].sizes[packed[name].motion.picture_types == "P"]
    print(f"{name}: {len(of_p)} P-frames of {of_p.mean():.0f} bytes on average")

# %% [markdown]
# B-frames save less than a tenth. (Why so little, if a B-frame costs a third of a P-frame? Because the
# P-frames get dearer: most of them now reach two or three frames back.) Several references save nothing in a
# clip like this. And both have a price: with several references, or where B-frames copy from both sides, it
# takes more than the vector to know the motion (notebook 03). So the two settings left to us are crf and GOP.
#
# How many vectors are spoiled? Where not a single pixel of the wall has changed, a vector should be zero. A
# vector there that is not zero is **stray**. How often does that happen, and where: right beside the moving
# shapes, or anywhere?


# %%
def beside_motion(frames, reach=2):
    """Cells of frames 1 on that lie within `reach` cells of one in which something changed."""
    changed = (frames[1:] != frames[:-1]).any(-1).reshape(len(frames) - 1, 28, 8, 28, 8).any((2, 4))
    wide = np.pad(changed, ((0, 0), (reach, reach), (reach, reach)))
    return np.lib.stride_tricks.sliding_window_view(wide, (2 * reach + 1,) * 2, (1, 2)).any((3, 4))


shares = {}
for crf in (15, 23, 31, 39):
    resting, wrong = stray(shapes, pack(shapes, gop=12, crf=crf))
    near = beside_motion(shapes)
    shares[f"crf {crf}"] = {
        "within two cells of a moving shape": 100 * (wrong & near).sum() / resting.sum(),
        "elsewhere": 100 * (wrong & ~near).sum() / resting.sum(),
    }

# %%
show(
    stacked(
        shares,
        label="unchanged cells with a stray vector, in %",
        title="Coarser encoding makes more stray vectors, most of them near moving shapes",
        role={"within two cells of a moving shape": "motion", "elsewhere": "untrained"},
        form="{:.1f} %".format,
    ),
    "Four bars, for crf 15, 23, 31 and 39: 4.6, 7.9, 12.9 and 19.3 percent. Most of each is orange, near a "
    "shape; the gray rest, elsewhere, is nothing at crf 15 and 23 and 3 percent at crf 39.",
)

# %% [markdown]
# At crf 15 and 23 all stray vectors lie within two cells of a moving shape, many of them in blocks that a
# shape covers in part. At crf 39 there are four times as many as at crf 15, and one in six lies elsewhere.
# What we measured is *that* they increase. Several things change at once when a video is stored more
# coarsely: blocks get larger, more of them are copied with their neighbors' vector, and the frame that is
# searched is blurred.
#
# **Exercise 3** (medium, 10 minutes). Choose settings for a training set. Try some with `pack` and `stray`,
# or in the laboratory:
# - at most nine tenths of the bytes of `gop=12, crf=23`,
# - less than 10 % of the unchanged cells with a stray vector,
# - no jump longer than 12 frames,
# - P-frames whose vectors have a known distance, and no B-frames.


# %% tags=["exercise"]
def settings_for_training():
    """The settings as a dictionary, such as {"gop": 250, "crf": 15}."""
    ...


# %% tags=["check", "hide-input"]
def faults(settings):
    """What is wrong with some settings, in words; an empty string if nothing is."""
    yours, limit = pack(shapes, **settings), 0.9 * pack(shapes, gop=12, crf=23).sizes.sum()
    resting, wrong = stray(shapes, yours)
    share, longest = wrong.sum() / max(1, resting.sum()), max(yours.info.gop_lengths)
    said = {
        f"{yours.sizes.sum()} bytes, expected at most {limit:.0f}": yours.sizes.sum() > limit,
        f"{share:.0%} stray vectors, expected less than 10 %": share >= 0.1,
        f"a GOP of {longest} frames, expected at most 12": longest > 12,
        "a distance that is not known, expected one that is": not yours.distance_known,
        "B-frames, expected none": "B" in yours.motion.picture_types,
        "nothing but I-frames, expected P-frames, too": "P" not in yours.motion.picture_types,
    }
    return ", ".join(words for words, is_so in said.items() if is_so)


answer = settings_for_training()
if not isinstance(answer, dict):
    print(f"Not yet: you say {answer}, expected a dictionary of settings.")
else:
    try:
        found_faults = faults(answer)
    except (TypeError, ValueError) as error:  # a setting or a value that encode does not know
        found_faults = str(error)
    judge(
        "settings_for_training",
        f"Not yet: with {answer} you get {found_faults}." if found_faults else "Right.",
    )

# %% [markdown]
# <details><summary>Hint</summary>
# By default <code>encode</code> uses no B-frames and one reference. Keep the GOP at 12 and look for a crf
# between 23, which takes too many bytes, and 31, which spoils too many vectors.
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def settings_for_training():
#     return {"gop": 12, "crf": 25}
# ```
#
# </details>

# %% [markdown]
# ## Your own video
#
# **An experiment of your own.** Set `MY_VIDEO` to the path of a file and run these two cells again to see its
# bars. How long are its GOPs, and does it have B-frames? Our sample, for comparison: GOPs of 12, no B-frames.
# A clip from a phone and one from the web usually differ a lot. Of a long file we look at the first 200
# frames.

# %%
MY_VIDEO = None  # for instance "../holiday.mp4"


def look_into(path, most=200):
    """Prints what a file is and returns its first frames' types and sizes; if it cannot be read, says why."""
    try:
        with CompressedVideo(path) as video:
            info = video.info
            box = info.container.split(",")[0]
            print(f"{info.codec} in {box}: {info.frames} frames of {info.width}x{info.height}")
            print(f"{info.duration:.2f} s, longest GOP {max(info.gop_lengths)}")
            shown = video.motion(0, min(most, info.frames)).picture_types
    except VideoError as error:
        print(f"{type(error).__name__}: {error.reason}")
        return None
    # A raw stream has no timestamps; its sizes then stay in the order of the file.
    by_time = sorted(packets(path), key=lambda packet: packet[0] or 0)
    return shown, [size for _, size, _ in by_time][: len(shown)]


# %%
looked = look_into(MY_VIDEO or data_path("sample_watch.mp4"))
if looked and MY_VIDEO:  # we have already seen the sample's bars
    show(
        gop_strip(*looked),
        "Bar chart: the bytes of each frame of your video, colored and hatched by picture type.",
    )

# %% [markdown]
# Some files cannot be read, and then the error should tell you what to do. Each kind of failure has its own
# name. All of them are `VideoError`s, so one `except` catches everything.
#
# | error | what it means | what helps |
# |---|---|---|
# | `UnreadableFile` | no such file, or it is a folder | check the path; it starts in this notebook's folder |
# | `NotAVideo` | nothing in the file looks like a video | is it complete? Open it in a player |
# | `NoVideoStream` | it contains only sound | another file |
# | `DamagedVideo` | it breaks off or cannot be decoded | copy it again; a download may have broken off |
# | `NoMotionVectors` | FFmpeg exports no vectors from HEVC, VP9, AV1 | make it H.264: `cvrl-lite transcode` |

# %%
for wrong in ("no_such_file.mp4", io.BytesIO(b"Dear diary, today I wrote a video.")):
    look_into(wrong)

# %% [markdown]
# ## What we have seen
#
# - A file holds one packet for each frame. Key frames are large; almost all others are small, because they
#   copy from frames that come before them in the file.
# - I-frames hold what stays, motion vectors what moves, the residual what is new. All three are
#   already in the file.
# - A vector points back to where its block came from. A block that was not copied has no vector, and the
#   mask says so.
# - Short GOPs cost bytes, long GOPs make jumps slow, and coarse encoding makes more stray vectors.
#
# ## Quiz
#
# **1.** A film has a key frame every 250 frames and no B-frames. How many frames must be decoded to show
# frame 749?
#
# <details><summary>Answer</summary>
# 250. The last key frame at or before it is frame 500, and 500 to 749 are 250 frames. Frame 750 costs
# just one.
# </details>
#
# **2.** A camera stands still in front of an empty wall. What do the P-frames hold?
#
# <details><summary>Answer</summary>
# Almost nothing: every block is copied from the same place, and nothing else is stored. (Such blocks are
# called skipped.) Their vectors are zero, and the mask is True, because they were copied.
# </details>
#
# **3.** An object moves 3 pixels to the right from one frame to the next. What is its motion vector?
#
# <details><summary>Answer</summary>
# (-3, 0). It points back to where the content came from. The motion we see is minus the vector.
# </details>
#
# **4.** Why are the frames of <code>sample_watch.mp4</code> not stored in the order in which they are
# shown?
#
# <details><summary>Answer</summary>
# A B-frame may copy from a later frame, so the later frame must be decoded, and stored, before it.
# </details>
#
# **5.** A frame lies just after a cut, but no P-frame of the file has a low share of cells with a vector. How
# can that be?
#
# <details><summary>Answer</summary>
# The encoder noticed the cut and placed an I-frame there, as in <code>sample_watch.mp4</code>. An I-frame
# never has vectors, so its mask does not tell a cut from the ordinary beginning of a GOP.
# </details>
#
# ## Next, and further reading
#
# Next: [03_motion_vectors](03_motion_vectors.ipynb). What these arrows tell us and what they do not, proved
# clip by clip.
#
# - [Digital video introduction](https://github.com/leandromoreira/digital_video_introduction): how codecs
#   work, starting from a single pixel, with many figures.
# - [Compressed Video Action Recognition](https://arxiv.org/abs/1712.00636): learning from I-frames, vectors
#   and residuals, but with labels.
# - [The glossary](../docs/glossary.md) of this course.
