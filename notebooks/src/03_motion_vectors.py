# %% [markdown]
# # Motion vectors
#
# For every block of a frame the encoder asks: have I seen this before, and where? The answer is a [**motion
# vector**](../docs/glossary.md#motion-in-the-file): two numbers instead of a block of pixels. We are going
# to teach a network with these numbers, so we had better know what they are worth. Which way do they point?
# In which unit? When is there no vector? And when is it wrong? To find out, we made short clips whose
# motion we know, because we drew it, and compare the vectors with the truth.
#
# **Goals.** After this notebook you will be able to
# - read the motion vectors of a file yourself, and lay them on a grid with a mask,
# - say which way a vector points and in which unit, and prove both,
# - tell a skipped block from an intra block, and a past vector from a future one,
# - name the two things about vectors that FFmpeg hides,
# - show a vector that is not motion, and explain why the encoder was right to choose it.
#
# **Needs.** [02_inside_a_video_file](02_inside_a_video_file.ipynb). Less than 1 minute on 2 cores, 0.3 GB
# of memory, no disk space: the clips are in the repository.
#
# **The path.** First we read the vectors and turn them into an array that a network can use. Then we test
# the array: sign, unit, missing values, B-frames. Then come the two things FFmpeg hides, and three clips
# that fool the encoder. At the end we measure how often vectors are right, and what they save us.

# %% tags=["hide-input"]
import av
import numpy as np
from av.codec.context import Flags2

from cvrl_lite import CompressedVideo, data_path
from cvrl_lite.course import log
from cvrl_lite.course.checks import check
from cvrl_lite.course.explorables import block_origin
from cvrl_lite.course.figures import (
    against_truth,
    bars_in_columns,
    error_maps,
    filmstrip,
    on_canvas,
    pieces_and_cells,
    show,
    vector_arrows,
    vector_panels,
)
from cvrl_lite.course.figures.style import two_digits
from cvrl_lite.course.loops import show_loop
from cvrl_lite.course.truth import shape_centers

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
print(len(records[8]), "records in frame 8, some of them, at the edge of a star:")
print("source  width  height  dst x, y   motion x, y   scale")
for r in records[8][250:258]:
    x, y = f"{r['dst_x']:4},{r['dst_y']:4}", f"{r['motion_x']:5},{r['motion_y']:5}"
    print(f"{r['source']:6}  {r['w']:5}  {r['h']:6}  {x}  {y}  {r['motion_scale']:7}")

# %% [markdown]
# - `source`: -1 if the block was copied from an earlier frame, +1 if from a later one.
# - `w`, `h`: the size of the block. H.264 works on [**macroblocks**](../docs/glossary.md#a-video-as-a-file)
#   of 16 x 16 pixels and cuts them into smaller blocks where things move differently. So there are big
#   blocks on the wall, and small ones at the edge of a shape.
# - `dst`: the *center* of the block in this frame, x to the right and y down.
# - `motion` divided by `scale`: the vector in pixels. With a scale of 4, `motion` counts quarters of a
#   pixel.
#
# ## From records to a grid
#
# *Why it matters: a convolution takes a grid, not a list.*
#
# No block here is smaller than 8 x 8 pixels, so we cut the frame into **cells** of 8 x 8. Each block writes
# its vector into the cells it covers. And cells that no block covers? They keep a zero, and a
# [**mask**](../docs/glossary.md#motion-in-the-file) records that this zero means nothing.


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
# Our arrays and the package's agree in every cell of every frame. From here on we use the package's, which
# does the same without a loop in Python.
#
# ## Which way, and in which unit?
#
# *Why it matters: with the wrong sign, "drifts to the right" becomes "drifts to the left" as soon
# as vectors and frames are combined.*
#
# In `pan.mp4` a camera moves 3 pixels to the right and 1 down in each of the first eight steps, then stands
# still. In frame 12 the right half of the image is replaced. The wall of scales looks the same again after a
# few pixels. So, to help the eye, we paint a red dot where one scale has to be, by what we know of the
# camera. A white circle stays where it began.

# %%
pan = CompressedVideo(data_path("lessons/pan.mp4"))
pan_frames, pan_motion = pan.clip(0, 16), pan.motion()
dotted, places = [], [0, 4, 8, 11, 12]
for t in places:
    x, y = 90 - 3 * min(t, 8), 60 - min(t, 8)  # our dot, at rest from frame 8 on
    dotted.append(pan_frames[t].copy())
    dotted[-1][54:67, 84:97][np.hypot(*np.mgrid[-6:7, -6:7]).round() == 6] = 255  # where it began
    dotted[-1][y - 3 : y + 4, x - 3 : x + 4] = 200, 0, 0
