# %% [markdown]
# # Motion vectors
#
# An encoder asks of every block: have I seen this before, and where? The answer is a **motion vector**,
# two numbers that save it from storing the block again. We want to teach a network with these vectors, so
# we have to know what they are worth: which way they point, in which unit, when there is none, and when
# they lie. For that we made small clips whose motion we know, because we drew it, and hold the vectors
# against it.
#
# **Goals.** After this notebook you will be able to
# - read motion vectors out of a file with ten lines of code, and lay them on a grid with a mask,
# - say which way a vector points and in which unit, and prove both,
# - tell a skipped block from an intra block, and a past vector from a future one,
# - name the two things that FFmpeg does not tell about vectors,
# - show a vector that is not motion, and say why the encoder was right to choose it.
#
# **Needs.** [02_inside_a_video_file](02_inside_a_video_file.ipynb). Less than 1 minute on 2 cores, 0.4 GB
# of memory, no disk: the clips are in the repository.

# %%
import time

import av
import numpy as np
from av.codec.context import Flags2

from cvrl_lite import CompressedVideo, data_path
from cvrl_lite.course.figures import bars, filmstrip, show, vector_arrows, vector_panels, where_from
from cvrl_lite.course.widgets import trace_block
from cvrl_lite.datasets.moving_scenes import draw
from cvrl_lite.datasets.moving_scenes.actions import FINE, paths

# %% [markdown]
# ## Reading them yourself
#
# FFmpeg keeps the vectors for itself unless asked. A flag, `export_mvs`, makes it lay them beside each
# decoded frame, as a list of **records**, one to a block. The sample clip of the last notebook will do:
# shapes circle over bricks. Look at the columns: what could `source`, `dst` and `scale` stand for?


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
# - `source`: -1 if the block came from an earlier frame, +1 if from a later one.
# - `w`, `h`: the block's size. H.264 cuts its **macroblocks** of 16 x 16 pixels into smaller blocks where
#   things move differently: big blocks on the wall, small ones at the edge of a shape.
# - `dst`: the *center* of the block in this frame, x to the right and y down.
# - `motion` divided by `scale`: the vector in pixels. With scale 4, the unit is a quarter of a pixel.
#
# ## From records to a field
#
# A network wants a grid, not a list. No block is smaller than 8 x 8 pixels here, so we cut the frame into
# **cells** of 8 x 8 and let each block write its vector into the cells that it covers. What about cells
# that no block covers? They keep a zero, and a **mask** says that this zero means nothing.


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
print("all", len(records), "frames are what CompressedVideo.motion() returns:", motion.vectors.shape)

# %% [markdown]
# Ours and the package's agree in every cell of every frame. From here on we use the package's, which does
# the same some hundred times faster.
#
# ## Which way, and in which unit?
#
# Never believe a sign; test it. In `pan.mp4` a camera moves 3 pixels to the right and 1 down in each of
# the first eight steps, then stands still. In frame 12 the right half of the image is replaced.

# %%
pan = CompressedVideo(data_path("lessons/pan.mp4"))
pan_frames, pan_motion = pan.clip(0, 16), pan.motion()
show(
    filmstrip(
        pan_frames[[0, 4, 8, 11, 12]],
        labels=["frame 0", "4", "8", "11", "12"],
        columns=5,
        title="The camera goes right and down, arrives at frame 8, and at 12 half of it is new",
    ),
    "Five frames of a wall of light blue scales, which slides to the left and up; in the last one the "
    "right half shows dark blue marble instead.",
)
values, counts = np.unique(pan_motion.vectors[3][:, pan_motion.mask[3]], axis=1, return_counts=True)
assert np.array_equal(pan_motion.flow(), -pan_motion.vectors)
print("vectors in frame 3:", {tuple(map(float, pair)): int(n) for pair, n in zip(values.T, counts)})

