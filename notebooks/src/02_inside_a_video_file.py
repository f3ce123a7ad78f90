# %% [markdown]
# # Inside a video file
#
# A minute of raw HD video (1920 x 1080 pixels of 3 bytes, 30 frames a second) fills 11 gigabytes; the
# file on your phone is about a hundred times smaller. A frame that looks like the one before is not stored
# again, only *how it differs*. To find that out, the **encoder**, the program that packs the video, had to
# notice what stays and what moves. This notebook opens a file and looks at what it wrote down, because
# that is what we are going to learn from.
#
# **Goals.** After this notebook you will be able to
# - list the packets of a video file and say what each one costs,
# - tell I-, P- and B-frames apart and explain why a GOP begins with an I-frame,
# - say what it takes to show a frame from the middle of a file,
# - read a field of motion vectors and its mask,
# - say what a GOP, a rate factor, B-frames and references cost, having tried them,
# - look into a video of your own, and understand the error if it cannot be read.
#
# **Needs.** [00_start_here](00_start_here.ipynb). Less than 1 minute on 2 cores, 0.4 GB of memory, no
# disk: the two clips are in the repository.

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
from cvrl_lite.course.widgets import laboratory, step, step_through
from cvrl_lite.datasets import moving_scenes

# %% [markdown]
# ## A box of packets
#
# Our first clip has 72 frames of 224 x 224 pixels. First the frames, as any player would show them.
# Look for two things: what stays the same from frame to frame, and where it all changes at once.

# %%
sample = CompressedVideo(data_path("sample.mp4"))
frames = sample.clip(0, 72)  # (72, 224, 224, 3) uint8 RGB
places = list(range(0, 72, 6))
show(
    filmstrip(
        frames[places],
        labels=[f"frame {place}" for place in places],
        title="Shapes circle on a wall of bricks, then all is new",
        columns=6,
    ),
    "Twelve frames of the sample clip. Up to frame 36 colored shapes circle over a brick wall; "
    "from frame 42 on other shapes drift to the right over a pattern of dark waves.",
)

# %% [markdown]
# An MP4 file is a **container**, a box. In it lie **packets**, one to a frame. A few lines of
# [PyAV](https://pyav.basswood-io.com/docs/stable/), Python's handle on FFmpeg (the free library most video
# programs are built on), take them out without unpacking any. Each carries a timestamp (when its frame is
# to be shown), a size, and a flag: can a **decoder**, the program that unpacks, start here?


# %%
def packets(path):
    """(timestamp, bytes, is key) of each packet of the first video stream, as they lie in the file."""
    with av.open(str(path)) as box:
        stream = box.streams.video[0]
        return [(packet.pts, packet.size, packet.is_keyframe) for packet in box.demux(stream) if packet.size]


found = packets(data_path("sample.mp4"))
print("place  timestamp  bytes  key")
for place, (pts, size, is_key) in enumerate(found[:15]):
    print(f"{place:5}  {pts:9}  {size:5}  {'KEY' if is_key else ''}")

stored, raw = sum(size for _, size, _ in found), frames.nbytes
print(f"all {len(found)} packets: {stored} bytes, for {raw} bytes of pixels: {raw // stored} times as many")

