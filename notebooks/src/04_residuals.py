# %% [markdown]
# # Residuals
#
# To decode a [P-frame](../docs/glossary.md#a-video-as-a-file), a decoder takes two steps. First it
# **predicts** the frame: it copies every block from where the [motion
# vector](../docs/glossary.md#motion-in-the-file) says. Then it adds the
# [**residual**](../docs/glossary.md#motion-in-the-file), the stored difference between that prediction and
# the real frame. Vectors cover everything that can be explained by shifting. The residual holds the rest:
# what came out from behind something, what is new, where the light changed. In this notebook *we* are the
# decoder and look at what is left.
#
# **Goals.** After this notebook you will be able to
# - predict a frame by hand from the last one and its vectors,
# - read a residual: tell occlusion, new things and light apart,
# - prove that a residual is what the encoder stored, and say when it is not,
# - add up vectors over several frames, back to the [I-frame](../docs/glossary.md#a-video-as-a-file).
#
# **Needs.** [03_motion_vectors](03_motion_vectors.ipynb). Less than 1 minute on 2 cores, 0.3 GB of memory,
# no disk space: the clips are in the repository.

# %% tags=["hide-input"]
import tempfile

import av
import numpy as np

from cvrl_lite import CompressedVideo, data_path
from cvrl_lite.codec import encode
from cvrl_lite.course.checks import check
from cvrl_lite.course.decoding import copied, drift, exam, plain_means
from cvrl_lite.course.explorables import decoder
from cvrl_lite.course.figures import (
    COLORS,
    bars,
    between_pixels,
    filmstrip,
    filters,
    gop_strip,
    prediction_row,
    residual_panels,
    show,
    vector_panels,
)

# %% [markdown]
# ## Be the decoder
#
# Before we calculate anything, take the decoder's place. Below are the first fourteen frames of the sample
# clip: a [GOP](../docs/glossary.md#a-video-as-a-file) of twelve, and the beginning of the next. Step with
# the arrow keys, or drag along the bars: the blocks of a P-frame fly in from where their vectors say (drawn
# eight times too far away, so that you can see them), and then the residual is added. Try these:
#
# - Switch the *residual* off. What happens to the frames, one after the other, and what repairs it?
# - Switch it on again and the *vectors* off. Now the residual does not fit any more. What do you see?
# - Switch the *I-frames* off. How much of the clip is in the vectors and residuals?

# %%
with CompressedVideo(data_path("sample.mp4")) as sample:
    opening, opening_motion = sample.clip(0, 14), sample.motion(0, 14)
decoder(opening, opening_motion.picture_types, opening_motion.vectors, opening_motion.mask)

# %% [markdown]
# Here is what the three switches do, in the left part of the frame. The first column is decoded as it should
# be; in each of the others one thing is left out.

# %% tags=["hide-input"]
decoded = drift(opening, opening_motion)
shown, left_part = [4, 11, 12], (slice(84, 192), slice(0, 120))  # around four of the shapes
figure = filmstrip(
    [row[t][left_part] for t in shown for row in decoded.values()],
    labels=[*decoded, *[""] * 8],
    columns=4,
    title="Leave one thing out, and errors pile up; only an I-frame starts afresh",
)
for axes, t in zip(figure.axes[::4], shown):
    axes.text(-0.04, 0.5, f"frame {t}", rotation=90, ha="right", va="center", transform=axes.transAxes)
show(
    figure,
    "Three rows, frames 4, 11 and 12, enlarged, in four columns. Everything: shapes drift upwards over "
    "bricks. No residual: they lose their edges and leave crumbs behind. No vectors: they smear into ghosts. "
    "No I-frames: only gray with colored traces of what moved. In frame 12 the first three columns are "
    "alike.",
)

# %% [markdown]
# - Without the **residual**, each P-frame repeats the errors of the one before and adds its own, until an
#   I-frame starts afresh.
# - Without the **vectors**, the residual repairs errors that nobody made and leaves the real ones.
# - Without the **I-frames** there is nothing to copy, and nothing that starts afresh: what you see is the
#   trace of everything that moved.
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
        title="A disc moves; at frame 6 two tiles appear, at frame 10 it gets brighter",
    ),
    "Five frames: a blue disc moves to the right over planks. From frame 6 on there are a green tile and a "
    "reddish patterned one below; frame 10 is a little lighter.",
)

