# %% [markdown]
# # Inside a video file
#
# A minute of raw HD video (1920 x 1080 pixels of 3 bytes, 30 frames a second) fills 11 gigabytes. The file
# on your phone is about a hundred times smaller. How? A frame that looks much like the one before is not
# stored again; only *the difference* is. To find that difference, the **encoder**, the program that
# compresses the video, had to work out what stays and what moves. In this notebook we open a file and look
# at what it wrote down, because that is what we are going to learn from.
#
# **Goals.** After this notebook you will be able to
# - list the packets of a video file and say what each one costs,
# - tell I-, P- and B-frames apart, and explain why a GOP begins with an I-frame,
# - say how much work it takes to show a frame from the middle of a file,
# - read a field of motion vectors and its mask,
# - predict what happens to a file when you change the GOP, the rate factor, the B-frames or the references,
# - look into a video of your own, and understand the error if it cannot be read.
#
# **Needs.** [00_start_here](00_start_here.ipynb). Less than 1 minute on 2 cores, 0.4 GB of memory, no disk
# space: the two clips are in the repository.

# %%
import io
import tempfile
from typing import NamedTuple

import av
import numpy as np

from cvrl_lite import CompressedVideo, VideoError, data_path
from cvrl_lite.codec import Motion, VideoInfo, encode
from cvrl_lite.course.figures import (
    bars,
    bytes_by_type,
    filmstrip,
    gop_strip,
    packing,
    show,
    vector_arrows,
)
from cvrl_lite.course.loops import show_loop
from cvrl_lite.course.widgets import laboratory, step, step_through
from cvrl_lite.datasets import moving_scenes

# %% [markdown]
# ## A file is a series of packets
#
# Our first clip has 72 frames of 224 x 224 pixels. Here it is as any player would show it, and below, every
# sixth frame side by side. Look for two things: what stays the same from frame to frame, and where does
# everything change at once?

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
        title="Shapes circle over a brick wall; then, between frames 36 and 42, a cut",
        columns=6,
    ),
    "Twelve frames of the sample clip. Up to frame 36 colored shapes circle over a brick wall; "
    "from frame 42 on other shapes drift to the right over a pattern of dark waves.",
)

# %% [markdown]
# An MP4 file is a [**container**](../docs/glossary.md#a-video-as-a-file): a box that holds **packets**, one
# for each frame. We take them out with [PyAV](https://pyav.basswood-io.com/docs/stable/), the Python
# interface to FFmpeg, the free library behind most video programs. We do not decode anything yet. Each
# packet has a timestamp (when its frame is to be shown), a size, and a flag. The flag says whether a
# **decoder**, the program that turns packets back into frames, may start here.


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
# One packet in twelve is flagged and large; the others are tiny. A flagged packet holds a **key frame**. A
# key frame together with everything up to the next one is a **GOP**, a "group of pictures". The package
# reports the GOPs of a file, too. Let us check it against our own count, and from then on rely on the
# package:

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
# - An **I-frame** (*intra*) is compressed on its own, like a photo. It shows everything in view: the
#   *context*.
# - A **P-frame** (*predicted*) is put together from blocks of an earlier frame, each shifted to where it
#   has moved. What is stored is mainly the shifts, called **motion vectors**, and whatever the shifted
#   blocks get wrong, called the **residual**.
# - A **B-frame** (*bi-predicted*) may copy blocks from an earlier *and* from a later frame.
#
# In this file the key frames are exactly the I-frames. (In other files a decoder cannot start at every
# I-frame, because a later frame may still copy from before it.)
#
# In the next figure each bar is a frame. You should see a comb: one tall I, eleven short P's, and so on.
# One tooth is too tall. Which one, and can you guess why?

# %%
types = sample.motion().picture_types  # (72,) of "I", "P", "B"
sizes = np.array([size for _, size, _ in sorted(found)])  # in display order
show(
    gop_strip(types, sizes),
    "Bar chart of bytes per frame. Every twelfth frame is an I-frame of about 5000 to 7000 bytes; "
    "the P-frames between take 400 to 1000, except for frame 42, as tall as an I-frame.",
)
odd = int(np.argmax(np.where(types == "P", sizes, 0)))
print(f"the largest P-frame is frame {odd}, with {sizes[odd]} bytes")