# %% [markdown]
# All 384 cells say (3, 1). The camera went right and down, so what we *see* went left and up, by (-3, -1).
# The vector is the opposite of what we see: **it points from a block back to the place where the block was
# before.** Apparent motion is minus the vector, and `motion.flow()` gives it. And the unit is the pixel, or
# the vector would not have three of them.
#
# A second proof needs no knowledge of the clip. If the vector points to where the block came from, then
# copying from there must give the new frame, nearly; with the wrong sign it must go wrong.


# %%
def copied(source, vectors):
    """The frame that comes of copying each cell from where its vector leads, to the nearest pixel."""
    height, width = source.shape[:2]
    dense = vectors.repeat(8, 1).repeat(8, 2)[:, :height, :width].round().astype(int)
    y, x = np.mgrid[0:height, 0:width]
    return source[np.clip(y + dense[1], 0, height - 1), np.clip(x + dense[0], 0, width - 1)]


def error(a, b):
    """Mean absolute difference of two frames."""
    return np.abs(a.astype(int) - b).mean()


before, now, field = pan_frames[2], pan_frames[3], pan_motion.vectors[3]
errors = {
    "copied along the vector": error(copied(before, field), now),
    "not moved at all": error(before, now),
    "copied the other way": error(copied(before, -field), now),
}
show(
    bars(
        errors,
        label="mean difference from frame 3, in levels of 255",
        title="The sign is right",
        role="motion",
    ),
    "Three bars. Copied along the vector: a very small difference. Not moved: far larger. Copied the other "
    "way: the largest.",
)
right, none, wrong = errors.values()
assert 3 * right < none < wrong
print("along the vector is best, not moving is worse, the other way is worst:", right < none < wrong)

# %% [markdown]
# ## Click a block
#
# Back to the shapes that circle. The mosaic below is frame 8, one button to a macroblock. Run the cell,
# click a block (or choose a cell of 8 x 8 by the sliders) and see where it came from. Try a shape, its
# edge, and the wall. Until the cell is run nothing moves; the figure after it shows one choice.

# %%
frames = sample.clip(0, 42)  # up to the cut
trace_block(frames[7], frames[8], motion.vectors[8], motion.mask[8], row=15, column=12)

# %%
show(
    where_from(frames[7], frames[8], motion.vectors[8], motion.mask[8], 15, 12),
    "Frame 7 and frame 8 side by side, a cell framed in each and an arrow from its source to it; beside "
    "them the two cells enlarged, which look alike.",
)

# %% [markdown]
# ## Quarter pixels
#
# Things do not move by whole pixels. In `slow_pan.mp4` the camera goes 3/4 pixel to the right and 1/2 down
# in each step. H.264 can say that: its decoder computes values *between* pixels, at each quarter. We packed
# the same frames with an older codec, MPEG-4 Part 2, as encoders use it by default: with half pixels. (Its
# Advanced Simple Profile has quarter pixels, too.) What will it say?

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
# H.264 says (0.75, 0.5), nearly everywhere. MPEG-4 in half pixels cannot, and takes 1 for some blocks and 0.5
# for others; on average it is right. So never round vectors to whole pixels: in slow scenes nothing would be
# left. And never forget the scale: it differs from codec to codec, and `motion()` has divided by it.
#
# ## No motion, and no vector
#
# Two kinds of blocks look alike in careless data. A **skipped block** is copied as it is, with the vector
# that the decoder works out from the neighboring blocks' vectors, and nothing else is stored. An **intra
# block** is stored anew, without any copying. In `pan.mp4` the camera arrives at frame 8 and rests, and at
# frame 12 half of the image is new.


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
show(
    vector_arrows(
        pan_frames[12],
        pan_motion.vectors[12],
        pan_motion.mask[12],
        title="Left: skipped, zero. Right: intra, none",
    ),
    "Frame 12. The left half is full of dots, vectors of zero; the right half is hatched, without vectors, "
    "but for a few stray arrows.",
)