# %%
show(
    gop_strip(
        news.motion().picture_types,
        news.info.frame_bytes,
        numbers=True,
        title="Frames 6 and 10, in which something happens, take more bytes than their neighbors",
    ),
    "Bars, each with its bytes above: a tall I-frame of 6500, then P-frames. Frames 6 and 10 stand out from "
    "their neighbors, with about 700 and 1650 bytes. The others grow from about 160 to 370 before frame 10, "
    "and from 450 to 700 after it.",
)

# %% [markdown]
# Bytes go where the prediction fails. In frames 6 and 10 we know why. But the other frames need more and
# more, too, as the numbers say. What was wrong in them, and where? Bytes do not say. So let us look at what
# the prediction left.
#
# Codecs keep brightness and color apart, and treat brightness with more care. Brightness is called
# [**luma**](../docs/glossary.md#a-video-as-a-file): one number from 0 to 255 for each pixel. All residuals
# in this notebook are of luma. PyAV returns it as the first **plane** of a decoded frame.


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
# We copy each cell from where its vector leads, with the function `copied` of notebook 03. If that is between
# pixels it takes the nearest one, for now. Then we subtract:
#
# **residual = real frame - prediction**
#
# (Our real frame is the one that comes out of the decoder. The encoder had the *filmed* frame. It took the
# difference from that one, rewrote each small block of it as a sum of wave patterns (a *transform*, much as
# in a JPEG; the decoder undoes it), rounded the strengths of these patterns more or less coarsely, and stored
# the rounded numbers. What the rounding took away is lost: this is where video loses detail. The coarser the
# rounding, the fewer bytes a residual takes, and a very coarse one leaves hardly any residual at all.)


# %%
def minus(a, b):
    """The difference of two luma planes, which may be negative."""
    return a.astype(int) - b


# %% [markdown]
# Here is the whole procedure for frame 5, in one row, near the disc. The arrows, in every second cell, show
# the motion we see, three times as long. What do you expect to be left of the disc in the last panel?

# %%
prediction = copied(luma[4], motion.vectors[5])
part, cells = (slice(16, 96), slice(16, 104)), (slice(2, 12), slice(2, 13))  # near the disc
show(
    prediction_row(
        luma[4][part],
        motion.vectors[5][:, *cells],
        motion.mask[5][cells],
        prediction[part],
        luma[5][part],
        title="Copied along its vectors, the disc is predicted but for its edge",
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
        [difference[part], by_hand[part]],
        labels=["without vectors: frame 5 - frame 4", "with vectors: frame 5 - prediction"],
        title="Vectors explain the inside of the disc; only its edge is left",
    ),
    "Left, the difference of two frames: the whole disc with its pattern. Right, the residual: only a thin "
    "ring at the disc's edge.",
)
print(f"mean size: {np.abs(difference).mean():.1f} levels without vectors, {np.abs(by_hand).mean():.1f} with")

# %% [markdown]
# The pattern on the disc is gone: it was predicted. What is left follows the disc's edge in square steps,
# because a cell has one vector and may hold both disc and wall. `video.residuals()` does the same for all
# frames and adds a mask, which is False where nothing was predicted (in [intra
# blocks](../docs/glossary.md#motion-in-the-file)). Wherever a vector is a whole number of pixels, our
# residual should equal the package's, down to the last level. Does it?

# %%
residual = news.residuals()
whole = (motion.vectors[5] % 1 == 0).all(0) & motion.mask[5]  # cells with a whole-pixel vector
pixels = whole.repeat(8, 0).repeat(8, 1)
assert np.array_equal(by_hand[pixels], residual.values[5][pixels])
print(f"{whole.mean():.0%} of the cells have whole-pixel vectors; there every pixel agrees")

# %% [markdown]
# ## Between the pixels, if you like bits
#
# *You may skip to the next section. From here on the package computes predictions for us.*
#
# What about the other cells? Their vectors end between pixels, where the decoder has to *compute* a value.
# H.264 does it in two steps:
#
# 1. **Half-way** between two pixels, take the six nearest pixels in the row (or column), multiply them by
#    1, -5, 20, 20, -5, 1, add up, and divide by 32.
# 2. At a **quarter**, take the mean of two neighboring values, each of them a pixel or a half-way value.
#
# In `slow_pan.mp4` every vector away from the border is (0.75, 0.5): copied from 3/4 pixel to the right and
# 1/2 down. (So the picture itself moves left and up.) That place lies between the center of four pixels and
# the half-way value on their right side.