# %% [markdown]
# One packet in twelve is flagged and big, the others are tiny. A flagged packet holds a **key frame**. A
# key frame with all that follows up to the next is a **GOP**, a group of pictures. A thing we have built
# once we check against the package, and from then on we use the package:

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
# - An **I-frame** (intra) is packed alone, like a photo. It shows all that is in view: the *context*.
# - A **P-frame** (predicted) copies blocks of an earlier frame, shifted to where they have moved. What it
#   stores is mostly those shifts, the **motion vectors**, and what they got wrong, the **residual**.
# - A **B-frame** (bi-predicted) may copy from an earlier *and* a later frame.
#
# Here each key frame is an I-frame, and each I-frame a key frame; other files also have I-frames at which
# no decoder can start, because later frames still copy from before them. Each bar is a frame. Expect a
# comb: a tall I, eleven low P's, again and again. One tooth does not belong. Which, and why?

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
# Run the next cell, then move its slider (click it, then use the arrow keys) and find out what happens at
# the odd tooth. Until it is run the slider stands still; the cell after it shows the frame in question.

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
# At frame 42 the film was cut. The encoder had been told to put key frames at every twelfth place and
# nowhere else, so frame 42 had to be a P-frame. But there was nothing to copy: an earlier frame shows
# bricks, this one waves. The P-frame stores almost everything anew and costs as much as an I-frame. Keep
# it in mind; it returns below.
#
# ## Getting to a frame in the middle
#
# A P-frame means nothing without the frame before it, and so on back to the I-frame. To show frame 42, a
# decoder starts at key frame 36 and unpacks seven frames. That is the price of a jump, and for training,
# which jumps all day, it is the main one. Short GOPs make larger files and cheaper jumps.
#
# **Exercise 1** (easy, 5 minutes). Fill in the function. It is about files without B-frames.


# %% tags=["exercise"]
def frames_to_decode(frame, keys):
    """How many frames must be decoded to show `frame`; `keys` are the indices of the key frames, rising."""
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
# Which is the last key frame at or before <code>frame</code>? Count both ends.
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
# ## The same frames, packed for watching
#
# `sample_watch.mp4` holds the same 72 frames, but its encoder was free to do what encoders for films do:
# GOPs of up to 30, B-frames, key frames wherever it sees a cut. Look at the timestamps first, one step
# being one frame. They no longer rise!

# %%
watch = CompressedVideo(data_path("sample_watch.mp4"))
found_watch = packets(data_path("sample_watch.mp4"))
tick = min(np.diff(sorted(pts for pts, _, _ in found_watch)))
print(
    "in the file the frames lie as:",
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
# A B-frame looks into the future, so the frame it looks at must come out of the box before it: 2 lies
# before 1, and 5 before 3 and 4. **The order in the file is the order of decoding; the timestamps are the
# order of showing.** A program that numbers frames by their place in the file gets them wrong where there are
# B-frames. In this course, frame 5 is always the sixth frame *shown*.

# %%
for name, video, bytes_ in (("sample", sample, sizes), ("sample_watch", watch, sizes_watch)):
    print(f"{name:12} {bytes_.sum():6} bytes  GOPs {video.info.gop_lengths}  {video.picture_counts}")

longest = [max(video.info.gop_lengths) for video in (sample, watch)]
assert sizes_watch.sum() < sizes.sum() and longest[1] > longest[0]
print(f"packed for watching: smaller, but a jump may cost up to {longest[1]} frames instead of {longest[0]}")

# %% [markdown]
# The second encoder also found the cut by itself: one of its key frames lies at frame 42.
#
# ## Bits by frame type
#
# Who takes the bytes? Guess first: how many B-frames could one have for the price of an I-frame?

# %%
show(
    bytes_by_type({"sample": (types, sizes), "sample_watch": (types_watch, sizes_watch)}),
    "Two stacked bars of bytes. sample: six I-frames take two fifths, 66 P-frames the rest. sample_watch, "
    "shorter: three I-frames, 30 P-frames, and 39 B-frames that take a fifth.",
)
print("bytes a frame, on average:")
for name, kinds, bytes_ in (("sample", types, sizes), ("sample_watch", types_watch, sizes_watch)):
    print(f"{name:12}", *[f"{kind} {bytes_[kinds == kind].mean():5.0f}" for kind in "IPB" if kind in kinds])

# %% [markdown]
# Eighteen B-frames for an I-frame, and three for a P-frame. Is a cheap frame a bad one? The shapes were
# drawn, so we can draw them again and see how far the unpacked frames are from what the encoder was given.

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
        label="mean distance from the drawing, in levels of 255",
        title="A B-frame is as good as a P-frame, for a third of its bytes",
        role="joint",
    ),
    "Three bars of nearly the same length.",
)
cheap, dear = (sizes_watch[types_watch == kind].mean() for kind in "BP")
assert cheap < 0.4 * dear and off[types_watch == "B"].mean() < 1.1 * off[types_watch == "P"].mean()