# %% [markdown]
# Frame 10 takes a handful of bytes, and still all its cells carry a vector: zero. "I stayed" is a
# statement. In the right half of frame 12 there is no statement at all, and FFmpeg exports no record. In
# an array both would be 0; only the mask tells them apart. (A few blocks there do have a vector: by chance
# something similar was found elsewhere. It has nothing to do with motion. More of that soon.)
#
# **Exercise 1** (easy, 5 minutes). How did the *camera* move? If it moves to the right, what it shows moves
# to the left, and the vector points to the right: the camera moves as the vectors do. Take the median, which
# does not mind a few stray ones, and heed the mask.


# %% tags=["exercise"]
def camera_step(vectors, mask):
    """The camera's step (x, y) in pixels: the median over cells that have a vector; None if none has."""
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
# A **B-frame** may copy from the past, from the future, or blend both; then it has two vectors for one
# block. `steady_pan_b.mp4` shows the same steady pan, (3, 1) per frame, with three B-frames between two
# P-frames: I B B B P. All B's look back at the I and ahead at the P. Before you run the cell: what are the
# raw vectors of the three B's, and of the P?

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
# Past vectors grow with the distance: one frame back, two, three, and for the P-frame four. A future vector
# points the other way and shrinks. All of them tell the same motion of (3, 1) a frame, if one divides by
# the distance. `motion()` does so where it knows the distance, and `video.reference_distance_known` says
# whether it does; it reads that from the headers of the stream.

# %%
print("reference distance known:", steady.reference_distance_known)
both = steady.motion(direction="both")
print("vectors", both.vectors.shape, " mask", both.mask.shape, " second axis: past, future")
for way, name, sign in ((0, "past", 1), (1, "future", -1)):
    cells = both.vectors[1:4, way].transpose(0, 2, 3, 1)[both.mask[1:4, way]]  # of the first three B's
    share = (cells == (3 * sign, 1 * sign)).all(1).mean()
    carry = both.mask[1:4, way].mean()
    print(f"{name:6}: in {carry:.0%} of the B-frames' cells, {share:.0%} of those say {3 * sign, 1 * sign}")
    assert share > 0.75
show(
    vector_panels(
        [steady.clip(1, 1)[0]] * 2,
        both.vectors[1],
        both.mask[1],
        labels=["past: copied from the I-frame before", "future: copied from the P-frame after it"],
        magnify=3,
        title="A B-frame has two fields, and each has gaps",
    ),
    "The first B-frame twice. Left, past vectors nearly everywhere, arrows to the left and up. Right, "
    "future vectors: only some blocks near the right and lower border, the rest hatched.",
)

# %% [markdown]
# Neither field is complete: many blocks chose one side only. At the right border things come into view
# that the past has never seen, so those look ahead. To get one field without gaps, fill them: a thing that
# moves steadily and is 3 to the right in the past is 3 to the left in the future. `fill="opposite"` does
# it.
#
# **Exercise 2** (medium, 10 minutes). Do it yourself, on raw vectors, which are not divided by anything: in
# frame 1, past vectors reach 1 frame back and future ones 3 ahead.


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
# The cells to fill are <code>future_mask & ~past_mask</code>. A future vector over 3 frames becomes one over
# 1 frame by dividing by 3.
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
# H.264 may cut blocks down to 4 x 4 pixels, each with a vector of its own. In `shattered_4x4.mp4` the
# image falls into pieces of 4 x 4 that go one pixel left, or right, like the squares of a chessboard: so
# each cell of 8 x 8 holds two of either. `shattered_8x8.mp4` holds the same frames, but its encoder was
# not allowed anything below 8 x 8.

# %%
true_left = np.add.outer(np.arange(32), np.arange(48)) % 2 == 0  # pieces of 4 x 4 whose vector is (1, 0)
for name in ("shattered_8x8", "shattered_4x4"):
    kept = read_records(f"lessons/{name}.mp4")
    blocks = {(int(r["w"]), int(r["h"])) for frame in kept for r in frame}
    vectors, mask = paint(kept[1], 16, 24)
    says = (vectors[0] > 0) & mask  # in frame 1: to the right, so the content went left
    print(f"{name}: {sum(packet_sizes(f'lessons/{name}.mp4'))} bytes, smallest block {min(blocks)},")
    print(f"    cells of frame 1 that point right: {says.mean():.0%}; pieces: {true_left.mean():.0%}")
    share = says.mean()