# %%
show(
    between_pixels(),
    "Left, six gray pixels in a row with the weights 1, -5, 20, 20, -5, 1, and a mark half-way between the "
    "middle two. Right, four pixels at the corners of a square; marks in its center and on its right side; a "
    "star between them, at 3/4 to the right and 1/2 down.",
)

# %% [markdown]
# Why such odd weights, and not simply the mean of the two middle pixels? Take a bright line, two pixels wide.
# What should its middle look like?


# %%
def six_taps(values, axis):
    """32 times the value half-way between each entry and the next, along an axis."""
    shifted = [np.roll(values, 2 - n, axis) for n in range(6)]  # two before ... three after
    return sum(weight * part for weight, part in zip((1, -5, 20, 20, -5, 1), shifted))


line = np.array([10, 10, 90, 90, 10, 10])
print("mean of the two middle pixels:", (line[2] + line[3]) // 2, " six weights:", six_taps(line, 0)[2] // 32)

# %% [markdown]
# A mean is never brighter than the brighter of its two, so it blurs. The negative weights bring back some
# of the sharpness: the middle of a line may well be brighter than the pixels beside it.
#
# Now the value at (0.75, 0.5). `>> 5` divides by 32 and rounds down; adding 16 before turns that into
# ordinary rounding. The center has been through the six weights twice, so it is divided by 32 twice: `>>
# 10`.


# %%
def three_quarters_and_half(plane):
    """H.264's values 3/4 pixel to the right and 1/2 down of each pixel (wrong near the border)."""
    down = six_taps(plane.astype(int), axis=0)  # 32 times too large
    right_side = np.clip((down + 16) >> 5, 0, 255)
    center = np.clip((six_taps(down, axis=1) + 512) >> 10, 0, 255)
    return (center + np.roll(right_side, -1, 1) + 1) >> 1


# %%
slow = CompressedVideo(data_path("lessons/slow_pan.mp4"))
slow_luma, slow_motion = read_luma("lessons/slow_pan.mp4"), slow.motion()
before, now = slow_luma[3], slow_luma[4]
inner = slice(16, -16), slice(16, -16)  # away from the border
guesses = {
    "the frame before": before,
    "nearest whole pixel": copied(before, slow_motion.vectors[4]),
    "H.264's six weights": three_quarters_and_half(before),
}
left = {name: np.abs(minus(now, guess)[inner]).mean() for name, guess in guesses.items()}
show(
    bars(
        left,
        label="what is left: mean of |frame - guess|, in levels of 0 to 255",
        title="The finer the prediction, the less is left",
        form=".2f",
    ),
    "Three bars, each shorter than the one above: the frame before, nearest whole pixel, H.264's six "
    "weights.",
)

# %% [markdown]
# What remains after the last guess is the true residual. Does the package find the same?

# %%
same = (slow_motion.vectors[4] == [[[0.75]], [[0.5]]]).all(0).repeat(8, 0).repeat(8, 1)[inner]
ours = minus(now, three_quarters_and_half(before))[inner]
equal = (ours == slow.residuals(4, 5).values[0][inner])[same]
print(f"{equal.sum()} of {equal.size} pixels with that vector have exactly the package's residual")

# %% [markdown]
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
        title="Occlusion leaves an outline, new things leave holes, light is everywhere",
    ),
    "Three maps. Frame 5: a thin ring. Frame 6: the ring, and below two spots, some strong, some hatched. "
    "Frame 10: pale green nearly everywhere, that is, lighter than predicted.",
)

# %% [markdown]
# - **[Occlusion](../docs/glossary.md#motion-in-the-file).** A block at the edge of the disc contains some
#   disc *and* some wall. The two move differently, and one vector cannot serve both. And behind the disc a
#   strip of wall comes into view that the last frame did not show. So a residual draws the outline of
#   whatever moves in front of something else.
# - **New things.** There was nothing to copy. Mostly the encoder gave up copying and used intra blocks; we
#   cannot know a residual for those, so they are hatched. Where it did copy, the residual is as strong as the
#   thing itself.
# - **Light.** Hardly anything has moved, but everything is brighter than the place it was copied from. The
#   residual is weak, of one sign, and nearly everywhere. (Vectors go astray in such a frame: the encoder
#   looks for a brighter place.)
#
# The same in numbers:

# %%
y, x = np.mgrid[0:128, 0:192]
distance = np.hypot(x - 55, y - 52)  # from the disc's center in frame 5; its radius is 26
size = np.abs(residual.values[5])
for name, where in (
    ("inside", distance < 20),
    ("at the edge", np.abs(distance - 26) < 4),
    ("far off", distance > 40),
):
    print(f"frame 5, {name:11} {size[where].mean():4.1f} levels")

tiles = np.zeros((128, 192), bool)
tiles[84:116, 24:56] = tiles[84:116, 128:160] = True  # where the two tiles were drawn
predicted = residual.predicted()
for name, where in (("in the tiles", tiles), ("elsewhere", ~tiles)):
    intra, kept = (~predicted[6][where]).mean(), np.abs(residual.values[6])[where & predicted[6]].mean()
    print(f"frame 6, {name:12} {intra:4.0%} intra; the rest is off by {kept:4.1f} levels")
lighter = (residual.values[10][predicted[10]] > 0).mean()
print(f"frame 10: {lighter:.0%} of the pixels are brighter than predicted")

# %% [markdown]
# **Exercise 1** (medium, 15 minutes). Become a news reader. Below are six residuals without their frames:
# two in which it got lighter or darker, two in which something new appeared, and two in which shapes just
# moved on. Which is which? Find a rule that needs nothing but the residual and its mask. (The answers are
# in `answers`; the check uses twelve other residuals, of other scenes.)

# %%
papers = exam(range(2))
answers = [paper.word for paper in papers]
show(
    residual_panels(
        [paper.values for paper in papers],
        [paper.mask for paper in papers],
        labels=["A", "B", "C", "D", "E", "F"],
        title="Two are light, two are new, two are quiet",
    ),
    "Six maps. Two show little but outlines. Two are of one color nearly everywhere. Two have outlines and "
    "a hatched square.",
)


# %% tags=["exercise"]
def read_news(values, mask):
    """Says "light", "new" or "quiet" of a residual (H, W) in levels and its mask (H8, W8)."""
    ...


# %% tags=["check", "hide-input"]
cases = [(f"residual {letter} above", (p.values, p.mask), p.word) for letter, p in zip("ABCDEF", papers)]
cases += [
    (
        f"frame {t} of news.mp4",
        (residual.values[t], residual.mask[t]),
        {6: "new", 10: "light"}.get(t, "quiet"),
    )
    for t in range(1, 14)
]
cases += [
    (f"another residual, number {n}", (p.values, p.mask), p.word) for n, p in enumerate(exam(range(2, 6)))
]
check(read_news, cases, says=repr)

# %% [markdown]
# <details><summary>Hint</summary>
# Light is the only one of the three that concerns most pixels; remember that it may also get darker. New
# things leave intra blocks, but so does a change of light, so ask about the light first. Print
# <code>(np.abs(values) &gt; 4).mean()</code> and <code>(~mask).mean()</code> for the six, and look for gaps.
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def read_news(values, mask):
#     if (np.abs(values) > 4).mean() > 0.4:
#         return "light"
#     return "new" if (~mask).mean() > 0.03 else "quiet"
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
# [**quantizer**](../docs/glossary.md#a-video-as-a-file) of 51, the coarsest rounding H.264 allows. Its
# P-frames keep their vectors, and a residual in fewer than one cell of a hundred. Everywhere else what
# the decoder shows *is* its prediction, and our residual must be zero. Not small: zero. (That proof needs two
# things that the file was made for: one reference, so that we know what was copied, and no filter that
# smooths the picture afterwards.) And with every step the camera lands on another of the sixteen positions
# between pixels, so every filter is put to the test.

# %%
trial = CompressedVideo(data_path("lessons/every_position.mp4"))
trial_motion, trial_residual = trial.motion(), trial.residuals()
height, width = trial_motion.mask.shape[1:]


def without_error(left):
    """(T, H8, W8): cells in which not a single pixel is left over."""
    return (left.reshape(-1, height, 8, width, 8) == 0).all((2, 4))


zero = without_error(trial_residual.values)
held = trial_motion.mask
print(f"{zero[held].sum()} of {held.sum()} cells with a vector: not a single pixel is left over")