# %% [markdown]
# A B-frame is cheap for two reasons. It has two frames to copy from: what one does not show, the other does.
# And the encoder, x264, stores what is left more coarsely than in a P-frame, by a factor of 1.3 unless we
# change it: other frames rarely copy from a B-frame, so its errors do not spread. To tell the two apart we
# pack the first scene again, once as x264 likes it and once with the same coarseness for both.

# %%
with tempfile.TemporaryDirectory() as folder:
    for name, options in (("coarser B-frames", {}), ("the same coarseness", {"b_qfactor": "1.0"})):
        encode(drawn[:42], f"{folder}/try.mp4", gop=42, crf=20, b_frames=2, options=options)
        with CompressedVideo(f"{folder}/try.mp4") as video:
            kinds, spent = np.array(list(video.picture_types)), np.array(video.info.frame_bytes)
        share = spent[kinds == "B"].mean() / spent[kinds == "P"].mean()
        print(f"{name:19}: a B-frame takes {share:.1f} of a P-frame's bytes")
        assert share < 0.7

# %% [markdown]
# Even with the same coarseness a B-frame is the cheaper one; about a third of what it saves is coarseness.
#
# For learning we still prefer the first file: all its vectors span one frame, while in the second P-frames
# may choose among three earlier frames, and FFmpeg does not tell *which* one a vector refers to. The
# package can at least tell whether there was a choice:

# %%
for name, video in (("sample", sample), ("sample_watch", watch)):
    print(f"{name:12} reference distance known: {video.reference_distance_known}")
assert sample.reference_distance_known and not watch.reference_distance_known

# %% [markdown]
# ## A first look at motion vectors
#
# Now to what the P-frames hold. A motion vector says for a block of pixels: "take me from *there*". It
# points **back**, so what we see moving is **minus the vector**. `motion()` lays the vectors on a grid of
# cells of 8 x 8 pixels, x to the right and y down, in pixels. We draw motion, minus the vector. Before you
# look: the shapes circle clockwise. Which way should the arrows on the left point?

# %%
motion = sample.motion()
print("vectors", motion.vectors.shape, motion.vectors.dtype, " mask", motion.mask.shape, motion.mask.dtype)
show(
    vector_arrows(
        frames[8],
        motion.vectors[8],
        motion.mask[8],
        magnify=3,
        title="Frame 8: the shapes carry their motion, the wall stays",
    ),
    "Frame 8 with arrows. On the left shapes move up, at the top to the right, on the right down, at the "
    "bottom to the left: a clockwise turn. Most cells of the brick wall have a dot, which means no motion. "
    "A few stray arrows stand beside the shapes.",
)

# %% [markdown]
# All this came with the file, quarter pixels included. It is not perfect: a few arrows lie beside the
# shapes, because the encoder takes whatever packs best, be it true motion or not.
#
# And frame 42, after the cut? Here the arrows have their true length, so each tail is where its cell was
# copied from. Some lie outside the frame: there the codec repeats the pixels of the border.

# %%
show(
    vector_arrows(
        frames[odd],
        motion.vectors[odd],
        motion.mask[odd],
        title="Frame 42, after the cut: nearly no cell was copied from anywhere",
    ),
    "Frame 42, nearly all hatched: no vectors. The few arrows are long; some begin outside the frame.",
)
carry = motion.mask.mean((1, 2))  # share of cells with a vector, frame by frame
print("cells with a vector in frame 41, 42, 43:", *[f"{carry[t]:.0%}" for t in (41, 42, 43)])
print(f"in each I-frame: {carry[types == 'I'].max():.0%}")

# %% [markdown]
# Hatched cells were packed without any copying, as **intra blocks**. They have *no* vector, and that is
# not the same as a vector of zero, which says "I stayed where I was". This is why `motion()` returns a
# **mask**: True where there is a vector. In I-frames it is False everywhere. A network that took the
# missing vectors for zeros would learn that a cut is a moment of perfect rest.
#
# What shifted blocks get wrong, the encoder stores as the **residual**: new things coming into view,
# changes of light. I-frames, vectors, residual: context, motion, and what is new. All that this course
# learns from is one of these three.
#
# **Exercise 2** (medium, 10 minutes). The mask gives us a detector of cuts for free. Write it.


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
# The mean of a boolean array over its last two axes is a share. I-frames never carry vectors: leave them
# out.
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
# Now we are the encoder. `pack` takes frames and settings, packs them into a file and tells what came of
# it. What does the length of the GOP cost, in bytes and in jumps? Expect two things that pull in different
# directions. (The bytes stand in figures: another version of the encoder may need some more or less.)