finer = CompressedVideo(data_path("lessons/shattered_4x4.mp4")).motion(1, 2).resample(4)
assert finer.vectors.shape == (1, 2, 32, 48)  # four cells of 4 x 4 for one of 8 x 8 ...
assert all(np.array_equal(finer.vectors[..., a::2, b::2], [vectors]) for a in (0, 1) for b in (0, 1))
least, most = (sum(packet_sizes(f"lessons/shattered_{n}.mp4")) for n in ("4x4", "8x8"))
assert min(blocks) == (8, 8) and least < 0.85 * most and share > 0.85

# %% [markdown]
# With 4 x 4 allowed the file is much smaller, so the encoder did use them. Yet FFmpeg exports no block
# below 8 x 8: of the four vectors of such a cell it exports one, that of the piece in the upper left
# corner, which here went left nearly everywhere. **An exported vector field is as fine as 8 x 8 pixels at
# best.** Where a network wants another grid, `motion.resample(4)` repeats each cell and `resample(16)`
# takes means; the finer one holds no more than the coarse one.
#
# ## What FFmpeg hides: which frame
#
# P-frames may choose among several earlier frames. In `two_films.mp4` two scenes take turns, A B A B, each
# seen by a camera that moves 2 pixels to the right per frame. The best source of a frame is therefore the
# frame before the last.

# %%
films = CompressedVideo(data_path("lessons/two_films.mp4"))
film_frames, film_motion = films.clip(0, 16), films.motion()
film_records = read_records("lessons/two_films.mp4")
vectors, mask = film_motion.vectors[7], film_motion.mask[7]
values, counts = np.unique(vectors[:, mask], axis=1, return_counts=True)
print("most common vector of frame 7:", tuple(map(float, values[:, counts.argmax()])))
print("sources exported in all frames:", {int(r["source"]) for frame in film_records for r in frame})
print("reference distance known:", films.reference_distance_known)

errors = {
    f"from {back} back": error(copied(film_frames[7 - back], vectors), film_frames[7])
    for back in (1, 2, 3, 4)
}
print("copying along the vectors fits best", min(errors, key=errors.get))
assert 3 * errors["from 2 back"] < errors["from 1 back"] and not films.reference_distance_known

# %% [markdown]
# The vector of 4 pixels spans *two* frames. But the record says -1, "from the past", and no more: **FFmpeg
# does not export which frame a vector refers to.** The headers of the stream tell at least how many there
# are to choose from. Where there is more than one, `reference_distance_known` is False and the vectors stay
# undivided: here twice too long. For training we therefore encode with one reference (or `cvrl-lite
# transcode` does it for your files), and all vectors have the same step.
#
# ## Vectors save bits
#
# Now the most important thing. Nobody ordered the encoder to find motion. It looks for whatever makes the
# file small. Mostly that *is* the motion. `deceiver.mp4` holds three cases in which it is not:
#
# - on the left, a plain plate that sinks 2 pixels a frame,
# - in the middle, stripes that move 5 pixels to the right; from one stripe to the next it is 8,
# - on the right, a wall that stays where it is, while the light on it flickers.
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
middle = np.arange(16)[:, None]
places = {  # where, and its true vector
    "inside the plate": ((middle >= 5) & (middle < 11) & (np.arange(24) < 8), (0, -2)),
    "stripes": ((np.arange(24) >= 8) & (np.arange(24) < 16) & (middle >= 0), (-5, 0)),
    "flickering wall": ((np.arange(24) >= 16) & (middle >= 0), (0, 0)),
}
print("                   truth      have it  have another  have none")
for name, (where, truth) in places.items():
    found, mask = trick_motion.vectors[5][:, where].T, trick_motion.mask[5][where]
    true = mask & (found == truth).all(1)
    shares = f"{true.mean():7.0%}  {(mask & ~true).mean():12.0%}  {(~mask).mean():9.0%}"
    print(f"{name:17}  {truth!s:9}  {shares}")
    assert true.mean() < 0.2