# %% [markdown]
# And would such a test notice a wrong filter? We try one: instead of six weights, the mean of the four pixels
# around each place, in which the nearer one counts the more. (Computer graphics knows it as *bilinear*
# interpolation.) Here are both, for each of the sixteen positions.

# %% tags=["hide-input"]
trial_luma = read_luma("lessons/every_position.mp4")
links = zip(trial_luma[:-1], trial_luma[1:], trial_motion.vectors[1:])
wrong = np.stack([np.zeros_like(trial_luma[0], int), *(minus(b, plain_means(a, v)) for a, b, v in links)])
position = (trial_motion.vectors * 4 % 4).astype(int)  # quarters right, quarters down
shares = {}
for name, passed in (("H.264's filters", zero), ("plain means", without_error(wrong))):
    shares[name] = np.zeros((4, 4))
    for down, right in np.ndindex(4, 4):
        here = trial_motion.mask & (position[:, 0] == right) & (position[:, 1] == down)
        shares[name][down, right] = passed[here].mean()

show(
    filters(
        shares, title="With H.264's filters hardly a cell is wrong; with plain means, only whole pixels pass"
    ),
    "Two maps of four by four positions between pixels, each with the share of cells without a wrong pixel. "
    "Left, H.264's filters: 99 to 100 percent everywhere, in green. Right, plain means: green at "
    "whole pixels only; elsewhere white, with 3 percent or fewer.",
)
right, means = shares.values()
print(f"cells without a single wrong pixel, with H.264's filters: {right.min():.1%} or more at each position")
print(f"with plain means, between pixels: {np.delete(means.ravel(), 0).max():.1%} or fewer")
assert right.min() > 0.99 and np.delete(means.ravel(), 0).max() < 0.05 and means[0, 0] == right[0, 0]

# %% [markdown]
# With plain means nearly every cell between pixels has a wrong one, so the test has teeth. What about the few
# cells that fail on the left? Where are they, and by how much are they off?

# %%
times, rows, columns = np.nonzero(trial_motion.mask & ~zero)
off = np.abs(trial_residual.values).reshape(-1, height, 8, width, 8).max((2, 4))[times, rows, columns]
border = np.ones((height, width), bool)
border[:-1, :-1] = False  # the last row and the last column
at_border = border[rows, columns]
there = held & border
print(f"{len(times)} of {held.sum()} cells have a wrong pixel; {at_border.sum()} of these lie at the right")
print(f"or lower border, where {zero[there].sum()} of {there.sum()} cells with a vector pass.")
print(f"Each cell that fails has a pixel that is off by {off.min()} levels or more.")
assert at_border.all() and off.min() > 40 and trial_residual.exact

# %% [markdown]
# They are off by a lot, and all of them lie at the border. Do we go wrong there, where a vector may lead out
# of the picture? Then the other cells at this border would fail, too, but nearly all of them pass. The camera
# moves right and down, so this is where something new comes into view: these must be the few cells that do
# hold a residual.
#
# How do you know whether a residual is exact in *your* file? `residual.exact` says so; it is read from the
# headers of the stream. Let us encode the frames of `news.mp4` again, first as they were and then with one
# feature more at a time that encoders like to use.

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
size = {}
with tempfile.TemporaryDirectory() as folder:
    for name, allowed in settings.items():
        encode(frames, f"{folder}/try.mp4", **({"deblock": False} | allowed))
        with CompressedVideo(f"{folder}/try.mp4") as video:
            found = video.residuals()
        size[name] = np.abs(found.values[found.predicted()]).mean()
        print(f"{name:17} {'exact' if found.exact else 'an approximation'}")

# %% tags=["hide-input"]
named = {f"{name}: exact" if name == "as news.mp4" else name: levels for name, levels in size.items()}
show(
    bars(
        named,
        label="mean size of what we take for the residual, in levels",
        title="With deblocking as little is left, and yet it is not exact",
        role={"as news.mp4: exact": "residual"},
        form=".2f",
    ),
    "Bars for the seven settings. " + ", ".join(f"{name}: {levels:.2f}" for name, levels in named.items()),
)

# %%
with CompressedVideo(data_path("lessons/two_films.mp4")) as video:
    found = video.residuals()