# %%
class Packed(NamedTuple):
    """What came of packing a clip."""

    info: VideoInfo
    distance_known: bool  # whether each vector is known to span one frame
    sizes: np.ndarray  # bytes of each frame
    motion: Motion
    frames: np.ndarray  # as unpacked


def pack(frames, **settings):
    """Packs frames with these settings of `cvrl_lite.codec.encode` and opens the result."""
    with tempfile.TemporaryDirectory() as folder:
        encode(frames, f"{folder}/packed.mp4", **settings)
        with CompressedVideo(f"{folder}/packed.mp4") as video:
            sizes = [size for _, size, _ in sorted(packets(f"{folder}/packed.mp4"))]
            spans = video.reference_distance_known
            return Packed(video.info, spans, np.array(sizes), video.motion(), video.clip(0, len(frames)))


shapes = drawn[:42]  # up to the cut
by_gop = {f"GOP {gop}": pack(shapes, gop=gop, crf=23) for gop in (1, 4, 12, 42)}
show(
    bytes_by_type({name: (tried.motion.picture_types, tried.sizes) for name, tried in by_gop.items()}),
    "Four stacked bars of bytes, each shorter than the one above: GOP 1 with I-frames only, GOP 4, GOP 12, "
    "and GOP 42 with a single I-frame.",
)
for name, tried in by_gop.items():
    jumps = [place + 1 for length in tried.info.gop_lengths for place in range(length)]
    print(
        f"{name:6}: to show a frame, {np.mean(jumps):4.1f} must be decoded on average, {max(jumps):2} at most"
    )
totals = [tried.sizes.sum() for tried in by_gop.values()]
assert totals == sorted(totals, reverse=True) and totals[0] > 2 * totals[-1]

# %% [markdown]
# Long GOPs save bytes and make jumps expensive; nothing is free. Note where most is gained: from 1 to 12.
# From 12 to 42 the file shrinks by another fifth, and a jump costs more than three times as much. That is
# why files for training have GOPs of about 12.
#
# ## A small encoder laboratory
#
# Four settings, and what they do to bytes, frame types and vectors:
#
# - `gop`: frames from one key frame to the next,
# - `crf`: the **rate factor**, how coarsely all is packed; 15 looks like the original, 39 like a bad call,
# - `b_frames`: how many may stand between two others; the encoder need not take as many,
# - `references`: how many earlier frames a P-frame may choose from.
#
# Run the cell and play. Some questions to ask of it: What becomes of the wall's dots at crf 39? Which
# setting takes away most bytes, and which hardly any? At how many references are vectors no longer known to
# span one frame? Below it stand two settings that need no slider.


# %%
def experiment(gop, crf, b_frames, references):
    """One packing of the shapes: a figure, and the same in words."""
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
    return figure, f"{kb:.1f} kB: {counts}; how far the vectors reach is {distance}"


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
# Let us ask one of those questions in numbers. Where the wall did not change by a single level, a vector
# should be zero. How many are not, as packing gets coarser?

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
        label="cells in which nothing changed whose vector is not zero, in %",
        title="The coarser a video is packed, the more its vectors stray",
        role="motion",
    ),
    "Four bars that grow with crf, from a few percent to about four times as much.",
)
assert kilobytes[15] > 4 * kilobytes[39] and stray["crf 39"] > 2 * stray["crf 15"]
print("crf 39 instead of 15: less than a quarter of the bytes, more than twice as many stray vectors")

several = pack(shapes, references=4).distance_known
b_frames = pack(shapes, b_frames=2).distance_known
print("distance known with four references:", several, " with two B-frames:", b_frames)
assert not several and b_frames