# %% [markdown]
# Run the next cell and move its slider (click on it, then use the arrow keys) to find out what happens at
# the tall tooth. The slider works once the cell has been run. If you are only reading, the cell below it
# shows the frame in question.

# %%
step_through(frames, types, sizes)

# %%
change = np.abs(np.diff(frames.astype(int), axis=0)).mean((1, 2, 3))  # from each frame to the next
assert change.argmax() + 1 == odd
show(
    step(frames, types, sizes, odd),
    "Left, frame 42: shapes over dark waves. Right, the bars of all frames; an arrow marks frame 42, "
    "a P-frame as tall as the I-frames.",
)

# %% [markdown]
# At frame 42 there is a cut. The encoder had been told to place a key frame at every twelfth frame and
# nowhere else, so frame 42 had to be a P-frame. But there was nothing to copy from: the frame before shows
# bricks, this one shows waves. So the P-frame had to store almost everything again, and it costs as much as
# an I-frame. Remember this frame; we will meet it again.
#
# ## Getting to a frame in the middle
#
# A P-frame is useless without the frame before it, which needs the one before that, and so on back to the
# I-frame. To show frame 42, a decoder has to start at key frame 36 and decode seven frames. That is the
# price of a jump, and training does little but jump: every clip starts somewhere in the middle of a file.
# Short GOPs make jumps cheap and files large.
#
# **Exercise 1** (easy, 5 minutes). Fill in the function. Assume that the file has no B-frames.


# %% tags=["exercise"]
def frames_to_decode(frame, keys):
    """How many frames must be decoded to show `frame`; `keys` are the key frames' indices, in order."""
    ...


# %% tags=["check"]
cases = {
    (frame, (0, 12, 24, 36, 48, 60)): expected for frame, expected in ((0, 1), (11, 12), (42, 7), (60, 1))
}
cases |= {(45, (0, 30, 42)): 4, (41, (0, 30, 42)): 12, (5, (0,)): 6}
for (frame, key_frames), expected in cases.items():
    answer = frames_to_decode(frame, list(key_frames))
    if answer != expected:
        print(f"Not yet: for frame {frame} with keys {key_frames} you say {answer}, expected {expected}.")
        break
else:
    print("Right.")