show(
    filmstrip(
        dotted,
        labels=[f"frame {t}: dot at ({90 - 3 * min(t, 8)}, {60 - min(t, 8)})" for t in places],
        columns=5,
        title="The camera moves right and down, so the wall with its dot slides left and up",
    ),
    "Five frames of a wall of light blue scales with a red dot, which moves to the left and up, out of a "
    "white circle, until frame 8, then stays; in the last one the right half shows dark blue marble instead.",
)
values, counts = np.unique(pan_motion.vectors[3][:, pan_motion.mask[3]], axis=1, return_counts=True)
assert np.array_equal(pan_motion.flow(), -pan_motion.vectors)
print("vectors in frame 3:", {tuple(map(float, pair)): int(n) for pair, n in zip(values.T, counts)})

# %% [markdown]
# All 384 cells say (3, 1). The camera went right and down, so the image slid left and up, by (-3, -1). The
# vector is the opposite of what we see: **it points from a block back to the place where the block was
# before.** The motion we see is minus the vector, and `motion.flow()` returns just that. This also settles
# the unit: the vector counts pixels. (The dot, painted by a formula, illustrates this and proves nothing.
# But never trust a sign, test it: we do so below, by copying.) Watch the framed block: it drifts one way,
# and its vector (drawn eight times as long as it is) points the other way.

# %%
show_loop(
    "pan",
    "Frames 0 to 8 of the pan, again and again. A framed block drifts to the left and up with the wall, "
    "while an arrow in it points to the right and down.",
)

# %% [markdown]
# So drawing minus the vectors shows what moves which way, even in a single frame. Below are the same shapes
# twice, circling in opposite directions; each arrow is the median of the vectors around a shape's center,
# turned around and drawn eight times as long. (Some shapes have none: their centers are too near to the
# border, or hardly move.) Freeze any frame without its arrows, and you could not tell which is which. With
# the arrows, one frame is enough.

# %%
show_loop(
    "two_turns",
    "Two moving clips of the same shapes. Left they circle clockwise, right counter-clockwise, and a white "
    "arrow on most shapes points the way they go.",
)

# %% [markdown]
# A second proof works without knowing anything about the clip. If a vector points to where the block came
# from, then copying from there must give us the new frame, or nearly. With the wrong sign the copy must fail.


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
guesses = {"along the vectors": copied(before, field), "not moved": before}
guesses["the other way"] = copied(before, -field)
errors = {name: error(guess, now) for name, guess in guesses.items()}
left = [
    np.clip(255 - 2 * np.abs(guess.astype(int) - now), 0, 255).astype(np.uint8) for guess in guesses.values()
]
show(
    filmstrip(
        left,
        labels=[f"{name}: off by {value:.1f} levels" for name, value in errors.items()],
        columns=3,
        title="What is left of frame 3: next to nothing along the vectors, most the other way",
    ),
    "Three images of differences, white where there is none. Copied along the vectors: nearly white, but for "
    "the right and lower border. Not moved: dark outlines of all scales. The other way: darker still.",
)
times = errors["not moved"] / errors["along the vectors"]
print(f"not moving is about {times:.0f} times as far off as copying along the vectors")

# %% [markdown]
# ## Click a block
#
# Back to the circling shapes, in frames 7 and 8. Click anywhere in the current frame: the box in the frame
# before jumps to where the codec says that this block came from. Then do the encoder's work yourself and
# drag the box. The map shows the error of every place within 16 pixels (10 in the figure below). Try these:
#
# - A shape. Is the codec's vector at the minimum? Sometimes it is not: a vector costs bits, too.
# - A joint between two bricks. Which way can you slide the box and see no difference? This is the
#   [**aperture problem**](../docs/glossary.md#motion-in-the-file): through a small window, a straight edge
#   looks the same all along.
# - The plain face of a brick, with a window of 8 pixels and then of 32. How many places are nearly as good?

# %%
frames = sample.clip(0, 42)  # up to the cut
block_origin(frames[7], frames[8], motion.vectors[8], motion.mask[8], row=15, column=12)

# %%
show(
    error_maps(
        frames[7],
        frames[8],
        motion.vectors[8],
        {"a star that moves": (20, 4), "a joint between bricks": (3, 7), "the face of a brick": (5, 6)},
        title="The star fits in one place, the joint along a line, the plain face anywhere in a band",
    ),
    "Above, three blocks of 16 pixels: on an orange star, on a joint, on a brick's face. Below, a map of "
    "each one's error for every shift, all on one scale, dark where it fits. Star: a small dark spot in "
    "yellow, down and to the right, with the codec's vector on it. Joint: a dark level line. Face: a broad "
    "dark band. The vectors of both are zero.",
)