# %% [markdown]
# Why would vectors stray? The encoder compares with the *unpacked* last frame, which at crf 39 is a blur, and
# in a blur many places look alike. Good vectors need a good image. With B-frames the distance stays known,
# but each of them has two fields with gaps (the next notebook shows it). References cost knowledge and gain
# hardly a byte in a clip like this.
#
# **Exercise 3** (easy, 5 minutes). Choose settings for a training set: at most half the bytes of
# `gop=12, crf=20`, and at least a sixth, as the image falls apart with fewer; no jump longer than 12
# frames; P-frames whose vectors have a known distance; no B-frames.


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
# <code>encode</code> has no B-frames and one reference by default. Only bytes and GOP are left.
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
# Set `MY_VIDEO` to the path of a file, and run the two cells again; you will get its strip of bars, too.
# What will you find? Phones write a key frame every second, films for the web one in 250 frames or where
# the image changes. Of a long file we look at the first 200 frames.

# %%
MY_VIDEO = None  # for instance "../holiday.mp4"


def look_into(path, most=200):
    """Prints what a file is and returns its first frames' types and sizes; explains what cannot be read."""
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
if looked and MY_VIDEO:  # the sample's bars we have seen
    show(
        gop_strip(*looked),
        "Bar chart: the bytes of each frame of your video, colored and hatched by picture type.",
    )

# %% [markdown]
# Not every file can be read, and an error should say what to do. Each kind has a name of its own; all are
# `VideoError`s, so one `except` catches them.
#
# | error | what it means | what helps |
# |---|---|---|
# | `UnreadableFile` | no such file, or a folder | check the path; it starts in this notebook's folder |
# | `NotAVideo` | nothing in it looks like a video | is it complete? Open it in a player |
# | `NoVideoStream` | sound only | another file |
# | `DamagedVideo` | it breaks off or cannot be decoded | copy it again; a download may be cut short |
# | `NoMotionVectors` | FFmpeg hands out none of HEVC, VP9, AV1 | `cvrl-lite transcode` |

# %%
for wrong in ("no_such_file.mp4", io.BytesIO(b"Dear diary, today I wrote a video.")):
    look_into(wrong)

# %% [markdown]
# ## What we have seen
#
# - A file is a box of packets, one a frame; key frames are large, all others live on what came before.
# - I-frames hold what stays, motion vectors what moves, the residual what is new; all three are there
#   already.
# - Vectors point back, and where a block was not copied there is none: the mask says so.
# - Short GOPs cost bytes, long ones cost jumps; coarse packing costs vectors.
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
# **2.** A camera stands still before an empty wall. What do the P-frames hold?
#
# <details><summary>Answer</summary>
# Nearly nothing: all blocks are skipped. Their vectors are zero and their mask is True, since they were
# copied.
# </details>
#
# **3.** An object moves 3 pixels to the right from one frame to the next. What is its motion vector?
#
# <details><summary>Answer</summary>
# (-3, 0). It points back to where the content came from; the apparent motion is minus the vector.
# </details>
#
# **4.** Why do timestamps and places in the file disagree in <code>sample_watch.mp4</code>?
#
# <details><summary>Answer</summary>
# A B-frame copies from a later frame, which therefore must be decoded, and stored, before it.
# </details>
#
# **5.** Somebody packs a training set at crf 39 to save disk, and the vectors get worse. Why, though the
# things in it move as before?
#
# <details><summary>Answer</summary>
# The encoder looks for each block in the unpacked last frame. That is a blur now, in which other places fit
# as well.
# </details>
#
# ## Next, and further reading
#
# Next: [03_motion_vectors](03_motion_vectors.ipynb), what these arrows are and are not, proved clip by
# clip.
#
# - [Digital video introduction](https://github.com/leandromoreira/digital_video_introduction): codecs
#   from the first pixel on, with many figures.
# - [Compressed Video Action Recognition](https://arxiv.org/abs/1712.00636): learns from I-frames, vectors
#   and residuals, with labels.
# - [The glossary](../docs/glossary.md) of this course.