nonsense = np.abs(found.values[found.predicted()]).mean()
show(
    residual_panels(
        [residual.values[5], found.values[5]],
        [residual.mask[5], found.mask[5]],
        labels=["news.mp4: exact", f"two_films.mp4: {nonsense:.0f} levels on average, all wrong"],
        title="An approximation can be worthless: here we copied from the wrong film",
    ),
    "Two maps. Left, a thin ring on white. Right, dark brown nearly everywhere.",
)
print(f"two_films.mp4, with several references: {'exact' if found.exact else 'an approximation'},", end=" ")
print(f"{nonsense:.0f} levels")

# %% [markdown]
# Why are they approximations?
#
# - A [**deblocking filter**](../docs/glossary.md#a-video-as-a-file) smooths the edges of blocks after the
#   residual has been added.
# - With several references, we do not know which one was used (notebook 03).
# - For blocks below 8 x 8, FFmpeg exports only one of four vectors (notebook 03).
# - B-frames blend two references, and we do not always know how.
# - A reference may be made brighter or darker before it is copied ("weighted" prediction).
# - For codecs other than H.264 the package never claims to be exact.
#
# Files encoded for watching use most of these. An approximation may be close or worthless. In
# `two_films.mp4` two films take turns, and we copied each frame from the *other* film: that is what eighty
# levels look like. A small size, on the other hand, does not prove that an approximation is close. So check
# `exact`, and if it is False, check `video.reference_distance_known`.
#
# ## Back to the I-frame
#
# A residual shows what is new since the *last* frame, 40 milliseconds ago. That is not much. What is new
# since the I-frame? To find out, chain the vectors: this cell came from there, and *that* place came from
# yet somewhere else. The sum of the vectors leads back to the I-frame and is called an [**accumulated
# vector**](../docs/glossary.md#motion-in-the-file). `motion(accumulate=True)` returns it.

# %% tags=["hide-input"]
from matplotlib.quiver import Quiver

accumulated = news.motion(accumulate=True)
near, cells = (slice(16, 128), slice(0, 120)), (slice(2, 16), slice(0, 15))  # the disc and a tile
figure = vector_panels(
    frames[[9, 9]][:, *near],
    [field.vectors[9][:, *cells] for field in (motion, accumulated)],
    [field.mask[9][cells] for field in (motion, accumulated)],
    labels=["since frame 8", "since the I-frame, frame 0"],
    every=4,
    title="Since the I-frame the disc has moved 27 pixels, and most of the tile comes from nowhere",
)
arrows = next(part for part in figure.axes[1].collections if isinstance(part, Quiver))
heads = np.stack([arrows.X + arrows.U - 67, arrows.Y + arrows.V - 36])  # from the disc's center
right = (np.hypot(*heads) < 30) & (np.hypot(arrows.U - 27, arrows.V) <= 1)
arrows.set_facecolor(np.where(right, COLORS["motion"], "#8C8C8C"))
figure.axes[1].set_xlabel("gray: not where this place really was in frame 0")
show(
    figure,
    "The disc and the green tile in frame 9, twice, with an arrow for every fourth cell of a row. Left, "
    "short arrows to the right on the disc. Right, arrows nine times as long in the middle of the disc; in "
    "gray, shorter ones at its front and top, and some on the wall behind it; and hatched cells where the "
    "tile is.",
)
print("accumulated vector in the middle of the disc:", *accumulated.vectors[9][:, 6, 8].tolist())
late = tiles.reshape(16, 8, 24, 8).all((1, 3))
print(f"cells inside the tiles that lead back to the I-frame: {accumulated.mask[9][late].mean():.0%}")

# %% [markdown]
# Follow a tile back in time, and the chain ends at frame 6, in an intra block. So most of its cells are
# masked: they do not come from the I-frame. The few others were copied from the wall and then corrected.
#
# And look at the gray arrows: some on the disc are too short, those at its front by half, and others lie on
# the wall behind it, which never moved. Something is wrong with them; we will meet it again below.
#
# Copy the I-frame along these vectors and subtract it from the current frame, and you have the
# **accumulated residual**: all that is new since the I-frame. (A network that learns from accumulated
# vectors and residuals is described in *Compressed Video Action Recognition*, 2018.)