# %% [markdown]
# Here are the answers for three blocks. Dark is a good fit, and the cross is the codec's vector. The star
# has a single minimum, and the vector hits it. The joint fits about as well anywhere along itself, until
# the block meets an upright joint, and the plain face in a whole band of places. In the last two the codec
# takes the cheapest of many good answers. Here that is zero, which happens to be the best fit and the truth,
# too.
#
# ## Quarter pixels
#
# *Why it matters: rounded to whole pixels, slow motion disappears.*
#
# Things rarely move by whole pixels. In `slow_pan.mp4` the camera goes 3/4 of a pixel to the right and 1/2
# down in each step. H.264 can express that: its decoder computes values *between* pixels, at every quarter
# ([quarter-pel](../docs/glossary.md#motion-in-the-file)). We encoded the same frames with an older codec,
# too, MPEG-4 Part 2, which here works with half pixels. What will it answer?

# %%
for name in ("slow_pan.mp4", "slow_pan_mpeg4.mp4"):
    with CompressedVideo(data_path(f"lessons/{name}")) as video:
        slow, codec = video.motion(), video.info.codec
    (scale,) = {int(r["motion_scale"]) for frame in read_records(f"lessons/{name}") for r in frame}
    found = slow.vectors.transpose(0, 2, 3, 1)[slow.mask]  # (cells of all frames, 2)
    values, counts = np.unique(found, axis=0, return_counts=True)
    often = [n for n in np.argsort(-counts) if counts[n] > 0.1 * len(found)]
    common = [f"{(*map(float, values[n]),)} in {counts[n] / len(found):.0%}" for n in often]
    print(f"{codec:6} unit 1/{scale} px:", ", ".join(common))

# %% [markdown]
# H.264 says (0.75, 0.5) nearly everywhere. MPEG-4 with half pixels cannot, so it takes 1 for some blocks
# and 0.5 for others, and is right on average. Two rules follow. Never round vectors to whole pixels: slow
# motion would be lost. And never forget the scale, which differs from codec to codec; `motion()` has
# already divided by it.
#
# ## Zero motion is not the same as no vector
#
# *Why it matters: "I stayed" and "I am new" are opposites, and in an array both are 0.*
#
# Two kinds of blocks are easily confused. A [**skipped block**](../docs/glossary.md#motion-in-the-file) is
# simply copied. Its vector is not even stored: the decoder works it out from the vectors of the neighboring
# blocks. An [**intra block**](../docs/glossary.md#motion-in-the-file) is stored from scratch, without looking
# at any other frame. `pan.mp4` has both. After frame 8 the camera rests, and in frame 12 half of the image is
# new.


# %%
def packet_sizes(name):
    """Bytes of each frame, in display order."""
    with av.open(str(data_path(name))) as box:
        packets = [(packet.pts, packet.size) for packet in box.demux(video=0) if packet.size]
    return [size for _, size in sorted(packets)]


sizes = packet_sizes("lessons/pan.mp4")
print("frame  bytes  cells with a vector  zero among them")
for frame in (0, 5, 10, 12, 14):
    vectors, mask = pan_motion.vectors[frame], pan_motion.mask[frame]
    zero = mask & (vectors == 0).all(0)
    print(f"{frame:5}  {sizes[frame]:5}  {mask.mean():19.0%}  {zero.sum() / max(1, mask.sum()):15.0%}")
assert pan_motion.mask[10].all() and sizes[10] < 50, "96 macroblocks, copied"
assert pan_motion.mask[12, :, :12].all() and pan_motion.mask[12, :, 12:].mean() < 0.1

# %%
show(
    vector_arrows(
        pan_frames[12],
        pan_motion.vectors[12],
        pan_motion.mask[12],
        title="Left half: vectors of zero. Right half: almost no vectors",
    ),
    "Frame 12. The left half is full of dots, vectors of zero; the right half is hatched, without vectors, "
    "but for a few stray arrows.",
)

# %% [markdown]
# Frame 10 takes a handful of bytes, so its blocks were skipped, and still all its cells have a vector:
# zero. "I stayed" is a statement. In the right half of frame 12 there is no statement at all, and FFmpeg
# exports no record. In an array both would be 0; only the mask tells them apart. The few arrows on the
# right are blocks for which something similar happened to be found elsewhere in frame 11, in the wall that
# was there. (The rings mark those places on the picture of frame 12.)
#
# **Exercise 1** (medium, 10 minutes). Find the path of the *camera*: where is it in each frame, if it
# starts at (0, 0)? You have to decide three things. Which sign does the camera's motion have? How do you
# get one step from hundreds of vectors of which some are stray? And what do you do in a frame without any?


# %% tags=["exercise"]
def camera_path(vectors, mask):
    """Positions (T, 2) of the camera in pixels, x to the right and y down, the first of them (0, 0).

    vectors are (T, 2, H8, W8) and mask is (T, H8, W8); in a frame without vectors the camera stays.
    """
    ...