# %% [markdown]
# <details><summary>Hint</summary>
# Which is the last key frame at or before <code>frame</code>? Count both it and <code>frame</code>.
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def frames_to_decode(frame, keys):
#     start = max(key for key in keys if key <= frame)
#     return frame - start + 1
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
print(
    "order of the frames in the file:",
    *[int((pts - found_watch[0][0]) // tick) for pts, _, _ in found_watch[:12]],
)

types_watch = watch.motion().picture_types
sizes_watch = np.array([size for _, size, _ in sorted(found_watch)])
show(
    gop_strip(types_watch, sizes_watch),
    "Bar chart of bytes per frame. Only frames 0, 30 and 42 are I-frames, tall; between them P-frames "
    "of about 1300 bytes alternate with one or two B-frames of about 350 bytes.",
)

# %% [markdown]
# A B-frame may copy from a later frame, so that later frame has to be decoded first. It therefore comes
# first in the file: 2 before 1, and 5 before 3 and 4. **Frames are stored in the order of decoding; the
# timestamps give the order of showing.** A program that numbers frames by their position in the file gets
# them wrong as soon as there are B-frames. In this course, frame 5 always means the sixth frame *shown*.

# %%
for name, video, bytes_ in (("sample", sample, sizes), ("sample_watch", watch, sizes_watch)):
    print(f"{name:12} {bytes_.sum():6} bytes  GOPs {video.info.gop_lengths}  {video.picture_counts}")

longest = [max(video.info.gop_lengths) for video in (sample, watch)]
assert sizes_watch.sum() < sizes.sum() and longest[1] > longest[0]
print(f"encoded for watching: smaller, but a jump costs up to {longest[1]} frames instead of {longest[0]}")

# %% [markdown]
# The second encoder also found the cut by itself: one of its key frames is frame 42.
#
# ## Bytes by frame type
#
# Which frames use up the bytes? Guess first: how many B-frames can you get for the price of one I-frame?

# %%
show(
    bytes_by_type({"sample": (types, sizes), "sample_watch": (types_watch, sizes_watch)}),
    "Two stacked bars of bytes. sample: six I-frames take two fifths, 66 P-frames the rest. sample_watch, "
    "shorter: three I-frames, 30 P-frames, and 39 B-frames that take a fifth.",
)
print("average bytes of a frame:")
for name, kinds, bytes_ in (("sample", types, sizes), ("sample_watch", types_watch, sizes_watch)):
    print(f"{name:12}", *[f"{kind} {bytes_[kinds == kind].mean():5.0f}" for kind in "IPB" if kind in kinds])

# %% [markdown]
# Eighteen B-frames for one I-frame, and three for one P-frame. Are the cheap frames bad ones? We drew these
# shapes ourselves, so we can draw them again and measure how far each decoded frame is from the original.

# %%
drawn = np.concatenate(
    [
        moving_scenes.draw("bricks", "clockwise", 11, frames=42, size=224),
        moving_scenes.draw("waves", "right", 5, frames=30, size=224),
    ]
)
watched = watch.clip(0, 72)
off = np.abs(watched.astype(int) - drawn).mean((1, 2, 3))  # levels of 255, frame by frame
show(
    bars(
        {f"{kind}-frames": off[types_watch == kind].mean() for kind in "IPB"},
        label="mean distance from the original, in levels of 0 to 255",
        title="B-frames look as good as P-frames, at a third of the bytes",
        role="joint",
    ),
    "Three bars, for I-, P- and B-frames, of nearly the same length.",
)
cheap, dear = (sizes_watch[types_watch == kind].mean() for kind in "BP")
assert cheap < 0.4 * dear and off[types_watch == "B"].mean() < 1.1 * off[types_watch == "P"].mean()

# %% [markdown]
# A B-frame is cheap for two reasons. First, it has two frames to copy from, and what one does not show the
# other may. Second, this encoder (x264) stores the residual of a B-frame more coarsely than that of a
# P-frame, by a factor of 1.3 unless told otherwise. It can afford to: other frames rarely copy from a
# B-frame, so its errors do not spread. Which reason matters more? We encode the first scene twice, once
# with x264's own choice and once with the same coarseness for P and B.

# %%
with tempfile.TemporaryDirectory() as folder:
    for name, options in (("coarser B-frames", {}), ("the same coarseness", {"b_qfactor": "1.0"})):
        encode(drawn[:42], f"{folder}/try.mp4", gop=42, crf=20, b_frames=2, options=options)
        with CompressedVideo(f"{folder}/try.mp4") as video:
            kinds, spent = np.array(list(video.picture_types)), np.array(video.info.frame_bytes)
        share = spent[kinds == "B"].mean() / spent[kinds == "P"].mean()
        print(f"{name:19}: a B-frame takes {share:.1f} times the bytes of a P-frame")
        assert share < 0.7

# %% [markdown]
# Even at the same coarseness a B-frame is the cheaper one. About a third of what it saves is due to
# coarseness.
#
# For learning we still prefer the first file. There, every vector spans exactly one frame. In the second
# file a P-frame may choose among three earlier frames, and FFmpeg does not tell us *which* one a vector
# refers to. At least the package can tell us whether there was a choice:

# %%
for name, video in (("sample", sample), ("sample_watch", watch)):
    print(f"{name:12} reference distance known: {video.reference_distance_known}")
assert sample.reference_distance_known and not watch.reference_distance_known

# %% [markdown]
# ## A first look at motion vectors
#
# Now for what is inside the P-frames. A motion vector tells a block of pixels: "copy me from *over there*".
# So it points **back**, to where the content was before, and the motion that we see is **minus the
# vector**.
#
# `motion()` returns the vectors on a grid of cells of 8 x 8 pixels, in pixels, x to the right and y down.
# The figure shows the visible motion, minus the vector. Before you look: the shapes circle clockwise. Which
# way should the arrows on the left side point?

# %%
motion = sample.motion()
print("vectors", motion.vectors.shape, motion.vectors.dtype, " mask", motion.mask.shape, motion.mask.dtype)
show(
    vector_arrows(
        frames[8],
        motion.vectors[8],
        motion.mask[8],
        magnify=3,
        title="Frame 8: arrows on the moving shapes, dots on the resting wall",
    ),
    "Frame 8 with arrows. On the left shapes move up, at the top to the right, on the right down, at the "
    "bottom to the left: a clockwise turn. Most cells of the brick wall have a dot, which means no motion. "
    "A few stray arrows stand beside the shapes.",
)

# %% [markdown]
# All of this came with the file, down to quarters of a pixel. It is not perfect. A few arrows lie next to
# the shapes and not on them, because the encoder takes whatever saves the most bytes, whether it is the
# true motion or not.
#
# What about frame 42, after the cut? In the next figure each arrow has its true length: its tail is where
# the cell was copied from. Some tails lie outside the frame. There, the codec repeats the pixels at the
# border.

# %%
show(
    vector_arrows(
        frames[odd],
        motion.vectors[odd],
        motion.mask[odd],
        title="Frame 42, after the cut: hardly a cell found something to copy",
    ),
    "Frame 42, nearly all hatched: no vectors. The few arrows are long; some begin outside the frame.",
)
carry = motion.mask.mean((1, 2))  # share of cells with a vector, frame by frame
print("cells with a vector in frame 41, 42, 43:", *[f"{carry[t]:.0%}" for t in (41, 42, 43)])
print(f"in the I-frames: {carry[types == 'I'].max():.0%}")

# %% [markdown]
# The hatched cells were stored without copying anything; they are [**intra
# blocks**](../docs/glossary.md#motion-in-the-file). They have *no* vector. That is not the same as a vector
# of zero, which says "I stayed where I was". To keep the two apart, `motion()` also returns a **mask**,
# which is True wherever there is a vector. In an I-frame it is False everywhere. A network that took
# missing vectors for zeros would learn that a cut is a moment of perfect rest.
#
# What the shifted blocks get wrong is stored as the **residual**: new things coming into view, changes in
# the light. I-frames, vectors, residual: that is context, motion, and what is new. Everything this course
# learns from is one of these three.
#
# **Exercise 2** (medium, 10 minutes). The mask makes a simple detector of cuts. Write it.


# %% tags=["exercise"]
def find_cuts(picture_types, mask):
    """Indices of the P-frames with a vector in less than half of the cells; mask is (T, H8, W8) bool."""
    ...


# %% tags=["check"]
shares = {"I": [0, 0], "P": [0, 0.2, 0.4, 0.49, 0.5, 0.51, 0.6, 1], "B": [0, 0.3]}  # of cells with a vector
made_up = [(kind, share) for kind, values in shares.items() for share in values]
made_up_types = np.array([kind for kind, _ in made_up])
made_up_mask = np.stack([np.arange(100).reshape(10, 10) < 100 * share for _, share in made_up])
below = [place for place, (kind, share) in enumerate(made_up) if kind == "P" and share < 0.5]
for name, kinds, mask, expected in (
    ("our clip", types, motion.mask, [odd]),
    (f"frames of type and share {made_up}", made_up_types, made_up_mask, below),
):
    answer = find_cuts(kinds, mask)
    if answer is None or np.asarray(answer).tolist() != expected:
        answer = None if answer is None else np.asarray(answer).tolist()
        print(f"Not yet: in {name} you find {answer}, expected {expected}.")
        break
else:
    print("Right.")

# %% [markdown]
# <details><summary>Hint</summary>
# The mean of a boolean array over its last two axes is a share. I-frames never have vectors, and B-frames
# were not asked for: keep only the P-frames.
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def find_cuts(picture_types, mask):
#     return np.flatnonzero((picture_types == "P") & (mask.mean((1, 2)) < 0.5))
# ```
#
# </details>

# %% [markdown]
# ## What a GOP costs
#
# Now we are the encoder. The function `pack` encodes some frames with the settings we give it and reports
# what came out. We first ask about the length of the GOP: what does it do to the size of the file, and to
# the price of a jump? Expect the two to pull in opposite directions. (Sizes are shown in figures only:
# another version of the encoder may need a few bytes more or less.)


# %%
class Packed(NamedTuple):
    """What came out when a clip was encoded."""

    info: VideoInfo
    distance_known: bool  # whether each vector is known to span one frame
    sizes: np.ndarray  # bytes of each frame
    motion: Motion
    frames: np.ndarray  # as decoded


def pack(frames, **settings):
    """Encodes frames with these settings of `cvrl_lite.codec.encode` and opens the result."""
    with tempfile.TemporaryDirectory() as folder:
        encode(frames, f"{folder}/packed.mp4", **settings)
        with CompressedVideo(f"{folder}/packed.mp4") as video:
            sizes = [size for _, size, _ in sorted(packets(f"{folder}/packed.mp4"))]
            spans = video.reference_distance_known
            return Packed(video.info, spans, np.array(sizes), video.motion(), video.clip(0, len(frames)))


# %%
shapes = drawn[:42]  # up to the cut
by_gop = {f"GOP {gop}": pack(shapes, gop=gop, crf=23) for gop in (1, 4, 12, 42)}
show(
    bytes_by_type({name: (tried.motion.picture_types, tried.sizes) for name, tried in by_gop.items()}),
    "Four stacked bars of bytes, each shorter than the one above: GOP 1 with I-frames only, GOP 4, GOP 12, "
    "and GOP 42 with a single I-frame.",
)
for name, tried in by_gop.items():
    jumps = [place + 1 for length in tried.info.gop_lengths for place in range(length)]
    print(f"{name:6}: to show one frame, decode {np.mean(jumps):4.1f} on average and {max(jumps):2} at worst")
totals = [tried.sizes.sum() for tried in by_gop.values()]
assert totals == sorted(totals, reverse=True) and totals[0] > 2 * totals[-1]

# %% [markdown]
# Long GOPs save bytes and make jumps expensive. The largest gain is at the start, from GOP 1 to GOP 12.
# From 12 to 42 the file shrinks by only another fifth, while a jump costs more than three times as much.
# That is why videos for training are encoded with GOPs of about 12.
#
# ## A small encoder laboratory
#
# Here are four settings to play with:
#
# - `gop`: the number of frames from one key frame to the next,
# - `crf`, the **rate factor**: how coarsely everything is stored. 15 looks like the original, 39 like a bad
#   video call,
# - `b_frames`: how many B-frames may stand in a row (the encoder may use fewer),
# - `references`: how many earlier frames a P-frame may choose from.
#
# Run the cell and experiment. What happens to the dots on the wall at crf 39? Which setting saves the most
# bytes, and which saves hardly any? With how many references is it no longer certain that a vector spans
# one frame? Each new result keeps the one before it below, so that you can compare the two. If you are only
# reading, two settings are shown underneath.


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
show(
    experiment(12, 15, 0, 1)[0],
    "Bars of bytes for 42 frames, four of them tall I-frames; beside them frame 8, sharp, with arrows on the "
    "shapes and dots on the wall.",
)
show(
    experiment(42, 39, 2, 1)[0],
    "The same scale: one low I-frame, then bars hardly to be seen, some of them B-frames; beside them frame "
    "8, blurred, with some hatched cells.",
)

# %% [markdown]
# Let us answer one such question with numbers. Where not a single pixel of the wall has changed, a vector
# should be zero. How often is it not, as we store the video more coarsely?

# %%
# A frame of 224 x 224 as 28 x 28 cells of 8 x 8: axes 2 and 4 are the pixels of a cell.
rest = (shapes[1:] == shapes[:-1]).all(-1).reshape(41, 28, 8, 28, 8).all((2, 4))  # cells of frames 1 .. 41
stray, kilobytes = {}, {}
for crf in (15, 23, 31, 39):
    tried = pack(shapes, gop=12, crf=crf)
    resting = rest & tried.motion.mask[1:]
    stray[f"crf {crf}"] = 100 * (np.abs(tried.motion.vectors[1:]).max(1)[resting] > 0).mean()
    kilobytes[crf] = tried.sizes.sum() / 1000
show(
    bars(
        stray,
        label="unchanged cells whose vector is not zero, in %",
        title="The more coarsely a video is stored, the more of its vectors are wrong",
        role="motion",
    ),
    "Four bars that grow with crf, from a few percent to about four times as much.",
)
assert kilobytes[15] > 4 * kilobytes[39] and stray["crf 39"] > 2 * stray["crf 15"]
print("crf 39 instead of 15: less than a quarter of the bytes, more than twice as many wrong vectors")

# %%
several = pack(shapes, references=4).distance_known
b_frames = pack(shapes, b_frames=2).distance_known
print("Is the distance known? With four references:", several, " With two B-frames:", b_frames)
assert not several and b_frames

# %% [markdown]
# Why do the vectors go astray? The encoder searches for each block in the last frame *as the decoder will
# see it*. At crf 39 that frame is a blur, and in a blur many places look alike. Good vectors need a good
# image.
#
# B-frames leave the distance known, but each of them has two vector fields with gaps (the next notebook
# shows them). Several references make the distance unknown and, in a clip like this, save hardly a byte.
#
# **Exercise 3** (easy, 5 minutes). Choose settings for a training set:
# - at most half the bytes of `gop=12, crf=20`, but at least a sixth, because with fewer the image falls
#   apart,
# - no jump longer than 12 frames,
# - P-frames whose vectors have a known distance,
# - no B-frames.


# %% tags=["exercise"]
def settings_for_training():
    """The settings as a dictionary, such as {"gop": 250, "crf": 15}."""
    ...


# %% tags=["check"]
chosen = settings_for_training()
try:
    yours = pack(shapes, **chosen)
except (TypeError, ValueError) as error:  # no dictionary, or a setting that encode does not know
    print(f"Not yet: it should return a dictionary of settings. {error}")
else:
    limit, size = pack(shapes, gop=12, crf=20).sizes.sum(), yours.sizes.sum()
    faults = {
        f"{size} bytes, expected at most {limit // 2}": size > limit / 2,
        f"{size} bytes, expected at least {limit // 6}": size < limit / 6,
        f"a GOP of {max(yours.info.gop_lengths)} frames, expected at most 12": max(yours.info.gop_lengths)
        > 12,
        "a distance that is not known, expected one that is": not yours.distance_known,
        "B-frames, expected none": "B" in yours.motion.picture_types,
        "nothing but I-frames, expected P-frames, too": "P" not in yours.motion.picture_types,
    }
    found_faults = [name for name, is_so in faults.items() if is_so]
    print(f"Not yet: with {chosen} there are {', '.join(found_faults)}." if found_faults else "Right.")

# %% [markdown]
# <details><summary>Hint</summary>
# By default <code>encode</code> uses no B-frames and one reference. That leaves the bytes and the GOP.
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def settings_for_training():
#     return {"gop": 12, "crf": 31}
# ```
#
# </details>

# %% [markdown]
# ## Your own video
#
# Set `MY_VIDEO` to the path of a file and run these two cells again to see its bars. What do you expect?
# Phones usually write a key frame every second; films for the web have one every 250 frames or wherever the
# scene changes. Of a long file we look at the first 200 frames.

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
# | `DamagedVideo` | it breaks off or cannot be decoded | copy it again; a download may have been cut short |
# | `NoMotionVectors` | FFmpeg exports no vectors for HEVC, VP9 and AV1 | `cvrl-lite transcode` |

# %%
for wrong in ("no_such_file.mp4", io.BytesIO(b"Dear diary, today I wrote a video.")):
    look_into(wrong)

# %% [markdown]
# ## What we have seen
#
# - A file holds one packet for each frame. Key frames are large; all other frames are small, because they
#   copy from frames that come before them in the file.
# - I-frames hold what stays, motion vectors what moves, the residual what is new. All three are
#   already in the file.
# - A vector points back to where its block came from. A block that was not copied has no vector, and the
#   mask says so.
# - Short GOPs cost bytes, long GOPs make jumps slow, and coarse encoding spoils the vectors.
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
# **5.** Somebody encodes a training set at crf 39 to save disk space, and the vectors get worse. Why? The
# things in it move exactly as before.
#
# <details><summary>Answer</summary>
# The encoder searches for each block in the decoded last frame. That frame is now a blur, in which many
# places fit equally well.
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
