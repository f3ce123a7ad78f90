# %% [markdown]
# # Residuals
#
# To decode a P-frame, a decoder takes two steps. First it **predicts** the frame: it copies every block
# from where the motion vector says. Then it adds the **residual**, the stored difference between that
# prediction and the real frame. Vectors cover everything that can be explained by shifting. The residual
# holds the rest: what came out from behind something, what is new, where the light changed. In this
# notebook *we* are the decoder and look at what is left.
#
# **Goals.** After this notebook you will be able to
# - predict a frame by hand from the last one and its vectors, even between the pixels,
# - say what a residual shows: occlusion, new things, light,
# - prove that a residual is exact, and say when it is not,
# - add up vectors over several frames, back to the I-frame.
#
# **Needs.** [03_motion_vectors](03_motion_vectors.ipynb). Less than 1 minute on 2 cores, 0.4 GB of memory,
# no disk space: the clips are in the repository.

# %%
import tempfile

import av
import numpy as np

from cvrl_lite import CompressedVideo, data_path
from cvrl_lite.codec import encode
from cvrl_lite.course.explorables import decoder
from cvrl_lite.course.figures import (
    bars,
    between_pixels,
    filmstrip,
    prediction_row,
    residual_panels,
    show,
    vector_panels,
)

# %% [markdown]
# ## Be the decoder
#
# Before we calculate anything, take the decoder's place. Below are the first fourteen frames of the sample
# clip: a GOP of twelve, and the beginning of the next. Step with the arrow keys, or drag along the bars: the
# blocks of a P-frame fly in from where their vectors say (eight times as far, so that you can see it), and
# then the residual is added. Try these:
#
# - Switch the *residual* off. What happens to the frames, one after the other, and what mends it?
# - Switch it on again and the *vectors* off. Now the residual does not fit any more. What do you see?
# - Switch the *I-frames* off. How much of the clip is in the vectors and residuals?

# %%
with CompressedVideo(data_path("sample.mp4")) as sample:
    opening, opening_motion = sample.clip(0, 14), sample.motion(0, 14)
decoder(opening, opening_motion.picture_types, opening_motion.vectors, opening_motion.mask)

# %% [markdown]
# Without the residual each P-frame repeats the errors of the one before and adds its own, until an I-frame
# starts afresh. (If you read this without a browser that runs it: a figure in *Predicting by hand* shows the
# same steps for one frame.)
#
# ## A clip in which things happen
#
# `news.mp4` has one I-frame, followed by P-frames only. A disc moves 3 pixels to the right per frame. At
# frame 6 two tiles appear, one plain and one patterned. At frame 10 everything becomes a little brighter.
# Guess which frames can be predicted from the one before, and which ones need many bytes.

# %%
news = CompressedVideo(data_path("lessons/news.mp4"))
frames = news.clip(0, 14)
places = [0, 5, 6, 9, 10]
show(
    filmstrip(
        frames[places],
        labels=[f"frame {place}" for place in places],
        columns=5,
        title="A disc moves, two tiles appear, everything gets brighter",
    ),
    "Five frames: a blue disc moves to the right over planks. From frame 6 on there are a green tile and a "
    "reddish patterned one below; frame 10 is a little lighter.",
)
with av.open(str(data_path("lessons/news.mp4"))) as box:
    sizes = [packet.size for packet in box.demux(video=0) if packet.size]  # no B-frames: in order
print("bytes of each frame:", *sizes)
largest = 1 + np.argsort(sizes[1:])[::-1][:2]
print("the two largest P-frames:", *sorted(int(frame) for frame in largest))
assert set(largest) == {6, 10}

# %% [markdown]
# Frames 6 and 10, as you may have guessed. Bytes go where the prediction fails.
#
# Codecs keep brightness and color apart, and treat brightness with more care. It is called
# [**luma**](../docs/glossary.md#a-video-as-a-file) and is one number from 0 to 255 for each pixel. All
# residuals in this notebook are of luma. PyAV returns it as the first **plane** of a decoded frame.


# %%
def read_luma(name):
    """(T, H, W) uint8 luma of all frames."""
    with av.open(str(data_path(name))) as box:
        planes = [frame.planes[0] for frame in box.decode(video=0)]
        rows = [np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size) for plane in planes]
        return np.stack([part[:, : plane.width] for part, plane in zip(rows, planes)])