# %% tags=["check", "hide-input"]
def made_up(*steps):
    """Vectors and mask of frames with these steps, each with 8 cells: 5 that say so, 2 stray, 1 masked."""
    vectors, mask = np.zeros((len(steps), 2, 2, 4)), np.zeros((len(steps), 2, 4), bool)
    for t, step in enumerate(steps):
        if step is not None:
            vectors[t] = np.reshape(step, (2, 1, 1))
            vectors[t, :, 0, :2], mask[t] = 40, True
            vectors[t, :, 1, 3], mask[t, 1, 3] = 0, False
    return vectors, mask


half_new = np.arange(24) < np.full((16, 16, 1), 9)  # most cells of each frame carry no vector
still = np.minimum(np.arange(16), 8)[:, None]
unmasked = np.where(half_new[:, None], pan_motion.vectors, 0)
steps = [None, (2, -1), (2, -1), None, (-1, 0.5)]
cases = [
    ("five frames with stray vectors", made_up(*steps), [(0, 0), (2, -1), (4, -2), (4, -2), (3, -1.5)]),
    ("pan.mp4", (pan_motion.vectors, pan_motion.mask), still * [3, 1]),
    ("pan.mp4 with most cells masked", (unmasked, half_new & pan_motion.mask), still * [3, 1]),
]
check(camera_path, cases, says=lambda answer: str(np.round(answer, 2).tolist()))

# %% [markdown]
# <details><summary>Hint</summary>
# When a camera moves to the right, the image moves to the left, and so the vectors point to the right.
# <code>vectors[t][:, mask[t]]</code> has the shape (2, cells with a vector); a median ignores a few stray
# ones. <code>np.cumsum</code> turns steps into positions.
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def camera_path(vectors, mask):
#     steps = np.zeros((len(mask), 2))
#     for t in range(1, len(mask)):
#         if mask[t].any():
#             steps[t] = np.median(vectors[t][:, mask[t]], axis=1)
#     return np.cumsum(steps, axis=0)
# ```
#
# </details>

# %% tags=["hide-input"]
steps = [
    np.median(v[:, m], 1) if m.any() else np.zeros(2) for v, m in zip(pan_motion.vectors, pan_motion.mask)
]
path = np.cumsum(steps, axis=0)
assert np.array_equal(path, np.minimum(np.arange(16), 8)[:, None] * [3, 1])
show(
    on_canvas(
        {t: pan_frames[t] for t in (0, 4, 8)},
        {"placed along the path": path, "the same with the wrong sign": -path},
        title="Placed along the path, the frames make one wall; with the wrong sign, they do not",
    ),
    "Frames 0, 4 and 8 laid on one another, twice; orange marks at their corners. Left, each lies 12 pixels "
    "further right and 4 down than the one before, and the scales run on without a seam. Right, each lies as "
    "far to the left and up, and at the right and lower border the scales are cut.",
)

# %% [markdown]
# ## Past and future
#
# *Why it matters: many videos have B-frames, and their raw vectors mix directions and distances.*
#
# A block of a [**B-frame**](../docs/glossary.md#a-video-as-a-file) may be copied from the past, from the
# future, or from a blend of both. In the last case it has two vectors. `steady_pan_b.mp4` shows one steady
# pan of (3, 1) per frame, with three B-frames before each P-frame: I B B B P. Every B looks back at the I
# and ahead at the P. Before you look: what are the raw vectors of the three B's, and of the P?

# %%
b_records = read_records("lessons/steady_pan_b.mp4")
steady = CompressedVideo(data_path("lessons/steady_pan_b.mp4"))
types = steady.motion().picture_types

# %% tags=["hide-input"]
print("frame  type  most common past vector  most common future vector")
for frame in range(1, 5):
    words = []
    for source in (-1, 1):
        vectors, mask = paint(b_records[frame], 16, 24, source)
        values, counts = np.unique(vectors[:, mask], axis=1, return_counts=True)
        words.append(tuple(map(float, values[:, counts.argmax()])) if mask.any() else "none")
    print(f"{frame:5}  {types[frame]:4}  {words[0]!s:23}  {words[1]}")

# %% [markdown]
# A [past vector](../docs/glossary.md#motion-in-the-file) grows with the distance it spans: one frame, two,
# three, and four for the P-frame. A future vector points the other way and gets shorter as the P-frame gets
# nearer. Here is one block of the middle B-frame, magnified, where it was in the I-frame, where it is now,
# and where it will be in the P-frame:

# %%
show_loop(
    "past_and_future",
    "Three frames in turn: I, B and P. A framed block drifts to the left and up. In the B-frame one arrow "
    "points right and down to its place in the I-frame, another left and up to its place in the P-frame.",
)