# %%
def news_since(total, valid):
    """Frame 9 minus the I-frame copied along per-pixel vectors (2, H, W); 0 where they are not valid."""
    height, width = luma[0].shape
    y, x = np.mgrid[0:height, 0:width]
    to_y = np.rint(y + total[1]).astype(int).clip(0, height - 1)
    to_x = np.rint(x + total[0]).astype(int).clip(0, width - 1)
    return np.where(valid, minus(luma[9], luma[0][to_y, to_x]), 0)


# %%
by_cells = news_since(
    accumulated.vectors[9].repeat(8, 1).repeat(8, 2), accumulated.mask[9].repeat(8, 0).repeat(8, 1)
)
show(
    residual_panels(
        [residual.values[9], by_cells],
        [residual.mask[9], accumulated.mask[9]],
        labels=["new since frame 8", "new since the I-frame"],
        title="Behind the disc, wall that came into view; at its front edge, a crescent that is an error",
    ),
    "Left, a thin ring only. Right, strong values: on the left the trail of wall that came into view, "
    "on the right a dark crescent at the disc's front; around hatched places the tiles.",
)
print(f"mean size: {np.abs(residual.values[9]).mean():.1f} and {np.abs(by_cells).mean():.1f} levels")

# %% [markdown]
# The strongest thing in the right panel, the crescent at the front of the disc, is not news at all: the
# chain went wrong there. It is a chain of *cells*. In each step the middle of a cell decides from which
# cell the chain goes on, and a cell at the disc's front may hold mostly wall.
#
# **Exercise 2** (hard, 15 minutes). Chain *pixels* instead, one link at a time: each pixel of this frame
# has the vector of its cell, lands on a pixel of the frame before, and goes on from there. Decide for
# yourself what happens between pixels, at the border, and where the chain breaks. Does the crescent go
# away?


# %% tags=["exercise"]
def add_link(vectors, mask, total, valid):
    """(total, valid) of this frame's pixels, from its cells and from the pixels of the frame before.

    vectors (2, H8, W8) and mask (H8, W8) are this frame's; total (2, H, W) and valid (H, W) lead from the
    frame before back to the I-frame. Take the nearest pixel, and the nearest inside the frame; where it is
    not valid, total is 0.
    """
    ...


# %% tags=["check", "hide-input"]
def chain(fields, height, width):
    """The last link of a chain, with the learner's function; the I-frame has nothing to add."""
    link = np.zeros((2, height, width)), np.ones((height, width), bool)
    for vectors, mask in fields:
        link = add_link(vectors, mask, *link)
        if link is None:
            return None
    return np.array(link[0]), np.array(link[1])


def in_short(link):
    if not isinstance(link, tuple) or np.ndim(link[0]) != 3:
        return str(link)
    x, y = link[0].mean((1, 2))
    return f"{np.sum(link[1])} valid pixels, on average ({x:.2f}, {y:.2f})"


def pan(x, y):
    """Vectors of 2 x 3 cells, all the same."""
    return np.broadcast_to(np.reshape([x, y], (2, 1, 1)), (2, 2, 3)).astype(float)


full = np.ones((2, 3), bool)
ramp = np.stack([np.arange(6.0).reshape(2, 3), -np.arange(6.0).reshape(2, 3)])
wide = ramp.repeat(8, 1).repeat(8, 2)
column, row = np.arange(24), np.arange(16)
cases = []
for x, y in ((9, 9), (-9, -9), (2.75, -1.25)):
    there = np.rint(row + y).astype(int).clip(0, 15)[:, None], np.rint(column + x).astype(int).clip(0, 23)
    expected = wide[:, *there] + np.reshape([x, y], (2, 1, 1)), np.ones((16, 24), bool)
    cases.append(
        (f"a pan by ({x:g}, {y:g}) after another link", ([(ramp, full), (pan(x, y), full)], 16, 24), expected)
    )