luma = read_luma("lessons/news.mp4")
motion = news.motion()
print("luma", luma.shape, " vectors", motion.vectors.shape)

# %% [markdown]
# ## Predicting by hand
#
# We copy each cell from where its vector leads. If that is between pixels we take the nearest one, for now.
# Then we subtract:
#
# **residual = real frame - prediction**


# %%
def predict(before, vectors):
    """Each cell of 8 x 8 copied from where its vector leads, to the nearest whole pixel."""
    height, width = before.shape
    dense = np.rint(vectors).astype(int).repeat(8, 1).repeat(8, 2)[:, :height, :width]
    y, x = np.mgrid[0:height, 0:width]
    return before[np.clip(y + dense[1], 0, height - 1), np.clip(x + dense[0], 0, width - 1)]


def minus(a, b):
    """The difference of two luma planes, which may be negative."""
    return a.astype(int) - b


# %% [markdown]
# Here is the whole procedure for frame 5, in one row. The arrows show the motion we see (minus
# the vector), three times as long. What do you expect to be left of the disc in the last panel?

# %%
prediction = predict(luma[4], motion.vectors[5])
show(
    prediction_row(
        luma[4],
        motion.vectors[5],
        motion.mask[5],
        prediction,
        luma[5],
        title="Copy the last frame along its vectors, compare with the real frame, keep the difference",
    ),
    "Five small panels: frame 4 with a disc over planks; arrows to the right on the disc; the prediction, "
    "which looks like the real frame 5 beside it; and the residual, a thin ring.",
)

# %% [markdown]
# Is that any better than doing without vectors? On the left is the plain difference of two frames, on the
# right the residual.

# %%
by_hand = minus(luma[5], prediction)
difference = minus(luma[5], luma[4])
show(
    residual_panels(
        [difference, by_hand],
        labels=["without vectors: frame 5 - frame 4", "with vectors: frame 5 - prediction"],
        title="Vectors explain the inside of the disc; only its edge is left",
    ),
    "Left, the difference of two frames: the whole disc with its pattern. Right, the residual: only a thin "
    "ring at the disc's edge.",
)
assert 4 * np.abs(by_hand).mean() < np.abs(difference).mean()

# %% [markdown]
# The pattern on the disc is gone: it was predicted. `video.residuals()` does the same for all frames and
# adds a mask, which is False where nothing was predicted (in intra blocks). Wherever a vector is a whole
# number of pixels, our residual should equal the package's, down to the last level. Does it?

# %%
residual = news.residuals()
whole = (motion.vectors[5] % 1 == 0).all(0) & motion.mask[5]  # cells with a whole-pixel vector
pixels = whole.repeat(8, 0).repeat(8, 1)
assert np.array_equal(by_hand[pixels], residual.values[5][pixels])
print(f"{whole.mean():.0%} of the cells have whole-pixel vectors; there every pixel agrees")

# %% [markdown]
# ## Between the pixels
#
# And the other cells? Their vectors end between pixels, where the decoder has to *compute* a value. H.264
# does it in two steps:
#
# 1. **Half-way** between two pixels, take the six nearest pixels in the row (or column), multiply them by
#    1, -5, 20, 20, -5, 1, add up, and divide by 32.
# 2. At a **quarter**, take the mean of two neighboring values, each of them a pixel or a half-way value.
#
# In `slow_pan.mp4` everything moves by (0.75, 0.5). That position lies between `j`, which is half-way in
# both directions, and `h`, which is half-way down in the next column.

# %%
show(
    between_pixels(),
    "Left, six gray pixels in a row with the weights 1, -5, 20, 20, -5, 1, and a green mark half-way between "
    "the middle two. Right, four pixels at the corners of a square; green marks for j in its center and h on "
    "its right side; a star between them, at 3/4 to the right and 1/2 down.",
)

# %% [markdown]
# **Step 1: half-way.** Why such odd weights, and not simply the mean of the two middle pixels? Take a bright
# line, two pixels wide. What should its middle look like?


# %%
def six_taps(values, axis):
    """32 times the value half-way between each entry and the next, along an axis."""
    shifted = [np.roll(values, 2 - n, axis) for n in range(6)]  # two before ... three after
    return sum(weight * part for weight, part in zip((1, -5, 20, 20, -5, 1), shifted))