# %% [markdown]
# - **Plain plate.** Its inside looks the same wherever it is copied from, and "all orange" is said in fewer
#   bits than any copying: intra blocks. Only its edges tell that it moves. Through a small window one cannot
#   see the motion of a plain surface: this is the **aperture problem**.
# - **Stripes.** 5 to the right looks exactly like 3 to the left, and the shorter vector is cheaper. In a film
#   this makes wheels turn backwards.
# - **Flickering light.** Nothing moved, but what fits best after a change of light is some other place, or
#   nothing at all.
#
# In each case the encoder did its job: fewer bits. It was we who asked for something else.
#
# ## How bad is it, mostly?
#
# Those were traps. Take MovingScenes, whose shapes have a pattern on them and so can be followed. We know
# each shape's path. Let us ask the vectors at the center of each, in every P-frame up to the cut, and
# compare. What share is within one pixel of the truth?

# %%
# Where the renderer had the middle of each shape: in finer units, for a frame of 112 x 112.
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
print(f"{len(off)} places compared; within .5 px: {(off < 0.5).mean():.0%}, within 1: {(off < 1).mean():.0%}")
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
# Nine of ten are right, to a fraction of a pixel. And the one shape that is "wrong" is a ring: at its center
# there is a hole, through which one sees the wall, and the wall does not move. To a quarter of a pixel the
# vector says just that. It knew better than we did.
#
# And where nothing moves? We draw the clip again, without any encoder, and look only at cells whose pixels
# were not touched from one frame to the next. Each of these vectors should be zero.

# %%
drawn = draw("bricks", "clockwise", 11, frames=42, size=224)
# A frame of 224 x 224 as 28 x 28 cells of 8 x 8: axes 2 and 4 are the pixels of a cell.
same = (drawn[1:] == drawn[:-1]).all(-1).reshape(41, 28, 8, 28, 8).all((2, 4))  # cells of frames 1 .. 41
resting = same & motion.mask[1:42]
stray = np.abs(motion.vectors[1:42]).max(1)[resting] > 0
print(f"of {resting.sum()} cells in which nothing changed, {stray.mean():.0%} have a vector that is not zero")
assert 0.02 < stray.mean() < 0.15

# %% [markdown]
# A few stray, for the frames had been blurred by packing, and something else fitted by chance. One vector
# is not to be trusted. A field of hundreds of them, over several frames, is a good witness, and a network
# can learn which to believe.
#
# ## What the alternative costs
#
# Could we not search ourselves? Yes: for each cell, try all shifts by up to 7 pixels and keep the best. That
# is **block matching**, the simplest kin of **optical flow**, in a few lines of NumPy. Note what it has to
# do, and that the frames have to be decoded first in any case.