# %% [markdown]
# Divided by the distance, all of these vectors report the same motion of (3, 1) per frame. `motion()` divides
# for you if it knows the distance.
#
# When does it? The headers of the stream say how many frames a B-frame had to choose from. If there was one
# on each side, it was the nearest I- or P-frame before and the nearest after, and so the distance is known.
# `video.reference_distance_known` says whether that is so.

# %%
print("reference distance known:", steady.reference_distance_known)
both = steady.motion(direction="both")

# %% tags=["hide-input"]
print("vectors", both.vectors.shape, " mask", both.mask.shape, " second axis: past, future")
for way, name, sign in ((0, "past", 1), (1, "future", -1)):
    cells = both.vectors[1:4, way].transpose(0, 2, 3, 1)[both.mask[1:4, way]]  # of the three B's
    share = (cells == (3 * sign, 1 * sign)).all(1).mean()
    carry = both.mask[1:4, way].mean()
    print(f"{name:6}: in {carry:.0%} of the B-frames' cells; {share:.0%} of these say {3 * sign, 1 * sign}")
    assert share > 0.75

# %% [markdown]
# Here are both fields of a B-frame, drawn as the motion we see. For that, past vectors are turned around and
# future vectors are not. Do the two fields agree, and where are their gaps?

# %%
show(
    vector_panels(
        [steady.clip(5, 1)[0]] * 2,
        [both.vectors[5, 0], -both.vectors[5, 1]],
        both.mask[5],
        labels=["past: copied from frame 4", "future: copied from frame 8"],
        magnify=3,
        title="A B-frame has two fields: where both exist they nearly always agree, and each has gaps",
    ),
    "Frame 5, a B-frame, twice, with arrows to the left and up in both. Left, from past vectors, nearly "
    "everywhere. Right, from future vectors, in part of the blocks; the rest is hatched.",
)
shared = both.mask[5].all(0)
agree = (both.vectors[5, 0] == -both.vectors[5, 1]).all(0)[shared]
print(
    f"frame 5: {shared.sum()} of {shared.size} cells have both vectors; in {agree.sum()} they agree exactly"
)

# %% [markdown]
# Neither field is complete. The four cells that disagree lie in the upper right corner, where one of the two
# vectors is zero: a dot. Each such block is a blend of two copies, so one of them may be wrong if that saves
# bits. Most of the past's gaps lie along the right border: there the pan uncovers wall
# that frame 4 had not shown yet, and frame 8 has. In the upper left it is the other way round: the encoder
# got by with the past alone, for a second vector costs bits.
#
# How do we get one field without gaps? Where the past vector is missing, the future vector may tell us what
# it would have been, if the motion is steady. `fill="opposite"` does that.
#
# **Exercise 2** (medium, 10 minutes). Do it yourself, with raw vectors that have not been divided by any
# distance. In frame 1, for instance, past vectors reach 1 frame back and future vectors 3 frames ahead.


# %% tags=["exercise"]
def fill_past(past, past_mask, future, future_mask, back, ahead):
    """(vectors, mask) of the past, gaps filled from the future as if the past had reported them.

    past and future are (2, H8, W8) in pixels, and reach `back` and `ahead` frames; past wherever it exists.
    """
    ...


# %% tags=["check", "hide-input"]
filled = steady.motion(1, 4, fill="opposite")
cases = []
for t in (1, 2, 3):
    sides = (*paint(b_records[t], 16, 24, -1), *paint(b_records[t], 16, 24, 1))
    arguments, expected = (*sides, t, 4 - t), (t * filled.vectors[t - 1], filled.mask[t - 1])
    gaps = np.sum(sides[3] & ~sides[1])
    words = f"frame {t}, which has {gaps} gaps,"
    cases.append((words, arguments, expected))


def as_near(answer, expected):
    return np.allclose(answer[0], expected[0], atol=1e-4) and np.array_equal(answer[1], expected[1])


def in_words(answer):
    if not isinstance(answer, tuple) or np.shape(answer[0]) != (2, 16, 24):
        return str(answer)
    x, y = answer[0].mean((1, 2))
    return f"{np.sum(answer[1])} cells with a vector, on average ({x:.2f}, {y:.2f})"


check(fill_past, cases, same=as_near, says=in_words)

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
# *Why it matters: a network can never see finer motion than this.*
#
# H.264 may cut blocks down to 4 x 4 pixels, each with its own vector. In `shattered_4x4.mp4` the image breaks
# into a chessboard of pieces of 4 x 4 pixels: the black squares go one pixel to the left, the white ones one
# to the right (in the figure, orange and blue). What will FFmpeg report for a cell of 8 x 8, which contains
# two of each?

# %%
with CompressedVideo(data_path("lessons/shattered_4x4.mp4")) as video:
    shattered, shattered_motion = video.clip(0, 2), video.motion(0, 2)