line = np.array([10, 10, 90, 90, 10, 10])
print("mean of the two middle pixels:", (line[2] + line[3]) // 2, " six weights:", six_taps(line, 0)[2] // 32)

# %% [markdown]
# The mean of two can never be brighter than either of them, so it blurs. The negative weights bring back some
# of the sharpness: the middle of a line may well be brighter than the pixels beside it.
#
# **Step 2: quarters.** Now the value at (0.75, 0.5). `>> 5` divides by 32 and rounds down; the 16 added
# before turns that into ordinary rounding. `j` has been through the six weights twice, so it is divided by 32
# twice: `>> 10`.


# %%
def three_quarters_and_half(plane):
    """H.264's values 3/4 pixel to the right and 1/2 down of each pixel (wrong near the border)."""
    down = six_taps(plane.astype(int), axis=0)  # 32 times too large
    h = np.clip((down + 16) >> 5, 0, 255)
    j = np.clip((six_taps(down, axis=1) + 512) >> 10, 0, 255)
    return (j + np.roll(h, -1, 1) + 1) >> 1


# %% [markdown]
# **Step 3: compare.** Four guesses of frame 4, from crude to exact. How much is left of the frame after each?

# %%
slow = CompressedVideo(data_path("lessons/slow_pan.mp4"))
slow_luma, slow_motion = read_luma("lessons/slow_pan.mp4"), slow.motion()
before, now = slow_luma[3], slow_luma[4]
right, down, both = (np.roll(before.astype(int), shift, (0, 1)) for shift in ((0, -1), (-1, 0), (-1, -1)))
linear = (before + 3 * right + down + 3 * both + 4) >> 3  # across 1/4 and 3/4, down 1/2 and 1/2
inner = slice(16, -16), slice(16, -16)  # away from the border
guesses = {
    "the frame before": before,
    "nearest whole pixel": predict(before, slow_motion.vectors[4]),
    "weights by distance": linear,
    "H.264's six weights": three_quarters_and_half(before),
}
left = {name: np.abs(minus(now, guess)[inner]).mean() for name, guess in guesses.items()}
values = list(left.values())
assert values == sorted(values, reverse=True)

# %%
show(
    bars(
        left,
        label="what is left: mean of |frame - guess|, in levels of 0 to 255",
        title="The finer the prediction, the less is left",
        form=".2f",
    ),
    "Four bars, each shorter than the one above: the frame before, nearest whole pixel, weights by distance, "
    "and H.264's six weights.",
)

# %% [markdown]
# **Step 4: prove it.** "Little is left" is not yet "right". Our residual has to equal the package's in every
# single pixel.

# %%
same = (slow_motion.vectors[4] == [[[0.75]], [[0.5]]]).all(0).repeat(8, 0).repeat(8, 1)[inner]
ours = minus(now, three_quarters_and_half(before))[inner]
assert np.array_equal(ours[same], slow.residuals(4, 5).values[0][inner][same]) and same.mean() > 0.9
print("with the six weights our residual equals the package's, in every pixel with that vector")

# %% [markdown]
# A prediction has to use exactly the filter that the encoder used. The package has the filter for all
# sixteen positions, and those of older codecs as well. From here on we leave prediction to `residuals()`.
#
# ## What is left, and what it tells us
#
# Here are three frames of our clip: an ordinary one, the one with the tiles, and the one in which the light
# changes. Try to tell what happened from the maps alone.

# %%
show(
    residual_panels(
        residual.values[[5, 6, 10]],
        residual.mask[[5, 6, 10]],
        labels=["frame 5: the disc moves", "frame 6: two tiles appear", "frame 10: it gets brighter"],
        title="Occlusion leaves an outline, new things leave themselves, light is everywhere",
    ),
    "Three maps. Frame 5: a thin ring. Frame 6: the ring, and below two spots, some strong, some hatched. "
    "Frame 10: pale green nearly everywhere, that is, lighter than predicted.",
)

# %% [markdown]
# - **Occlusion.** A block at the edge of the disc contains some disc *and* some wall. The two move
#   differently, and one vector cannot serve both. And behind the disc a strip of wall comes into view that
#   the last frame did not show. So a residual draws the outline of whatever moves in front of something
#   else.
# - **New things.** There was nothing to copy. Either the residual is as strong as the thing itself, or the
#   encoder gave up copying and used intra blocks. We cannot know a residual for those, so they are hatched.
# - **Light.** Hardly anything has moved, but everything is brighter than the place it was copied from. The
#   residual is weak, of one sign, and nearly everywhere. (Vectors go astray in such a frame: the encoder
#   looks for a brighter place.)
#
# The same in numbers:

# %%
tiles = np.zeros((128, 192), bool)
tiles[84:116, 24:56] = tiles[84:116, 128:160] = True  # where we drew them
y, x = np.mgrid[0:128, 0:192]
distance = np.hypot(x - 40 - 3 * 5, y - 52)  # from the disc's center in frame 5; its radius is 26
size = np.abs(residual.values[5])
inside, edge, outside = (
    size[part].mean() for part in (distance < 20, np.abs(distance - 26) < 4, distance > 40)
)
assert edge > 5 * max(inside, outside)
print("frame 5: at the disc's edge the residual is over 5 times as strong as inside it or far away")

# %%
predicted = residual.mask.repeat(8, 1).repeat(8, 2)
size = np.abs(residual.values[6])
intra = [(~predicted[6][part]).mean() for part in (tiles, ~tiles)]
print(f"frame 6: {intra[0]:.0%} of the tiles are intra, and {intra[1]:.0%} of the rest")
strong = size[tiles & predicted[6]].mean() / size[~tiles & predicted[6]].mean()
print("         where a tile was predicted, it is off by over 10 times as much as the rest")

lighter = (residual.values[10][predicted[10]] > 0).mean()
print(f"frame 10: {lighter:.0%} of the pixels are brighter than predicted")
assert strong > 10 and lighter > 0.8

# %% [markdown]
# **Exercise 1** (medium, 10 minutes). Write a small news reader. Given the residual of one P-frame and its
# mask, it returns
# - `"light"` if more than half of all pixels are off by more than 4 levels,
# - otherwise `"new"` if more than 5 % of the cells were not predicted,
# - otherwise `"quiet"`.


# %% tags=["exercise"]
def read_news(values, mask):
    """ "light", "new" or "quiet", from the residual (H, W) of a frame and its mask (H8, W8)."""
    ...


# %% tags=["check"]
def made_up_news(level, share_of_pixels, new_cells):
    """The residual of 80 x 80 pixels, so many of them off by this level, and its mask of 100 cells."""
    values, mask = np.zeros(6400), np.ones(100, bool)
    values[: round(6400 * share_of_pixels)] = level
    mask[:new_cells] = False
    return values.reshape(80, 80), mask.reshape(10, 10)


cases = [
    (f"frame {t}", residual.values[t], residual.mask[t], {6: "new", 10: "light"}.get(t, "quiet"))
    for t in range(1, 14)
]
for level, pixels, cells, expected in (
    (-9, 1, 0, "light"), (5, 0.51, 0, "light"), (-5, 0.51, 40, "light"), (4, 1, 0, "quiet"),
    (99, 0.49, 0, "quiet"), (99, 0.2, 1, "quiet"), (0, 0, 5, "quiet"),
    (0, 0, 6, "new"), (4, 1, 6, "new"), (99, 0.5, 99, "new"),
):  # fmt: skip
    words = f"{pixels:.0%} of the pixels off by {level}, {cells} of 100 cells not predicted"
    cases.append((words, *made_up_news(level, pixels, cells), expected))
for name, values, mask, expected in cases:
    answer = read_news(values, mask)
    if answer != expected:
        print(f"Not yet: for {name} you say {answer!r}, expected {expected!r}.")
        break
else:
    print("Right.")

# %% [markdown]
# <details><summary>Hint</summary>
# The mean of <code>np.abs(values) &gt; 4</code> is a share of pixels. <code>~mask</code> is True where
# nothing was predicted.
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def read_news(values, mask):
#     if (np.abs(values) > 4).mean() > 0.5:
#         return "light"
#     return "new" if (~mask).mean() > 0.05 else "quiet"
# ```
#
# </details>

# %% [markdown]
# ## Is it exact?
#
# FFmpeg does not export the residual. What we have is the decoded frame minus *our* prediction. That equals
# the encoder's residual only if our prediction equals the decoder's, down to the last level. How can we
# prove that without looking inside the decoder?
#
# With a file that has no residual! `every_position.mp4` was encoded with a
# [**quantizer**](../docs/glossary.md#a-video-as-a-file) of 51, the coarsest H.264 allows. Its P-frames keep
# their vectors and almost nothing else. So what the decoder shows *is* its prediction, and our residual
# must be zero. Not small: zero. And with every step the camera lands on another of the sixteen positions
# between pixels, so every filter is put to the test.

# %%
trial = CompressedVideo(data_path("lessons/every_position.mp4"))
trial_motion, trial_residual = trial.motion(), trial.residuals()
height, width = trial_motion.mask.shape[1:]
zero = (trial_residual.values.reshape(-1, height, 8, width, 8) == 0).all((2, 4))  # (T, H8, W8)
position = (trial_motion.vectors * 4 % 4).astype(int)  # quarters right, quarters down
print("share of cells without a single wrong pixel; across: quarters to the right, down: quarters down")
shares = np.zeros((4, 4))
for down in range(4):
    for right in range(4):
        here = trial_motion.mask & (position[:, 0] == right) & (position[:, 1] == down)
        shares[down, right] = zero[here].mean()
    print("   ", *[f"{share:.1%}" for share in shares[down]])
assert shares.min() > 0.95 and trial_residual.exact

# %% [markdown]
# At each of the sixteen positions practically all cells are predicted without a single wrong pixel. In the
# few others the encoder did store something. A filter that rounded wrongly would spoil a whole entry of
# this table.
#
# How do you know whether a residual is exact? `residual.exact` says so; it is read from the headers of the
# stream. H.264 has several features that make our residual inexact, and files encoded for watching use them
# all:
#
# - a [**deblocking filter**](../docs/glossary.md#a-video-as-a-file) smooths the edges of blocks after the
#   residual has been added,
# - with several references, we do not know which one was used (notebook 03),
# - for blocks below 8 x 8, FFmpeg exports only one of four vectors (notebook 03),
# - B-frames blend two references, and we do not always know how,
# - a reference may be made brighter or darker before it is copied ("weighted" prediction).
#
# For codecs other than H.264 the package never claims to be exact.
#
# `news.mp4` was encoded with none of these. Let us encode its frames again and allow one at a time.

# %%
settings = {
    "as news.mp4": {},
    "deblocking": {"deblock": True},
    "three references": {"references": 3},
    "blocks of 4 x 4": {"options": {"partitions": "p8x8,p4x4"}},
    "two B-frames": {"b_frames": 2},
    "weighted": {"weighted": True},
    "MPEG-4 Part 2": {"codec": "mpeg4"},
}
with tempfile.TemporaryDirectory() as folder:
    for name, allowed in settings.items():
        encode(frames, f"{folder}/try.mp4", **({"deblock": False} | allowed))
        with CompressedVideo(f"{folder}/try.mp4") as video:
            exact = video.residuals().exact
        print(f"{name:17} {'exact' if exact else 'an approximation'}")
        assert exact == (not allowed)

# %% [markdown]
# An approximation may be excellent, and it may be worthless. Here are two clips of the last notebook: a
# slow pan, encoded with deblocking, and two films taking turns, encoded with several references. How large
# is the residual on average?

# %%
means = {}
for name in ("slow_pan", "two_films"):
    with CompressedVideo(data_path(f"lessons/{name}.mp4")) as video:
        found = video.residuals()
    means[name] = np.abs(found.values[found.mask.repeat(8, 1).repeat(8, 2)]).mean()
    print(f"{name:9} exact: {found.exact}, mean {'below 3' if means[name] < 3 else 'above 20'} levels")
assert means["slow_pan"] < 3 and means["two_films"] > 20

# %% [markdown]
# After deblocking, the residual is still good enough to feed a network. With the wrong reference it is
# nonsense, because each frame was predicted from the other film. So check `exact`, and if it is False,
# check `video.reference_distance_known`.
#
# ## Back to the I-frame
#
# A residual shows what is new since the *last* frame, 40 milliseconds ago. That is not much. What is new
# since the I-frame? To find out, chain the vectors: this cell came from there, and *that* place came from
# yet somewhere else. The sum of the vectors leads back to the I-frame and is called an **accumulated**
# vector. Copy the I-frame along it and subtract from the current frame, and you have the accumulated
# residual. *Compressed Video Action Recognition* (2018) learns from these two.
#
# **Exercise 2** (hard, 15 minutes). Write one link of the chain. For each cell:
# 1. take its vector and find the cell in which the *center* of the block lands, which is
#    `floor((column + 0.5) + x / 8)`, the same for rows, kept inside the frame;
# 2. add the total of that cell to the vector;
# 3. the result is valid if the cell has a vector and the cell it lands in is valid. If not, the total is
#    zero.


# %% tags=["exercise"]
def add_link(vectors, mask, total, valid):
    """(total, valid) of this frame, from its vectors (2, H8, W8) and mask, and those of the frame before."""
    ...


# %% tags=["check"]
def links(frames):
    """(t, row, column, answer, expected) where a chain first goes wrong, or None."""
    link = np.zeros((2, 16, 24)), np.ones((16, 24), bool)  # the I-frame: nothing to add, all valid
    for t, (vectors, mask, total, valid) in enumerate(frames, 1):
        try:
            link = add_link(vectors, mask, *link)
        except IndexError as error:
            return t, 0, 0, error, "a cell of the frame"
        if link is None or len(link) != 2 or np.shape(link[0]) != total.shape:
            return t, 0, 0, link, "totals (2, 16, 24) and what is valid (16, 24)"
        differ = ~np.isclose(link[0], total).all(0) | (link[1] != valid)
        if differ.any():
            row, column = np.argwhere(differ)[0]
            said, true = (
                (a[:, row, column].tolist(), bool(b[row, column])) for a, b in (link, (total, valid))
            )
            return t, row, column, said, true
    return None


accumulated = news.motion(accumulate=True)
chain = zip(motion.vectors[1:14], motion.mask[1:14], accumulated.vectors[1:14], accumulated.mask[1:14])
full, number = np.ones((16, 24), bool), np.arange(384.0).reshape(16, 24)
cases = [("the news", chain)]
for step, rows, columns in (
    (-9.0, [0, *range(15)], [0, *range(23)]),
    (9.0, [*range(1, 16), 15], [*range(1, 24), 23]),
):
    first, then = np.stack([number, -number]), np.full((2, 16, 24), step)  # blocks from beyond the border
    inside = first[:, rows][:, :, columns]
    cases.append((f"a pan by {step:.0f}", [(first, full, first, full), (then, full, then + inside, full)]))
for name, frames_of_chain in cases:
    if wrong_link := links(frames_of_chain):
        t, row, column, answer, expected = wrong_link
        print(
            f"Not yet: {name}, frame {t}, row {row}, column {column}: you say {answer}, expected {expected}."
        )
        break
else:
    print("Right.")

# %% [markdown]
# <details><summary>Hint</summary>
# <code>rows, columns = np.mgrid[0:16, 0:24]</code> holds the row and the column of each cell. Two arrays of
# integers can index another array: <code>total[:, to_row, to_column]</code>.
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def add_link(vectors, mask, total, valid):
#     rows, columns = np.mgrid[0 : mask.shape[0], 0 : mask.shape[1]]
#     to_row = np.floor(rows + 0.5 + vectors[1] / 8).astype(int).clip(0, mask.shape[0] - 1)
#     to_column = np.floor(columns + 0.5 + vectors[0] / 8).astype(int).clip(0, mask.shape[1] - 1)
#     valid = mask & valid[to_row, to_column]
#     return (vectors + total[:, to_row, to_column]) * valid, valid
# ```
#
# </details>

# %%
accumulated = news.motion(accumulate=True)
show(
    vector_panels(
        frames[[9, 9]],
        [motion.vectors[9], accumulated.vectors[9]],
        [motion.mask[9], accumulated.mask[9]],
        labels=["since frame 8", "since the I-frame, frame 0"],
        title="Back to the I-frame the disc has moved 27 pixels, and the tiles come from nowhere",
    ),
    "Frame 9 twice. Left, short arrows to the right on the disc. Right, arrows nine times as long, and "
    "hatched cells where the tiles are.",
)
center = accumulated.vectors[9][:, 6, 8]  # a cell in the middle of the disc
print("accumulated vector in the middle of the disc:", *center.tolist())
assert abs(center[0] + 27) <= 1 and abs(center[1]) <= 1
late = tiles.reshape(16, 8, 24, 8).all((1, 3))
print(f"cells inside the tiles that lead back to the I-frame: {accumulated.mask[9][late].mean():.0%}")
assert accumulated.mask[9][late].mean() < 0.5 < accumulated.mask[9][~late].mean()

# %% [markdown]
# Follow a tile back in time, and the chain ends at frame 6, in an intra block. So its cells are masked:
# they do not come from the I-frame. Now for the accumulated residual, next to that of a single step.

# %%
old = predict(luma[0], accumulated.vectors[9])
since = np.where(accumulated.mask[9].repeat(8, 0).repeat(8, 1), minus(luma[9], old), 0)
show(
    residual_panels(
        [residual.values[9], since],
        [residual.mask[9], accumulated.mask[9]],
        labels=["new since frame 8", "new since the I-frame"],
        title="The accumulated residual shows a history, not a moment",
    ),
    "Left, a thin ring only. Right, strong values: on the left the trail of wall that came into view, "
    "on the right the disc's front, far darker than predicted; around hatched places the tiles.",
)
inside = accumulated.mask[9].repeat(8, 0).repeat(8, 1)
assert np.abs(since[inside]).mean() > 2 * np.abs(residual.values[9]).mean()
print("the accumulated residual is more than twice as strong as that of one step")

# %% [markdown]
# On the left you see the trail of wall that has come into view. On the right, at the front of the disc, the
# chain went wrong: the cells there held mostly wall when they were linked, so wall was predicted where the
# dark disc is now.
#
# Accumulated signals are stronger and easier to see, but they also collect errors. Every link is rounded to
# whole cells, and one wrong vector leads the rest of the chain astray. And they depend on where the I-frame
# happens to be.
#
# The paper that this course follows uses neither residuals nor accumulation. Does a residual help a network
# to *learn*? At the end of the course you will be able to answer that.
#
# ## What we have seen
#
# - A frame is its prediction plus its residual. The prediction is the last frame, copied along the vectors
#   with the codec's own filter.
# - A residual shows what shifting cannot explain: the edges of moving things, new things, changes in the
#   light. For intra blocks we cannot know it, and the mask says so.
# - Our residual is exact only if the stream avoids certain features, and `exact` says whether it does.
#
# ## Quiz
#
# **1.** A camera pans across a still landscape, without zooming. Where is the residual strong?
#
# <details><summary>Answer</summary>
# At the border, where new landscape comes into view. The rest has only shifted, so it can be predicted.
# </details>
#
# **2.** A lamp is switched off. What happens to mask, vectors and residual?
#
# <details><summary>Answer</summary>
# The residual is negative nearly everywhere. Vectors may go astray, because the best match is no longer the
# same place. Some blocks become intra; there the mask is False.
# </details>
#
# **3.** Why is a zero in the residual ambiguous without the mask?
#
# <details><summary>Answer</summary>
# It can mean "predicted perfectly" or "not predicted at all", which are nearly opposites.
# </details>
#
# **4.** A file was encoded with deblocking. Can its frames still be decoded exactly? And is our residual
# exact?
#
# <details><summary>Answer</summary>
# The frames, yes, always. The residual, no: the decoder adds it before smoothing, but we see only the
# smoothed frame, so our residual includes what the filter did.
# </details>
#
# **5.** In frame 3 of a GOP a block is intra, and nothing moves afterwards. What is its accumulated vector
# in frame 4?
#
# <details><summary>Answer</summary>
# It has none. The chain ends at frame 3, so the block stays masked until the next I-frame.
# </details>
#
# ## Next, and further reading
#
# Next: [05_clips_for_training](05_clips_for_training.ipynb). We go from files to batches that a network can
# learn from.
#
# - [Compressed Video Action Recognition](https://arxiv.org/abs/1712.00636): accumulated vectors and
#   residuals as the inputs of a network.
# - [H.264 on Wikipedia](https://en.wikipedia.org/wiki/Advanced_Video_Coding): interpolation, deblocking and
#   much more.
# - [The glossary](../docs/glossary.md) of this course.
