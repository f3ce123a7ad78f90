# %% [markdown]
# # Motion vectors
#
# For every block of a frame the encoder asks: have I seen this before, and where? The answer is a **motion
# vector**: two numbers that save it from storing the block again. We are going to teach a network with
# these numbers, so we had better know what they are worth. Which way do they point? In which unit? When is
# there none? And when are they wrong? To find out, we made short clips whose motion we know, because we
# drew it, and compare the vectors with the truth.
#
# **Goals.** After this notebook you will be able to
# - read the motion vectors of a file with ten lines of code, and lay them on a grid with a mask,
# - say which way a vector points and in which unit, and prove both,
# - tell a skipped block from an intra block, and a past vector from a future one,
# - name the two things about vectors that FFmpeg does not tell,
# - show a vector that is not motion, and explain why the encoder was right to choose it.
#
# **Needs.** [02_inside_a_video_file](02_inside_a_video_file.ipynb). Less than 1 minute on 2 cores, 0.4 GB
# of memory, no disk space: the clips are in the repository.
#
# **The path.** First we read the vectors and turn them into an array that a network can use. Then we test
# the array: sign, unit, missing values, B-frames. Then come the two things FFmpeg hides, and three clips
# that fool the encoder. At the end we measure how often vectors are right, and what they save us.

# %%
import time

import av
import numpy as np
from av.codec.context import Flags2

from cvrl_lite import CompressedVideo, data_path
from cvrl_lite.course.explorables import block_origin
from cvrl_lite.course.figures import bars, filmstrip, show, vector_arrows, vector_panels, where_from
from cvrl_lite.course.loops import show_loop
from cvrl_lite.datasets.moving_scenes import draw
from cvrl_lite.datasets.moving_scenes.actions import FINE, paths

# %% [markdown]
# ## Reading them yourself
#
# FFmpeg needs the vectors for decoding but keeps them to itself unless asked. With the flag `export_mvs` it
# attaches them to each decoded frame, as a list with one **record** for each block. We use the sample clip
# of the last notebook, in which shapes circle over bricks. Look at the columns: what could `source`, `dst`
# and `scale` mean?


# %%
def read_records(name):
    """The vector records of each frame, in display order; an empty list where a frame has none."""
    with av.open(str(data_path(name))) as box:
        stream = box.streams.video[0]
        stream.codec_context.flags2 |= Flags2.export_mvs
        beside = [frame.side_data.get("MOTION_VECTORS") for frame in box.decode(stream)]
        return [[] if held is None else held.to_ndarray() for held in beside]


records = read_records("sample.mp4")
print(len(records[8]), "records in frame 8, some of them:")
print("source  width  height  dst x, y   motion x, y   scale")
for r in records[8][250:258]:
    x, y = f"{r['dst_x']:4},{r['dst_y']:4}", f"{r['motion_x']:5},{r['motion_y']:5}"
    print(f"{r['source']:6}  {r['w']:5}  {r['h']:6}  {x}  {y}  {r['motion_scale']:7}")

# %% [markdown]
# - `source`: -1 if the block was copied from an earlier frame, +1 if from a later one.
# - `w`, `h`: the size of the block. H.264 works on **macroblocks** of 16 x 16 pixels and cuts them into
#   smaller blocks where things move differently. So there are big blocks on the wall, and small ones at the
#   edge of a shape.
# - `dst`: the *center* of the block in this frame, x to the right and y down.
# - `motion` divided by `scale`: the vector in pixels. With a scale of 4, `motion` counts quarters of a
#   pixel.
#
# ## From records to a grid
#
# *Why the network needs it: a convolution takes a grid, not a list.*
#
# No block here is smaller than 8 x 8 pixels, so we cut the frame into **cells** of 8 x 8. Each block writes
# its vector into the cells it covers. And cells that no block covers? They keep a zero, and a **mask**
# records that this zero means nothing.