show(
    pieces_and_cells(
        shattered[1],
        shattered_motion.vectors[1],
        title="Sixteen pieces moved both ways; FFmpeg reports one way for each cell",
    ),
    "The same 16 x 16 pixels twice. Left, sixteen pieces, orange with an arrow to the left and blue with one "
    "to the right, like a chessboard. Right, four cells with one arrow each, all orange and to the left.",
)
for name in ("shattered_8x8", "shattered_4x4"):
    blocks = {(int(r["w"]), int(r["h"])) for frame in read_records(f"lessons/{name}.mp4") for r in frame}
    total = sum(packet_sizes(f"lessons/{name}.mp4"))
    print(f"{name}: {total} bytes, smallest block in the records {min(blocks)}")

# %% [markdown]
# `shattered_8x8.mp4` holds the same frames, but its encoder was not allowed to use blocks below 8 x 8.
#
# When 4 x 4 is allowed the file is much smaller, so the encoder did use small blocks. Yet FFmpeg exports no
# block below 8 x 8. Of the four vectors in such a cell it exports one, that of the upper left piece. (On
# this chessboard the lower right piece goes the same way. That it is the upper left one stands in FFmpeg's
# source.) **An exported vector field is never finer than 8 x 8 pixels.** If a network needs another grid,
# `motion.resample(4)` repeats each cell and `resample(16)` averages. The finer grid contains no more
# information than the coarse one.
#
# ## What FFmpeg hides: the reference frame
#
# *Why it matters: a vector of 4 pixels means one thing over one frame and another over two.*
#
# A [P-frame](../docs/glossary.md#a-video-as-a-file) may choose among several earlier frames. In
# `two_films.mp4` two scenes take turns, A B A B, each filmed by a camera that moves 2 pixels to the right
# per frame. So the best frame to copy from is not the last one but the one before it.

# %%
films = CompressedVideo(data_path("lessons/two_films.mp4"))
film_frames, film_motion = films.clip(0, 16), films.motion()
film_records = read_records("lessons/two_films.mp4")
vectors, mask = film_motion.vectors[7], film_motion.mask[7]
values, counts = np.unique(vectors[:, mask], axis=1, return_counts=True)
print("most common vector of frame 7:", tuple(map(float, values[:, counts.argmax()])))
print("values of source, over all frames:", {int(r["source"]) for frame in film_records for r in frame})
print("reference distance known:", films.reference_distance_known)
off = {back: error(copied(film_frames[7 - back], vectors), film_frames[7]) for back in (4, 3, 2, 1)}
show(
    filmstrip(
        film_frames[3:8],
        labels=[f"frame {7 - back}: copying is off by {value:.0f}" for back, value in off.items()]
        + ["frame 7"],
        columns=5,
        title="Frame 7 was copied from frame 5, two back: only from there the vectors fit",
    ),
    "Five frames in which two scenes take turns. Copying frame 7 along its vectors from frame 6 or 4, the "
    "other film, or from frame 3 is far off; from frame 5 it is nearly right.",
)

# %% [markdown]
# The vector of 4 pixels spans *two* frames. But all the record says is -1, "from the past": **FFmpeg does
# not export which frame a vector refers to.** The headers of the stream do tell us how many frames there
# were to choose from. If there was more than one on a side, `reference_distance_known` is False and the
# vectors are left undivided; here they are twice as long as they should be. So for training we encode with
# a single reference, and every vector spans the same distance. (`cvrl-lite transcode` does this for your
# own files.)
#
# ## Vectors save bits
#
# *Why it matters: wherever this happens, a network is taught something that is not motion.*
#
# Now the most important point. Nobody asked the encoder to find motion. It takes whatever makes the file
# small. Most of the time that *is* the motion. `deceiver.mp4` has three parts where it is not:
#
# - on the left, a plain orange plate that sinks 2 pixels per frame,
# - in the middle, stripes that move 5 pixels to the right and repeat every 8 pixels,
# - on the right, a wall that does not move, in flickering light.
#
# What would *you* see, and what will the encoder say? The figure shows frame 7, with one arrow in the middle
# of each block, twice as long as the motion (tiny ones longer still). Black arrows and dots are true, orange
# ones are wrong. Above each part stands its true motion; below, how many of its cells have the right vector
# (on the left, of the cells inside the plate).