gap = full & (np.arange(3) != 1)
reach = (column + 5).clip(0, 23)
valid = np.broadcast_to(((column // 8) != 1) & ((reach // 8) != 1), (16, 24))
cases.append(
    (
        "a chain that breaks in one column of cells",
        ([(pan(1, 0), gap), (pan(5, 0), gap)], 16, 24),
        (np.stack([6.0 * valid, 0.0 * valid]), valid),
    )
)
check(chain, cases, says=in_short, exercise="add_link")

# %% [markdown]
# <details><summary>Hint</summary>
# <code>vectors.repeat(8, 1).repeat(8, 2)</code> gives each pixel its cell's vector.
# <code>y, x = np.mgrid[0:height, 0:width]</code> holds the row and the column of each pixel. Two arrays
# of integers can index another array: <code>total[:, to_y, to_x]</code>.
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def add_link(vectors, mask, total, valid):
#     height, width = valid.shape
#     step, known = vectors.repeat(8, 1).repeat(8, 2), mask.repeat(8, 0).repeat(8, 1)
#     y, x = np.mgrid[0:height, 0:width]
#     to_y = np.rint(y + step[1]).astype(int).clip(0, height - 1)
#     to_x = np.rint(x + step[0]).astype(int).clip(0, width - 1)
#     valid = known & valid[to_y, to_x]
#     return (step + total[:, to_y, to_x]) * valid, valid
# ```
#
# </details>
#
# With your function the accumulated residual is one loop away:
#
# ```python
# link = np.zeros((2, 128, 192)), np.ones((128, 192), bool)
# for t in range(1, 10):
#     link = add_link(motion.vectors[t], motion.mask[t], *link)
# since = news_since(*link)
# show(
#     residual_panels(
#         [by_cells, since],
#         [accumulated.mask[9], link[1].reshape(16, 8, 24, 8).all((1, 3))],
#         labels=["chain of cells", "your chain of pixels"],
#         title="Is the crescent gone?",
#     ),
#     "The accumulated residual twice.",
# )
# print(f"{np.abs(since).mean():.1f} levels")
# ```
#
# <details><summary>Our result</summary>
# 2.6 levels on average, where the chain of cells left 4.5. The crescent is gone; the trail of wall behind
# the disc and the tiles remain. So almost half of what the chain of cells showed was its own error.
# </details>

# %% [markdown]
# ## What accumulating is worth
#
# Accumulated signals are stronger and easier to see, but they also collect errors. And they depend on where
# the I-frame happens to be. How many of the errors come from chaining cells? (The picture is the result of
# exercise 2. Stop here if you would rather see yours first.)

# %% tags=["hide-input"]
height, width = luma[0].shape
y, x = np.mgrid[0:height, 0:width]
total, valid = np.zeros((2, height, width)), np.ones((height, width), bool)
for field, known in zip(motion.vectors[1:10], motion.mask[1:10]):
    step = field.repeat(8, 1).repeat(8, 2)
    there = (
        np.rint(y + step[1]).astype(int).clip(0, height - 1),
        np.rint(x + step[0]).astype(int).clip(0, width - 1),
    )
    valid = known.repeat(8, 0).repeat(8, 1) & valid[there]
    total = (step + total[:, *there]) * valid
by_pixels = news_since(total, valid)
by_size = [np.abs(part).mean() for part in (by_cells, by_pixels)]
show(
    residual_panels(
        [by_cells, by_pixels],
        [accumulated.mask[9], valid.reshape(height // 8, 8, width // 8, 8).all((1, 3))],
        labels=[f"chain of {name}: {mean:.1f} levels" for name, mean in zip(("cells", "pixels"), by_size)],
        title="Chained pixel by pixel, the crescent is gone",
    ),
    "The accumulated residual of frame 9, twice. Left, chained by cells: a trail of wall behind the disc, "
    "and a dark crescent at the disc's front. Right, chained by pixels: the trail, and only a few spots "
    "instead of the crescent. The tiles are mostly hatched in both: hardly anything leads back from there.",
)

# %% [markdown]
# The paper that this course follows uses neither residuals nor accumulation. Does a residual help a network
# to *learn*? [13_residual](13_residual.ipynb) tries it.
#
# ## What we have seen
#
# - A frame is its prediction plus its residual. The prediction is the last frame, copied along the vectors
#   with the codec's own filter.
# - A residual shows what shifting cannot explain: the edges of moving things, new things, changes in the
#   light. For intra blocks we cannot know it, and the mask says so.
# - What we compute is the encoder's residual only if the file is H.264 with one reference and without
#   deblocking, weighting, B-frames and blocks below 8 x 8. `exact` says whether that is so.
#
# ## Quiz
#
# **1.** A camera pans across a still landscape, without zooming. Where is the residual strong?
#
# <details><summary>Answer</summary>
# At the border, where new landscape comes into view, if it is not stored anew (then it is masked). The rest
# has only shifted, if it is far enough away, so it can be predicted.
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