# %%
def paint(records, rows, columns, source=-1):
    """Vectors (2, rows, columns) in pixels and their mask, of the records with this source."""
    vectors, mask = np.zeros((2, rows, columns), np.float32), np.zeros((rows, columns), bool)
    for r in records:
        if r["source"] == source:
            left, top = (r["dst_x"] - r["w"] // 2) // 8, (r["dst_y"] - r["h"] // 2) // 8
            cells = slice(top, top + r["h"] // 8), slice(left, left + r["w"] // 8)
            mask[cells] = True
            vectors[0][cells] = r["motion_x"] / r["motion_scale"]
            vectors[1][cells] = r["motion_y"] / r["motion_scale"]
    return vectors, mask


sample = CompressedVideo(data_path("sample.mp4"))
motion = sample.motion()
for frame in range(len(records)):
    vectors, mask = paint(records[frame], 28, 28)
    assert np.array_equal(vectors, motion.vectors[frame]) and np.array_equal(mask, motion.mask[frame])
print("all", len(records), "frames agree with CompressedVideo.motion(), of shape", motion.vectors.shape)

# %% [markdown]
# Our arrays and the package's agree in every cell of every frame. From here on we use the package's: it
# does the same, some hundred times faster.
#
# ## Which way, and in which unit?
#
# *Why the network needs it: with the wrong sign, "drifts to the right" becomes "drifts to the left" as soon
# as vectors and frames are combined.*
#
# Never trust a sign; test it. In `pan.mp4` a camera moves 3 pixels to the right and 1 down in each of the
# first eight steps, then stands still. In frame 12 the right half of the image is replaced.

# %%
pan = CompressedVideo(data_path("lessons/pan.mp4"))
pan_frames, pan_motion = pan.clip(0, 16), pan.motion()
show(
    filmstrip(
        pan_frames[[0, 4, 8, 11, 12]],
        labels=["frame 0", "4", "8", "11", "12"],
        columns=5,
        title="The camera moves right and down, stops at frame 8, and in frame 12 half of the image is new",
    ),
    "Five frames of a wall of light blue scales, which slides to the left and up; in the last one the "
    "right half shows dark blue marble instead.",
)
values, counts = np.unique(pan_motion.vectors[3][:, pan_motion.mask[3]], axis=1, return_counts=True)
assert np.array_equal(pan_motion.flow(), -pan_motion.vectors)
print("vectors in frame 3:", {tuple(map(float, pair)): int(n) for pair, n in zip(values.T, counts)})

# %% [markdown]
# All 384 cells say (3, 1). The camera went right and down, so the image slid left and up, by (-3, -1). The
# vector is the opposite of what we see: **it points from a block back to the place where the block was
# before.** The motion we see is minus the vector, and `motion.flow()` returns just that. This also settles
# the unit: the vector counts pixels. Watch the framed block: it drifts one way, and its vector (drawn eight
# times as long as it is) points the other way.

# %%
show_loop(
    "pan",
    "Frames 0 to 8 of the pan, again and again. A framed block drifts to the left and up with the wall, "
    "while an arrow in it points to the right and down.",
)

# %% [markdown]
# So drawing minus the vectors shows what moves which way, even in a single frame. Below are the same shapes
# twice, circling in opposite directions. Freeze any frame without its arrows, and you could not tell which is
# which. With the arrows, one frame is enough.

# %%
show_loop(
    "two_turns",
    "Two moving clips of the same shapes. Left they circle clockwise, right counter-clockwise, and short "
    "arrows on the shapes point the way they go.",
)

# %% [markdown]
# A second proof works without knowing anything about the clip. If a vector points to where the block came
# from, then copying from there must give us the new frame, or nearly. With the wrong sign it must not.


# %%
def copied(source, vectors):
    """The frame we get by copying each cell from where its vector leads, to the nearest pixel."""
    height, width = source.shape[:2]
    dense = vectors.repeat(8, 1).repeat(8, 2)[:, :height, :width].round().astype(int)
    y, x = np.mgrid[0:height, 0:width]
    return source[np.clip(y + dense[1], 0, height - 1), np.clip(x + dense[0], 0, width - 1)]


def error(a, b):
    """Mean absolute difference of two frames."""
    return np.abs(a.astype(int) - b).mean()


# %%
before, now, field = pan_frames[2], pan_frames[3], pan_motion.vectors[3]
errors = {
    "copied along the vector": error(copied(before, field), now),
    "not moved at all": error(before, now),
    "copied the other way": error(copied(before, -field), now),
}
show(
    bars(
        errors,
        label="mean difference from frame 3, in levels of 0 to 255",
        title="Copying along the vectors rebuilds the frame; the other way it fails",
        role="motion",
    ),
    "Three bars. Copied along the vector: a very small difference. Not moved: far larger. Copied the other "
    "way: the largest.",
)
right, none, wrong = errors.values()
assert 3 * right < none < wrong
print("Along the vector the error is less than a third of not moving; the other way it is the largest.")

# %% [markdown]
# ## Click a block
#
# *See for yourself before you read on.*
#
# Back to the circling shapes, in frames 7 and 8. Click anywhere in the current frame: the pink box jumps to
# where the codec says that this block came from. Then do the encoder's work yourself and drag the box. The
# map shows the error of every place within 16 pixels. Try these:
#
# - A shape. Is the codec's vector at the minimum? Sometimes it is not: a vector costs bits, too.
# - A joint between two bricks. Which way can you slide the box and see no difference? This is the **aperture
#   problem**: through a small window, a straight edge looks the same all along.
# - The plain face of a brick, with a window of 8 pixels and then of 32. How many places are nearly as good?

# %%
frames = sample.clip(0, 42)  # up to the cut
block_origin(frames[7], frames[8], motion.vectors[8], motion.mask[8], row=15, column=12)

# %%
show(
    where_from(frames[7], frames[8], motion.vectors[8], motion.mask[8], 15, 12),
    "Frame 7 and frame 8 side by side, a cell framed in each and an arrow from its source to it; beside "
    "them the two cells enlarged, which look alike.",
)

# %% [markdown]
# ## Quarter pixels
#
# *Why the network needs it: rounded to whole pixels, slow motion disappears.*
#
# Things rarely move by whole pixels. In `slow_pan.mp4` the camera goes 3/4 of a pixel to the right and 1/2
# down in each step. H.264 can express that: its decoder computes values *between* pixels, at every quarter.
# We encoded the same frames with an older codec, too, MPEG-4 Part 2, in the way encoders use it by default:
# with half pixels. (Its Advanced Simple Profile also has quarter pixels.) What will it answer?

# %%
for name in ("slow_pan.mp4", "slow_pan_mpeg4.mp4"):
    with CompressedVideo(data_path(f"lessons/{name}")) as video:
        slow, codec = video.motion(), video.info.codec
    scales = {int(r["motion_scale"]) for frame in read_records(f"lessons/{name}") for r in frame}
    found = slow.vectors.transpose(0, 2, 3, 1)[slow.mask]  # (cells of all frames, 2)
    values, counts = np.unique(found, axis=0, return_counts=True)
    often = [n for n in np.argsort(-counts) if counts[n] > 0.1 * len(found)]
    common = [f"{(*map(float, values[n]),)} in {counts[n] / len(found):.0%}" for n in often]
    print(f"{codec:6} scale {scales}:", ", ".join(common))
    assert set(np.unique(found * max(scales) % 1)) == {0}, "whole multiples of the unit"

# %% [markdown]
# H.264 says (0.75, 0.5) nearly everywhere. MPEG-4 with half pixels cannot, so it takes 1 for some blocks
# and 0.5 for others, and is right on average. Two rules follow. Never round vectors to whole pixels: slow
# motion would be lost. And never forget the scale, which differs from codec to codec; `motion()` has
# already divided by it.
#
# ## Zero motion is not the same as no vector
#
# *Why the network needs it: "I stayed" and "I am new" are opposites, and in an array both are 0.*
#
# Two kinds of blocks are easily confused. A [**skipped block**](../docs/glossary.md#motion-in-the-file) is
# simply copied. Its vector is not even stored: the decoder works it out from the vectors of the neighboring
# blocks. An **intra block** is stored from scratch, without copying. `pan.mp4` has both. After frame 8 the
# camera rests, and in frame 12 half of the image is new.


# %%
def packet_sizes(name):
    """Bytes of each frame, in display order."""
    with av.open(str(data_path(name))) as box:
        packets = [(packet.pts, packet.size) for packet in box.demux(video=0) if packet.size]
    return [size for _, size in sorted(packets)]


sizes = packet_sizes("lessons/pan.mp4")
print("frame  bytes  cells with a vector  of these zero")
for frame in (0, 5, 10, 12, 14):
    vectors, mask = pan_motion.vectors[frame], pan_motion.mask[frame]
    zero = mask & (vectors == 0).all(0)
    print(f"{frame:5}  {sizes[frame]:5}  {mask.mean():19.0%}  {zero.sum() / max(1, mask.sum()):13.0%}")
assert pan_motion.mask[10].all() and sizes[10] < 50, "96 macroblocks, copied"
assert pan_motion.mask[12, :, :12].all() and pan_motion.mask[12, :, 12:].mean() < 0.1

# %%
show(
    vector_arrows(
        pan_frames[12],
        pan_motion.vectors[12],
        pan_motion.mask[12],
        title="Left: skipped, a vector of zero. Right: intra, no vector",
    ),
    "Frame 12. The left half is full of dots, vectors of zero; the right half is hatched, without vectors, "
    "but for a few stray arrows.",
)

# %% [markdown]
# Frame 10 takes a handful of bytes, and still all its cells have a vector: zero. "I stayed" is a statement.
# In the right half of frame 12 there is no statement at all, and FFmpeg exports no record. In an array both
# would be 0; only the mask tells them apart. (A few blocks there do have a vector: something similar
# happened to be found elsewhere. That has nothing to do with motion. More on this soon.)
#
# **Exercise 1** (easy, 5 minutes). How did the *camera* move? When a camera moves to the right, the image
# moves to the left, and so the vectors point to the right: the camera moves as the vectors do. Take the
# median, which ignores a few stray vectors, and use only cells whose mask is True.


# %% tags=["exercise"]
def camera_step(vectors, mask):
    """The camera's step (x, y) in pixels: the median over the cells with a vector; None if there are none."""
    ...


# %% tags=["check"]
masked = np.arange(24) < np.full((16, 1), 9)
half_new = np.where(masked, pan_motion.vectors[5], 0)  # most cells carry none
stray = np.array([[[2.0, 2.0, 2.0, 2.0, 40.0]], [[-1.0, -1.0, -1.0, -1.0, 30.0]]])
for name, vectors, mask, expected in (
    ("frame 5", pan_motion.vectors[5], pan_motion.mask[5], (3, 1)),
    ("frame 5 with most cells masked", half_new, masked, (3, 1)),
    ("five cells, the last of them astray", stray, np.ones((1, 5), bool), (2, -1)),
    ("I-frame 0", pan_motion.vectors[0], pan_motion.mask[0], None),
):
    answer = camera_step(vectors, mask)
    answer = None if answer is None else tuple(np.round(np.ravel(answer), 3).tolist())
    if answer != expected:
        print(f"Not yet: for {name} you say {answer}, expected {expected}.")
        break
else:
    print("Right.")

# %% [markdown]
# <details><summary>Hint</summary>
# <code>vectors[:, mask]</code> is an array of shape (2, cells with a vector).
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def camera_step(vectors, mask):
#     return np.median(vectors[:, mask], axis=1) if mask.any() else None
# ```
#
# </details>

# %% [markdown]
# ## Past and future
#
# *Why the network needs it: many videos have B-frames, and their raw vectors mix directions and distances.*
#
# A block of a **B-frame** may be copied from the past, from the future, or from a blend of both. In the
# last case it has two vectors. `steady_pan_b.mp4` shows one steady pan of (3, 1) per frame, with three
# B-frames before each P-frame: I B B B P. Every B looks back at the I and ahead at the P. Before you run
# the cell: what are the raw vectors of the three B's, and of the P?

# %%
b_records = read_records("lessons/steady_pan_b.mp4")
steady = CompressedVideo(data_path("lessons/steady_pan_b.mp4"))
types = "".join(steady.motion().picture_types)
print("frame  type  most common past vector  most common future vector")
for frame in range(1, 5):
    words = []
    for source in (-1, 1):
        vectors, mask = paint(b_records[frame], 16, 24, source)
        values, counts = np.unique(vectors[:, mask], axis=1, return_counts=True)
        words.append(tuple(map(float, values[:, counts.argmax()])) if mask.any() else "none")
    print(f"{frame:5}  {types[frame]:4}  {words[0]!s:23}  {words[1]}")

# %% [markdown]
# A past vector grows with the distance it spans: one frame, two, three, and four for the P-frame. A future
# vector points the other way, and shrinks. Here is one block of the middle B-frame, magnified, where it was
# in the I-frame, where it is now, and where it will be in the P-frame:

# %%
show_loop(
    "past_and_future",
    "Three frames in turn: I, B and P. A framed block drifts to the left and up. In the B-frame one arrow "
    "points right and down to its place in the I-frame, another left and up to its place in the P-frame.",
)

# %% [markdown]
# Divided by the distance, all of these vectors report the same motion of (3, 1) per frame. `motion()` divides
# for you if it knows the distance. It reads that from the headers of the stream, and
# `video.reference_distance_known` says whether it could.

# %%
print("reference distance known:", steady.reference_distance_known)
both = steady.motion(direction="both")
print("vectors", both.vectors.shape, " mask", both.mask.shape, " second axis: past, future")
for way, name, sign in ((0, "past", 1), (1, "future", -1)):
    cells = both.vectors[1:4, way].transpose(0, 2, 3, 1)[both.mask[1:4, way]]  # of the three B's
    share = (cells == (3 * sign, 1 * sign)).all(1).mean()
    carry = both.mask[1:4, way].mean()
    print(f"{name:6}: in {carry:.0%} of the B-frames' cells; {share:.0%} of these say {3 * sign, 1 * sign}")
    assert share > 0.75

# %% [markdown]
# Here are both fields of the first B-frame, drawn as the motion we see. For that, past vectors are turned
# around (a minus sign) and future vectors are not. Do the two fields agree, and where are their gaps?

# %%
show(
    vector_panels(
        [steady.clip(1, 1)[0]] * 2,
        [both.vectors[1, 0], -both.vectors[1, 1]],
        both.mask[1],
        labels=["past: copied from the I-frame before it", "future: copied from the P-frame after it"],
        magnify=3,
        title="A B-frame has two fields that agree, and each has gaps",
    ),
    "The first B-frame twice, with arrows to the left and up in both. Left, from past vectors, nearly "
    "everywhere. Right, from future vectors, in some blocks near the right and lower border; the rest is "
    "hatched.",
)

# %% [markdown]
# Neither field is complete, because many blocks use one side only. At the right border, things come into
# view that the past has never shown, so those blocks look ahead.
#
# How do we get one field without gaps? If motion is steady, a block whose past vector would be 3 to the
# right has a future vector of 3 to the left. So where the past vector is missing, take the future vector
# and turn it around. `fill="opposite"` does that.
#
# **Exercise 2** (medium, 10 minutes). Do it yourself, with raw vectors that have not been divided by any
# distance. In frame 1, for instance, past vectors reach 1 frame back and future vectors 3 frames ahead.


# %% tags=["exercise"]
def fill_past(past, past_mask, future, future_mask, back, ahead):
    """(vectors, mask) of the past, gaps filled from the future.

    past and future are (2, H8, W8) in pixels and reach `back` and `ahead` frames; where a cell has no past
    vector but a future one, it gets minus that one, scaled to the distance of the past.
    """
    ...


# %% tags=["check"]
filled = steady.motion(1, 4, fill="opposite")
for frame in (1, 2, 3):
    sides = (*paint(b_records[frame], 16, 24, -1), *paint(b_records[frame], 16, 24, 1))
    answer = fill_past(*sides, frame, 4 - frame)
    expected = frame * filled.vectors[frame - 1], filled.mask[frame - 1]
    if answer is None or len(answer) != 2 or np.shape(answer[0]) != (2, 16, 24):
        print(f"Not yet: in frame {frame} you say {answer}, expected vectors (2, 16, 24) and a mask.")
        break
    differ = ~np.isclose(answer[0], expected[0], atol=1e-4).all(0) | (answer[1] != expected[1])
    if differ.any():
        row, column = np.argwhere(differ)[0]
        print(
            f"Not yet: in frame {frame}, row {row}, column {column} you say",
            f"{np.round(answer[0][:, row, column], 2).tolist()}, mask {answer[1][row, column]}; expected",
            f"{np.round(expected[0][:, row, column], 2).tolist()}, mask {expected[1][row, column]}.",
        )
        break
else:
    print("Right.")

# %% [markdown]
# <details><summary>Hint</summary>
# The cells to fill are <code>future_mask & ~past_mask</code>. To turn a vector over 3 frames into one over
# 1 frame, divide it by 3.
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def fill_past(past, past_mask, future, future_mask, back, ahead):
#     gaps = future_mask & ~past_mask
#     vectors = np.where(gaps, -future * back / ahead, past)
#     return vectors, past_mask | gaps
# ```
#
# </details>

# %% [markdown]
# ## What FFmpeg hides: small blocks
#
# *Why the network needs it: this is the finest motion it can ever see.*
#
# H.264 may cut blocks down to 4 x 4 pixels, each with its own vector. In `shattered_4x4.mp4` the image
# breaks into pieces of 4 x 4 which, like the squares of a chessboard, go alternately one pixel to the left
# and one to the right. So each cell of 8 x 8 contains two pieces of either kind. `shattered_8x8.mp4` holds
# the same frames, but its encoder was not allowed to use blocks below 8 x 8.

# %%
true_left = np.add.outer(np.arange(32), np.arange(48)) % 2 == 0  # pieces of 4 x 4 whose vector is (1, 0)
for name in ("shattered_8x8", "shattered_4x4"):
    kept = read_records(f"lessons/{name}.mp4")
    blocks = {(int(r["w"]), int(r["h"])) for frame in kept for r in frame}
    vectors, mask = paint(kept[1], 16, 24)
    says = (vectors[0] > 0) & mask  # in frame 1: to the right, so the content went left
    print(f"{name}: {sum(packet_sizes(f'lessons/{name}.mp4'))} bytes, smallest block {min(blocks)},")
    print(
        f"    cells of frame 1 pointing right: {says.mean():.0%}; of the drawn pieces: {true_left.mean():.0%}"
    )
    share = says.mean()

finer = CompressedVideo(data_path("lessons/shattered_4x4.mp4")).motion(1, 2).resample(4)
assert finer.vectors.shape == (1, 2, 32, 48)  # four cells of 4 x 4 for one of 8 x 8 ...
assert all(np.array_equal(finer.vectors[..., a::2, b::2], [vectors]) for a in (0, 1) for b in (0, 1))
least, most = (sum(packet_sizes(f"lessons/shattered_{n}.mp4")) for n in ("4x4", "8x8"))
assert min(blocks) == (8, 8) and least < 0.85 * most and share > 0.85

# %% [markdown]
# When 4 x 4 is allowed the file is much smaller, so the encoder did use small blocks. Yet FFmpeg exports no
# block below 8 x 8. Of the four vectors in such a cell it exports one, that of the upper left piece, which
# here went left nearly everywhere. **An exported vector field is never finer than 8 x 8 pixels.** If a
# network needs another grid, `motion.resample(4)` repeats each cell and `resample(16)` averages. The finer
# grid contains no more information than the coarse one.
#
# ## What FFmpeg hides: the reference frame
#
# *Why the network needs it: a vector of 4 pixels means one thing over one frame and another over two.*
#
# A P-frame may choose among several earlier frames. In `two_films.mp4` two scenes take turns, A B A B, each
# filmed by a camera that moves 2 pixels to the right per frame. So the best frame to copy from is not the
# last one but the one before it.

# %%
films = CompressedVideo(data_path("lessons/two_films.mp4"))
film_frames, film_motion = films.clip(0, 16), films.motion()
film_records = read_records("lessons/two_films.mp4")
vectors, mask = film_motion.vectors[7], film_motion.mask[7]
values, counts = np.unique(vectors[:, mask], axis=1, return_counts=True)
print("most common vector of frame 7:", tuple(map(float, values[:, counts.argmax()])))
print("values of source, over all frames:", {int(r["source"]) for frame in film_records for r in frame})
print("reference distance known:", films.reference_distance_known)

errors = {
    f"from {back} back": error(copied(film_frames[7 - back], vectors), film_frames[7])
    for back in (1, 2, 3, 4)
}
print("copying along the vectors works best", min(errors, key=errors.get))
assert 3 * errors["from 2 back"] < errors["from 1 back"] and not films.reference_distance_known

# %% [markdown]
# The vector of 4 pixels spans *two* frames. But all the record says is -1, "from the past": **FFmpeg does
# not export which frame a vector refers to.** The headers of the stream do tell us how many frames there
# were to choose from. If there was more than one, `reference_distance_known` is False and the vectors are
# left undivided; here they are twice too long. So for training we encode with a single reference, and every
# vector spans the same distance. (`cvrl-lite transcode` does this for your own files.)
#
# ## Vectors save bits
#
# *Why the network needs it: these are the errors in its training signal.*
#
# Now the most important point. Nobody asked the encoder to find motion. It takes whatever makes the file
# small. Most of the time that *is* the motion. `deceiver.mp4` has three parts where it is not:
#
# - on the left, a plain orange plate that sinks 2 pixels per frame,
# - in the middle, stripes that move 5 pixels to the right and repeat every 8 pixels,
# - on the right, a wall that does not move, in flickering light.
#
# What would *you* see, and what will the encoder say?

# %%
deceiver = CompressedVideo(data_path("lessons/deceiver.mp4"))
tricks, trick_motion = deceiver.clip(0, 9), deceiver.motion()
show(
    vector_arrows(tricks[5], trick_motion.vectors[5], trick_motion.mask[5], title="Three ways to be fooled"),
    "Left, an orange plate on gray: hatched or dotted, and arrows down at its edges only. Middle, upright "
    "stripes with arrows to the left. Right, a wall of marble, with hatched cells and short arrows in all "
    "directions.",
)

# %%
middle = np.arange(16)[:, None]
places = {  # where, and its true vector
    "inside the plate": ((middle >= 5) & (middle < 11) & (np.arange(24) < 8), (0, -2)),
    "stripes": ((np.arange(24) >= 8) & (np.arange(24) < 16) & (middle >= 0), (-5, 0)),
    "flickering wall": ((np.arange(24) >= 16) & (middle >= 0), (0, 0)),
}
print("cells of              truth  true vector  wrong vector  no vector")
for name, (where, truth) in places.items():
    found, mask = trick_motion.vectors[5][:, where].T, trick_motion.mask[5][where]
    true = mask & (found == truth).all(1)
    shares = f"{true.mean():11.0%}  {(mask & ~true).mean():12.0%}  {(~mask).mean():9.0%}"
    print(f"{name:17}  {truth!s:>8}  {shares}")
    assert true.mean() < 0.2

# %% [markdown]
# - **Plain plate.** Its inside looks the same wherever it is copied from, and "all orange" takes fewer bits
#   than any copying, so these are intra blocks. Only the edges show that the plate moves. It is the
#   [aperture problem](../docs/glossary.md#motion-in-the-file) again: through a small window you cannot see a
#   plain surface move.
# - **Stripes.** 5 to the right looks exactly like 3 to the left, and the shorter vector is cheaper. The
#   same effect makes wheels turn backwards in films.
# - **Flickering light.** Nothing moved. But after the light has changed, the best match is some other
#   place, or there is none.
#
# In each case the encoder did its job: fewer bits. We are the ones who wanted something else from it.
#
# ## How often are vectors right?
#
# *Why the network needs it: it can live with some noise, not with a signal that is mostly noise.*
#
# Those were traps. Now for MovingScenes, where shapes have patterns that can be followed and where we know
# the path of each shape. In every P-frame up to the cut we look up the vector at the center of each shape
# and compare it with the truth. How many are within one pixel?

# %%
# The center of each shape as it was drawn. paths() counts in fractions of a pixel, for frames of 112 x 112.
center = paths("clockwise", 11, 42) * 2 / FINE + 112  # (42 frames, shapes, 2) pixels; drawn at 224 x 224
back = center[:-1] - center[1:]  # true vectors of frames 1 .. 41
off, shape = [], []
for frame in np.flatnonzero(motion.picture_types[:42] == "P"):
    for number, (x, y) in enumerate(center[frame]):
        row, column = int(y // 8), int(x // 8)
        if min(x, y) > 12 and max(x, y) < 212 and motion.mask[frame, row, column]:
            off.append(np.hypot(*(motion.vectors[frame, :, row, column] - back[frame - 1, number])))
            shape.append(number)
off, shape = np.array(off), np.array(shape)
print(f"of {len(off)} vectors {(off < 0.5).mean():.0%} are within .5 px, {(off < 1).mean():.0%} within 1 px")
far = [int(number) for number in np.unique(shape) if np.median(off[shape == number]) > 1]
print(f"shapes that are mostly wrong: {len(far)} of {len(np.unique(shape))}")
assert (off < 1).mean() > 0.9 and len(far) == 1

# %%
number = far[0]
x, y = center[8, number]
row, column = int(y // 8), int(x // 8)
show(
    where_from(frames[7], frames[8], motion.vectors[8], motion.mask[8], row, column),
    "Frames 7 and 8; the framed cell lies in the hole of a green ring and shows the wall behind it.",
)
print("its vector:", *motion.vectors[8, :, row, column].tolist(), " its mask:", motion.mask[8, row, column])

# %% [markdown]
# Nine out of ten are right, to a fraction of a pixel. And the one shape that is "wrong" is a ring. Through
# the hole at its center you see the wall, and the wall does not move. To a quarter of a pixel the vector
# says just that. It knew better than we did.
#
# What about the places where nothing moves? We draw the clip again, without any encoder, and look only at
# cells in which no pixel changes from one frame to the next. Each of their vectors should be zero.

# %%
drawn = draw("bricks", "clockwise", 11, frames=42, size=224)
# A frame of 224 x 224 as 28 x 28 cells of 8 x 8: axes 2 and 4 are the pixels of a cell.
same = (drawn[1:] == drawn[:-1]).all(-1).reshape(41, 28, 8, 28, 8).all((2, 4))  # cells of frames 1 .. 41
resting = same & motion.mask[1:42]
stray = np.abs(motion.vectors[1:42]).max(1)[resting] > 0
print(f"of {resting.sum()} cells in which nothing changed, {stray.mean():.0%} have a vector that is not zero")
assert 0.02 < stray.mean() < 0.15

# %% [markdown]
# A few are not, because encoding has blurred the frames a little and something else happened to fit. So a
# single vector is not to be trusted. A field of hundreds of them, over several frames, is a good witness,
# and a network can learn which of them to believe.
#
# ## What the alternative costs
#
# *Why the network needs it: thousands of clips, seen again and again, make every millisecond count.*
#
# Could we not search for the motion ourselves? We can: for each cell, try all shifts of up to 7 pixels and
# keep the best one. This is **block matching**, the simplest relative of [optical
# flow](../docs/glossary.md#motion-in-the-file), and a few lines of NumPy will do. Notice how much it has to
# try, and that it needs decoded frames to begin with.


# %%
def match_blocks(before, now, reach=7):
    """For each cell of 8 x 8, the whole-pixel vector (2, H8, W8) with the smallest difference."""
    height, width = now.shape
    wide = np.pad(before.astype(np.int16), reach, mode="edge")
    shifts = [(x, y) for y in range(-reach, reach + 1) for x in range(-reach, reach + 1)]
    shifts.sort(
        key=lambda shift: shift[0] ** 2 + shift[1] ** 2
    )  # if several fit equally well, take the shortest
    costs = []
    for x, y in shifts:
        there = wide[reach + y : reach + y + height, reach + x : reach + x + width]
        costs.append(np.abs(now - there).reshape(height // 8, 8, width // 8, 8).sum((1, 3)))
    return np.array(shifts)[np.argmin(costs, axis=0)].transpose(2, 0, 1)


# %%
gray = frames.mean(-1).astype(np.int16)
chosen = [1, 8, 20, 33, 41]
start = time.process_time()
searched = {frame: match_blocks(gray[frame - 1], gray[frame]) for frame in chosen}
seconds = {"searching, NumPy": (time.process_time() - start) / len(chosen)}
start = time.process_time()
for _ in range(3):
    sample.motion(0, 42)
seconds["reading the file"] = (time.process_time() - start) / (3 * 42)
assert seconds["searching, NumPy"] > 5 * seconds["reading the file"]
print("reading the file is more than 5 times as fast as searching")

# %%
show(
    bars(
        {name: 1000 * value for name, value in seconds.items()},
        label="milliseconds per frame (224 x 224, one core of the machine that built this page)",
        title="Reading vectors from the file costs next to nothing",
        role="motion",
        form=".2f",
    ),
    "Two bars: searching takes many times as long as reading the file.",
)
# %%
close = []
for frame in chosen:
    moving = motion.mask[frame] & (np.abs(motion.vectors[frame]).max(0) >= 1)
    distance = np.hypot(*(searched[frame] - motion.vectors[frame]))[moving]
    close.extend(distance < 1)
assert np.mean(close) > 0.6
print("Of the cells whose vector is a pixel or longer, more than 60 % agree with our search, within a pixel.")

# %% [markdown]
# The encoder did this search once, for everybody who will ever read the file, and more finely, down to
# quarters of a pixel. Real optical flow gives a vector for every *pixel*, and it copes with plain areas
# because it makes neighboring vectors agree. Is it better? On the moving parts of MovingScenes motion
# vectors are off by .24 pixels on average, two well-known flow methods by .28 (DIS) and .38 (Farneback), at
# 30 to 50 times the cost ([docs/benchmarks.md](../docs/benchmarks.md)). The *direction* of the motion is a
# little more accurate in the flow.
#
# ## What we have seen
#
# - A motion vector points from a block back to its source, in pixels and down to quarters. The motion we
#   see is minus the vector. Skipped blocks have a vector, intra blocks have none, and the mask tells them
#   apart.
# - FFmpeg exports nothing finer than 8 x 8, and it does not say which frame a vector refers to. With one
#   reference and no B-frames, every vector spans one frame.
# - Vectors are there to save bits. In our clip, where there is a pattern to follow, nine out of ten were the
#   true motion.
#
# ## Quiz
#
# **1.** A car moves to the left by 6 pixels per frame. What is the vector of its door, in pixels? And what
# is `motion_x` in the record, if the codec is H.264?
#
# <details><summary>Answer</summary>
# (6, 0): it points back, to the right. The scale is 4, so the record says 24.
# </details>
#
# **2.** In I B B P with steady motion, the P-frame's vectors are (9, 0). What are the first B-frame's past
# and future vectors?
#
# <details><summary>Answer</summary>
# Past (3, 0), one frame back; future (-6, 0), two frames ahead.
# </details>
#
# **3.** Somebody stores vectors as integers, with a zero where there is no vector. What is lost?
#
# <details><summary>Answer</summary>
# Slow motion, which is rounded away, and the difference between "did not move" and "was not copied at all".
# </details>
#
# **4.** The camera pans across a clear blue sky. What do the vectors in the sky say?
#
# <details><summary>Answer</summary>
# Very little. It all looks alike, so the encoder takes whichever source is cheapest, or none at all. Do not
# expect to find the pan there.
# </details>
#
# **5.** In a P-frame nothing moves. Why is its <code>mask</code> True?
#
# <details><summary>Answer</summary>
# Its blocks were copied, with a vector of zero. False would mean that they were stored from scratch.
# </details>
#
# ## Next, and further reading
#
# Next: [04_residuals](04_residuals.ipynb). We play the decoder: we predict a frame from the last one with
# its vectors, and look at what is left.
#
# - [mv-extractor](https://github.com/LukasBommes/mv-extractor): another tool that reads the records.
# - Motion as [a codec](https://en.wikipedia.org/wiki/Motion_compensation) sees it, and as [the
#   eye](https://en.wikipedia.org/wiki/Motion_perception#The_aperture_problem) does.
# - [The glossary](../docs/glossary.md), and [how fast all of this is](../docs/benchmarks.md).