# %%
deceiver = CompressedVideo(data_path("lessons/deceiver.mp4"))
tricks, trick_motion = deceiver.clip(0, 9), deceiver.motion()
middle = np.arange(16)[:, None]
places = {  # where, and its true vector
    "inside the plate": ((middle >= 5) & (middle < 11) & (np.arange(24) < 8), (0, -2)),
    "stripes": ((np.arange(24) >= 8) & (np.arange(24) < 16) & (middle >= 0), (-5, 0)),
    "flickering wall": ((np.arange(24) >= 16) & (middle >= 0), (0, 0)),
}
verdicts = {}  # of each place and frame, the shares of its cells that are right, wrong and without a vector
for name, (where, truth) in places.items():
    for t in (5, 7):
        found, mask = trick_motion.vectors[t][:, where].T, trick_motion.mask[t][where]
        right = mask & (found == truth).all(1)
        verdicts[name, t] = right.mean(), (mask & ~right).mean(), (~mask).mean()

# %% tags=["hide-input"]
true = np.zeros((2, 16, 24))  # the true vector of each cell; the plate has reached rows 34 to 105
true[1, 4:14, :8], true[0, :, 8:16] = -2, -5
parts = {}
for name, words in zip(places, ("2 down", "5 to the right", "none")):
    shares = "{:.0%} right, {:.0%} wrong, {:.0%} none".format(*verdicts[name, 7]).replace("%", " %")
    parts[f"true motion: {words}"] = f"{name}:\n{shares}"
darker = np.where(np.arange(192) < 128, 1, 0.6)[:, None]  # the wall, so that its arrows stand out
show(
    against_truth(
        (tricks[7] * darker).astype(np.uint8),
        trick_motion.vectors[7],
        trick_motion.mask[7],
        true,
        parts,
        title="Plain, periodic, flickering: in frame 7 most vectors of each trap are wrong",
    ),
    "Frame 7 in three parts, true vectors in black, wrong ones in orange. Left, the true motion is 2 down: "
    "an orange plate full of orange dots, with black arrows down at its edges only. Middle, 5 to the right: "
    "stripes with orange arrows to the left, but for two black ones at the upper right. Right, none: a wall "
    "of marble with hatched cells, a few black dots, and orange arrows in all directions.",
)

# %% tags=["hide-input"]
print("cells of          true vector  frame  right  wrong  no vector")
for (name, t), (right, wrong, without) in verdicts.items():
    print(f"{name:17} {places[name][1]!s:>11}  {t:5} {right:6.0%} {wrong:6.0%} {without:10.0%}")

# %% [markdown]
# - **Plain plate.** Its inside looks the same wherever it is copied from, so the encoder may write anything:
#   no vector in frame 5, zero in frame 7. Only the edges show that the plate moves. It is the aperture
#   problem again: through a small window you cannot see a plain
#   surface move.
# - **Stripes.** 5 to the right looks exactly like 3 to the left, and the shorter vector is cheaper. The
#   same effect makes wheels turn backwards in films. (At the right edge, in the upper rows, two arrows do
#   point right. To move 3 to the left, these stripes would have to come from beyond the edge, and no stripes
#   are there. So the encoder has to look on the other side: it finds the truth in two rows,
#   and stores most of the other blocks anew.)
# - **Flickering light.** Nothing moved. But after the light has changed, the best match is some other
#   place, or there is none.
#
# In each case the encoder did its job: fewer bits. We are the ones who wanted something else from it.
#
# ## How often are vectors right?
#
# Those were traps. Now for MovingScenes, where shapes have patterns that can be followed and where we know
# the path of each shape. In every P-frame up to the cut we look up the vector at the center of each shape
# and compare it with the truth. We leave out shapes within 12 pixels of the border, and cells without a
# vector.