# %%
def match_blocks(before, now, reach=7):
    """For each cell of 8 x 8, the whole-pixel vector (2, H8, W8) with the least difference."""
    height, width = now.shape
    wide = np.pad(before.astype(np.int16), reach, mode="edge")
    shifts = [(x, y) for y in range(-reach, reach + 1) for x in range(-reach, reach + 1)]
    shifts.sort(key=lambda shift: shift[0] ** 2 + shift[1] ** 2)  # of equals the shortest
    costs = []
    for x, y in shifts:
        there = wide[reach + y : reach + y + height, reach + x : reach + x + width]
        costs.append(np.abs(now - there).reshape(height // 8, 8, width // 8, 8).sum((1, 3)))
    return np.array(shifts)[np.argmin(costs, axis=0)].transpose(2, 0, 1)


gray = frames.mean(-1).astype(np.int16)
chosen = [1, 8, 20, 33, 41]
start = time.process_time()
searched = {frame: match_blocks(gray[frame - 1], gray[frame]) for frame in chosen}
seconds = {"searching, NumPy": (time.process_time() - start) / len(chosen)}
start = time.process_time()
for _ in range(3):
    sample.motion(0, 42)
seconds["reading the file"] = (time.process_time() - start) / (3 * 42)
show(
    bars(
        {name: 1000 * value for name, value in seconds.items()},
        label="milliseconds a frame (224 x 224, one core; on the machine that built this page)",
        title="Vectors from the file come nearly for free",
        role="motion",
        form=".2f",
    ),
    "Two bars: searching takes many times as long as reading the file.",
)
assert seconds["searching, NumPy"] > 5 * seconds["reading the file"]

close = []
for frame in chosen:
    moving = motion.mask[frame] & (np.abs(motion.vectors[frame]).max(0) >= 1)
    distance = np.hypot(*(searched[frame] - motion.vectors[frame]))[moving]
    close.extend(distance < 1)
print("more than 5 times faster than searching: True")
print("of the cells whose vector is a pixel or longer, most agree with the search:", np.mean(close) > 0.6)

# %% [markdown]
# The encoder has done that search once, for every later reader of the file, and finer, to the quarter
# pixel. Real optical flow gives a vector for each *pixel*, and it copes with plain areas, since it makes
# neighbors agree. Is it better? On the moving parts of MovingScenes the vectors are off by .24 pixels on
# average, two well-known flow methods by .28 (DIS) and .38 (Farneback), at 30 to 50 times the cost
# ([docs/benchmarks.md](../docs/benchmarks.md)). The direction of flow is a little better.
#
# ## What we have seen
#
# - A motion vector points from a block back to its source, in pixels, to the quarter; minus the vector is
#   what we see. Skipped blocks have one, intra blocks have none, and the mask tells.
# - FFmpeg exports nothing finer than 8 x 8, and not the frame that a vector refers to; with one reference
#   and no B-frames, all vectors span one step.
# - Vectors save bits. Where there is a pattern to follow, that is motion, nine times out of ten.
#
# ## Quiz
#
# **1.** A car drives to the left by 6 pixels a frame. What is the vector of its door, in pixels? And the
# `motion_x` in H.264's record?
#
# <details><summary>Answer</summary>
# (6, 0): it points back, to the right. With scale 4 the record says 24.
# </details>
#
# **2.** In I B B P with steady motion, the P-frame's vectors are (9, 0). What are the first B-frame's past
# and future vectors?
#
# <details><summary>Answer</summary>
# Past (3, 0), one frame back; future (-6, 0), two frames ahead.
# </details>
#
# **3.** Somebody stores vectors in an array of whole numbers, with zero where there is none. What is lost?
#
# <details><summary>Answer</summary>
# Slow motion, rounded away; and the difference between "did not move" and "was not copied at all".
# </details>
#
# **4.** A film shows a clear blue sky over which the camera pans. What do the sky's vectors say?
#
# <details><summary>Answer</summary>
# Little: all of it looks alike, so any source will do and the cheapest is taken, or none. Do not expect the
# pan there.
# </details>
#
# **5.** Why is <code>mask</code> True in a frame in which nothing moves?
#
# <details><summary>Answer</summary>
# Its blocks are copied, with a vector of zero. False would mean that they were stored anew.
# </details>
#
# ## Next, and further reading
#
# Next: [04_residuals](04_residuals.ipynb). We play decoder, predict a frame from the last one and its
# vectors, and look at what is left.
#
# - [mv-extractor](https://github.com/LukasBommes/mv-extractor): another tool that reads the records.
# - Motion as [a codec](https://en.wikipedia.org/wiki/Motion_compensation) and as
#   [the eye](https://en.wikipedia.org/wiki/Motion_perception#The_aperture_problem) sees it.
# - [The glossary](../docs/glossary.md), and [how fast it is](../docs/benchmarks.md).