# %%
center = shape_centers("clockwise", 11, frames=42, size=224)  # (42, shapes, 2) pixels
back = center[:-1] - center[1:]  # true vectors of frames 1 .. 41
off, shape = [], []
for frame in np.flatnonzero(motion.picture_types[:42] == "P"):
    for number, (x, y) in enumerate(center[frame]):
        row, column = int(y // 8), int(x // 8)
        if min(x, y) > 12 and max(x, y) < 212 and motion.mask[frame, row, column]:
            off.append(np.hypot(*(motion.vectors[frame, :, row, column] - back[frame - 1, number])))
            shape.append(number)
off, shape = np.array(off), np.array(shape)
far = [int(number) for number in np.unique(shape) if np.median(off[shape == number]) > 1]
print(f"shapes that are mostly wrong: {len(far)} of {len(np.unique(shape))}")
for words, these in (("all shapes", off), ("without that shape", off[~np.isin(shape, far)])):
    half, one = (these < 0.5).mean(), (these < 1).mean()
    print(f"{words:18}: of {len(these)} vectors {half:.0%} are within .5 px, {one:.0%} within 1 px")

# %% [markdown]
# Nearly all are right to within half a pixel, but for those of one shape. What is the matter with it? Let us
# look.

# %%
x, y = center[8, far[0]]
row, column = int(y // 8), int(x // 8)
cells = slice(row - 5, row + 6), slice(column - 5, column + 6)
pixels = slice(8 * row - 40, 8 * row + 48), slice(8 * column - 40, 8 * column + 48)
show(
    vector_arrows(
        frames[8][pixels],
        motion.vectors[8][:, *cells],
        motion.mask[8][cells],
        magnify=4,
        title="The ring moves; in the middle of its hole the wall rests",
    ),
    "A green ring on bricks, enlarged. Arrows on the ring point down and a little to the right; in the "
    "middle of its hole there are two very short ones to the right.",
)
print("the vector at its center:", *motion.vectors[8, :, row, column].tolist())

# %% [markdown]
# It is a ring with a wide hole. At its center you see the wall, and the wall does not move. To within a
# quarter of a pixel the vector says just that. In the middle of the hole it knew better than we did; in the
# lower part of the hole, still on the wall, the vectors are the ring's. (There is a white ring, too. Its hole
# is narrower, and the vector there is the ring's.) Without the green ring, 97 vectors in 100 are right to
# within half a pixel.
#
# And where nothing moves? In notebook 02 some 5 to 20 % of such cells had a vector that was not zero, most of
# them near a moving shape. So a single vector is not to be trusted. A field of hundreds of them, over several
# frames, is a good witness.
#
# ## What the alternative costs
#
# Could we not compute the motion ourselves? [**Optical flow**](../docs/glossary.md#motion-in-the-file)
# gives a vector for every *pixel*, and it copes with plain areas because it makes neighboring vectors
# agree. We compared the vectors with two well-known methods, on clips whose motion we know. Here are the
# stored results, with each method's speed. All times include decoding the frame.

# %%
METHODS = ("motion vectors", "OpenCV DIS (medium)", "OpenCV Farneback")
measured = {}
for method in METHODS:  # the last five columns: frames a second, ratio, distance, cosine, in still parts
    fps, _, distance, cosine, still = log.measured(method)[-5:]
    measured[method] = distance, still, 1000 / fps
    print(f"{method:19}: where things move, a mean cosine of {cosine:.2f} with the true direction")
columns = ("off by, where things move (px)", "off by, where nothing moves (px)", "time for a frame (ms)")
show(
    bars_in_columns(
        {name: dict(zip(METHODS, values)) for name, values in zip(columns, zip(*measured.values()))},
        title="On drawn clips, vectors are as near the truth as flow, in a thirtieth of the time or less",
        role={"motion vectors": "motion"} | dict.fromkeys(METHODS[1:], "untrained"),
        form=lambda value: f"{value:.1f}" if value > 2 else two_digits(value),
    ),
    "Bars of three methods. Off by, where things move: motion vectors .24 px, DIS .28, Farneback .38. Where "
    "nothing moves: .30, .35, .55. Time for a frame: .23 ms, 8.5, 12.5; the first bar is hardly to be seen.",
)

# %% [markdown]
# The encoder did the search once, for everybody who will ever read the file. On the moving parts of
# MovingScenes its vectors are as close to the truth as optical flow, at 37 to 54 times the speed. And where
# nothing moves? There none of the three is quite at rest: the vectors say .30 pixels on average, DIS .35,
# Farneback .55. What flow does better: a value for every pixel, and a direction that is a little more
# accurate. (A cosine of 1 is the right one. A cell without a vector, or with a zero, counted as 0 here, and
# that lowers the mean of the vectors.) That is a first answer to our second question, on drawn clips.
#
# **An experiment of your own.** How much does coarse encoding cost? Draw the clip with
# `moving_scenes.draw("bricks", "clockwise", 11, frames=42, size=224)`, encode it with `pack` of
# `cvrl_lite.course.encoding` at crf 15, 31 and 39, and repeat the count of the last section. Guess first.
#
# <details><summary>Our result</summary>
# Within half a pixel: 90 % at crf 15, 91 % at 23, 84 % at 31, 59 % at 39. (91 % and not the 89 % above: the
# sample was made with x264's *macroblock tree*, which stores more finely what later frames copy from. Our
# <code>encode</code> switches it off.) Within one pixel the last
# is still 86 %. (Notebook 02 counted each vector of the resting wall that was not exactly zero, so the two
# cannot be compared.)
# </details>
#
# ## What we have seen
#
# - A motion vector points from a block back to its source, in pixels and down to quarters. The motion we
#   see is minus the vector. Skipped blocks have a vector, intra blocks have none, and the mask tells them
#   apart.
# - FFmpeg exports nothing finer than 8 x 8, and it does not say which frame a vector refers to. With one
#   reference and no B-frames, every vector spans one frame.
# - Vectors are there to save bits. In our clip, where there is a pattern to follow, 97 in 100 were the true
#   motion, to within half a pixel, and reading them takes less than a thirtieth of the time of
#   optical flow.
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
