# %% [markdown]
# # Real video
#
# So far every network of this course has learned from drawings. Drawings are honest teachers, since we know
# what is in them, but nobody films bricks and triangles. This notebook moves to real footage: people who
# shoot arrows, ride horses and play the cello, filmed by whoever had a camera. Three questions:
#
# 1. Does a network that has seen *nothing but drawings* recognize anything in real video?
# 2. What changes when the same method learns from real video instead?
# 3. Do the two parts of the vector, what stays and what moves, still divide the labor?
#
# **Goals.** After this notebook you will be able to
# - set up a fair test on real clips: what has to be equal, what has to be kept apart,
# - put an interval on a score when several clips come from one source video,
# - compare two networks on the same queries, and say whether the difference means anything,
# - read from a table of neighbors what a part of the vector has understood, and what it confuses,
# - run the same test on a folder of your own, or on UCF101.
#
# **Needs.** [10_retrieval](10_retrieval.ipynb) and [14_your_own_videos](14_your_own_videos.ipynb). Less than
# 1 minute on 2 cores, 0.5 GB of memory, no disk. The trainings took hours, so this notebook reads their log.
# To run the last part on your own videos, put a path between quotes here; its sub-folders are the classes.

# %%
import os

MY_FOLDER = os.environ.get("CVRL_UCF101")  # or a path, such as "/media/sports"
SOURCE = "v_.+_g[0-9]+"  # what files of one source video have in common; None: each file is a source

# %%
import json

import numpy as np

import cvrl_lite
from cvrl_lite import evaluate
from cvrl_lite.course.figures import show
from cvrl_lite.course.figures.judging import grid, ranges
from cvrl_lite.course.figures.search import confusion
from cvrl_lite.datasets import VideoDataset, VideoFolder

# %% [markdown]
# ## The clips
#
# UCF101 is a standard set of 13,320 clips from YouTube in 101 classes of action. We use eleven classes, 792
# clips:

# %%
CLASSES = [
    *("Archery", "BasketballDunk", "CricketBowling", "CricketShot", "HorseRace", "PizzaTossing"),
    *("PlayingCello", "PlayingPiano", "PlayingSitar", "PlayingViolin", "Surfing"),
]
GROUPS, CLIPS = 18, 4  # source videos a class, clips of each
print(len(CLASSES), "classes x", GROUPS, "source videos x", CLIPS, "clips =", len(CLASSES) * GROUPS * CLIPS)

# %% [markdown]
# Some are easy to tell apart by where they happen: only surfing happens on waves. Others share a place and
# differ in motion: bowling and batting are filmed on the same cricket pitch. Others share neither a place
# nor a large motion: somebody sits and plays an instrument. So we can ask what *kind* of knowledge a network
# has.
#
# **A trap in the files.** In the clips as published, the frame rate and the GOP nearly give the class away:
# two classes alone have 29.97 frames a second, and four alone have a key frame every 12. A network that reads
# motion vectors could learn *that* instead of the action. So every clip was decoded and encoded again in the
# same way: 256x192 pixels, 25 frames a second, at most 100 frames, a key frame every 12
# (`experiments/ucf11.py` makes the set from your copy of UCF101).
#
# **A second trap.** A class has 18 source videos, and four clips of each: same camera, same people, same
# minute. If one of the four is the query and another is in the gallery, the network only has to recognize
# the recording. So the sets are split by *source*:
#
# | set | source videos of each class | clips | what for |
# |---|---|---|---|
# | train | 12 | 528 | learning without labels, and the gallery that is searched |
# | val | 2 | 88 | every choice: the recipe, the penalty of the probe |
# | test | 4 | 176 | the queries of every score below |

# %% [markdown]
# ## The log
#
# `experiments/real.py` trains every network several times with different seeds and writes down, for each of
# the 176 queries, whether its nearest neighbor was of the right class. That is worth more than a single
# score: from the hits we can compute any interval and compare networks query by query.

# %%
experiments = cvrl_lite.data_path("README.md").parents[1] / "experiments"
runs = [json.loads(line) for line in (experiments / "real.jsonl").open(encoding="utf-8")]
PARTS = ("whole", "context", "motion")
QUERIES, TEST = 176, 4  # queries, and source videos of each class
labels = np.arange(QUERIES) // (TEST * CLIPS)  # the class of each query
sources = np.arange(QUERIES) // CLIPS  # the source video of each query


def hits(model, part="whole", measure="R@1"):
    """(176,) the share of a model's seeds that answer each query rightly."""
    rows = [run["parts"][part]["hits"][measure] for run in runs if run["model"] == model]
    return np.mean([[int(bit) for bit in row] for row in rows], 0)


seeds = {
    model: sum(run["model"] == model for run in runs) for model in dict.fromkeys(r["model"] for r in runs)
}
print("joint, trained on drawings: R@1", round(hits("joint, drawings").mean(), 2))
print("a guess:", round(1 / len(CLASSES), 2))

# %% [markdown]
# ## How sure? Count sources, not clips
#
# 176 queries sound like many. But they come from 44 source videos, and the four clips of one source succeed
# or fail together. What would the score be on *other* source videos? The **bootstrap** pretends that our
# sources are all there are, and draws 44 of them again and again, with replacement.

# %% [markdown]
# **Exercise 1** (medium, 10 minutes). Write that bootstrap. Draw whole sources: if a source is drawn twice,
# all its clips count twice. Use `random.integers(0, number of sources, number of sources)` for each draw.


# %% tags=["exercise"]
def bootstrap(hit, sources, draws, random):
    """(draws,) shares of hits, each over as many sources as there are, drawn with replacement."""
    ...


# %% tags=["check"]
def right_bootstrap(hit, sources, draws, random):
    rows = [np.flatnonzero(sources == source) for source in np.unique(sources)]
    shares = []
    for _ in range(draws):
        drawn = random.integers(0, len(rows), len(rows))
        shares.append(np.mean(hit[np.concatenate([rows[number] for number in drawn])]))
    return np.array(shares)


cases = [
    (np.repeat([1.0, 0.0, 1.0, 0.0], 4), np.repeat([7, 3, 9, 1], 4)),
    (np.array([1.0, 1.0, 1.0, 0.0, 0.0]), np.array([0, 0, 0, 1, 2])),
]
wrong = ""
for hit, source in cases:
    said = bootstrap(hit, source, 500, np.random.default_rng(0))
    expected = right_bootstrap(hit, source, 500, np.random.default_rng(0))
    if said is None or np.shape(said) != (500,):
        wrong = f"expected an array of shape (500,), got {None if said is None else np.shape(said)}"
    elif not np.allclose(np.sort(said), np.sort(expected)):
        wrong = (
            f"for hits {hit.astype(int).tolist()} of sources {source.tolist()} the shares should spread by "
            f"{expected.std():.3f} around {expected.mean():.3f}; yours by {np.std(said):.3f} around "
            f"{np.mean(said):.3f}"
        )
    if wrong:
        break
print(f"Not yet: {wrong}." if wrong else "Right.")

# %% [markdown]
# <details><summary>Hint</summary>
# Collect the rows of each source first. Sources may have different numbers of clips, so concatenate the rows
# of the drawn sources and take one mean over all of them.
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def bootstrap(hit, sources, draws, random):
#     rows = [np.flatnonzero(sources == source) for source in np.unique(sources)]
#     shares = []
#     for _ in range(draws):
#         drawn = random.integers(0, len(rows), len(rows))
#         shares.append(np.mean(hit[np.concatenate([rows[number] for number in drawn])]))
#     return np.array(shares)
# ```
# </details>


# %%
def interval(values):
    """The 95 % interval of the mean of (176,) values: whole sources are drawn again, 10,000 times."""
    by_source = values.reshape(-1, CLIPS).mean(1)
    drawn = np.random.default_rng(0).integers(0, len(by_source), (10_000, len(by_source)))
    return tuple(np.quantile(by_source[drawn].mean(1), [0.025, 0.975]))


hit = hits("joint, drawings")
by_clip = np.random.default_rng(0).choice(hit, (10_000, QUERIES)).mean(1)
print("clips drawn: ", np.quantile(by_clip, [0.025, 0.975]).round(2))
print("sources drawn:", np.round(interval(hit), 2))

# %% [markdown]
# The honest interval is wider. Keep that in mind for everything below: on 44 sources, a difference of less
# than about .1 between two *separate* scores is hard to tell from luck. Comparing two networks on the *same*
# queries is easier, as we will see.
#
# ## Question 1: do drawings teach anything about real video?
#
# Five contestants, none of which has seen a single real frame: the **color histogram** of a clip (no network
# at all), an **untrained** network, and our three networks trained on drawings.

# %%
NO_REAL = ["color histograms", "untrained", "context, drawings", "motion, drawings", "joint, drawings"]


def scores(models, measure="R@1", part=None):
    """Lower end, mean and upper end for each model and its best part, or a given one."""
    found = {}
    for model in models:
        there = [p for p in PARTS if p in next(r for r in runs if r["model"] == model)["parts"]]
        best = part or max(there, key=lambda p: hits(model, p, measure).mean())
        values = hits(model, best, measure)
        low, high = interval(values)
        found[model if len(there) == 1 else f"{model}: {best}"] = (low, values.mean(), high)
    return found


found = scores(NO_REAL)
show(
    ranges(
        found,
        label="R@1 on real clips, 95 % interval over sources",
        zero=1 / 11,
        title="R@1 of what never saw a real frame",
    ),
    "Dots with whiskers: "
    + "; ".join(f"{name} {middle:.2f}" for name, (_, middle, _) in found.items())
    + ".",
)


# %%
def compare(one, other, measure="R@1", parts=("whole", "whole")):
    """Prints the difference of two models on the same queries, with its interval."""
    gap = hits(one, parts[0], measure) - hits(other, parts[1], measure)
    low, high = interval(gap)
    print(f"{one} less {other}, {measure}: {gap.mean():+.2f} ({low:+.2f} to {high:+.2f})")
    return low, high


for measure in ("R@1", "linear"):
    compare("joint, drawings", "color histograms", measure)
    compare("joint, drawings", "untrained", measure)

# %% [markdown]
# A network that has seen nothing but drawings, and no label, does better on real video than an untrained one
# of the same shape. It even beats color histograms, a strong opponent because a class is often filmed in the
# same kind of place. In the first figure the bars overlap; the differences, taken query by query, do not
# include zero.
#
# **Why should drawings help at all?** We can only guess. How things move, left or right, together or apart,
# steadily or in jerks, is much the same in a drawing and in a film, and so are edges and textures to the
# first layers of a network. The network that learned *motion* from drawings stands a little ahead of the one
# that learned *context*, but 44 sources do not settle that:

# %%
compare("motion, drawings", "context, drawings", parts=("context", "context"))

# %% [markdown]
# ## Question 2: what if it learns from real video?
#
# The same recipe, now on the 528 training clips, without their labels: 600 steps of 40 clips. And a third
# way: start from the drawings' network and go on with real clips.

# %%
REAL = ["joint, drawings", "context", "motion", "joint", "joint, drawings then real"]
REAL = [model for model in REAL if model in seeds]
for measure in ("R@1", "linear"):
    found = scores(REAL, measure)
    show(
        ranges(
            found,
            label=f"{measure} on real clips, 95 % interval over sources",
            title=f"{measure}, by each network's best part",
        ),
        "Dots with whiskers: "
        + "; ".join(f"{name} {middle:.2f}" for name, (_, middle, _) in found.items())
        + ".",
    )

# %%
for model in REAL[1:]:
    for measure in ("R@1", "linear"):
        compare(model, "joint, drawings", measure)

# %% [markdown]
# Two measures, two stories. R@1 asks whether *nearest neighbors* share a class, with no label at all; here
# starting from drawings and going on with real clips scores highest. The linear probe asks what 528 labels
# can pull out of the vector, and by that measure drawings alone are hard to beat. A likely reason: with only
# 132 source videos, a network also learns to tell *those* apart, which is of no use for new ones.
#
# ## Question 3: what stays, what moves
#
# Some classes share a place, others share a motion. So the two parts of the vector should make different
# mistakes. R@1 of each class, by part:

# %%
MODEL = "joint, drawings then real" if "joint, drawings then real" in seeds else "joint"


def by_class(model, part):
    """(11,) R@1 of each class."""
    return hits(model, part).reshape(len(CLASSES), -1).mean(1)


columns = {
    "color": ("color histograms", "whole"),
    "context part": (MODEL, "context"),
    "motion part": (MODEL, "motion"),
}
columns = {name: by_class(*where) for name, where in columns.items() if where[0] in seeds}
show(
    grid(
        [[[values[row]] for values in columns.values()] for row in range(len(CLASSES))],
        rows=CLASSES,
        columns=list(columns),
        title="R@1 of each class",
    ),
    "A table of shares: "
    + "; ".join(
        f"{name} by {part} {values[row]:.2f}"
        for part, values in columns.items()
        for row, name in enumerate(CLASSES)
    )
    + ".",
)

# %% [markdown]
# **Exercise 2** (easy, 5 minutes). The log also holds the class of each query's nearest neighbor, as a digit
# of base 16: `0` is Archery, `a` Surfing. Count who is taken for whom.


# %% tags=["exercise"]
def confusions(neighbors, labels):
    """(11, 11) integers: row a, column b counts queries of class a whose nearest clip is of class b."""
    ...


# %% tags=["check"]
case, truth = "0a210", np.array([0, 0, 10, 1, 0])
expected = np.zeros((11, 11), int)
np.add.at(expected, (truth, [0, 10, 2, 1, 0]), 1)
said = confusions(case, truth)
if said is None or np.shape(said) != (11, 11):
    print(f"Not yet: expected an array of shape (11, 11), got {None if said is None else np.shape(said)}.")
elif not np.array_equal(said, expected):
    row, column = np.argwhere(np.asarray(said) != expected)[0]
    print(
        f"Not yet: for neighbors '{case}' of classes {truth.tolist()}, cell ({row}, {column}) should be "
        f"{expected[row, column]}, yours is {np.asarray(said)[row, column]}."
    )
else:
    print("Right.")

# %% [markdown]
# <details><summary>Hint</summary>
# <code>int(digit, 16)</code> turns a digit into a number. <code>np.add.at</code> adds to a cell as often as
# it is named; plain indexing adds only once.
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def confusions(neighbors, labels):
#     counts = np.zeros((11, 11), int)
#     np.add.at(counts, (labels, [int(digit, 16) for digit in neighbors]), 1)
#     return counts
# ```
# </details>

# %%
digits = {
    part: next(run for run in runs if run["model"] == MODEL)["parts"][part]["neighbors"] for part in PARTS
}
for part in ("context", "motion"):
    counts = np.zeros((11, 11), int)
    np.add.at(counts, (labels, [int(digit, 16) for digit in digits[part]]), 1)
    show(
        confusion(
            counts, CLASSES, found="nearest neighbor", title=f"Who is taken for whom, by the {part} part"
        ),
        f"By the {part} part {int(counts.trace())} of {QUERIES} queries find their own class.",
    )

# %% [markdown]
# ## Your own clips
#
# The same test on a folder of yours: sub-folders are classes, `SOURCE` says which files come from one video,
# and a third of the sources is held out. At most 20 files of each class are used. Without a folder, nothing
# happens here.


# %% tags=["nbval-ignore-output"]
def some_of(videos, count=20):
    """At most so many files of each class, from as many sources as possible."""
    random, kept = np.random.default_rng(0), []
    for number in range(len(videos.classes["class"])):
        rows = [entry for entry in videos.entries if entry.labels["class"] == number]
        kept += [rows[place] for place in random.permutation(len(rows))[:count]]
    return VideoDataset(kept, videos.classes)


if MY_FOLDER:
    gallery, queries = some_of(VideoFolder(MY_FOLDER, SOURCE)).split(holdout=1 / 3)
    model = cvrl_lite.load("joint")
    tables = [model.embed(data) for data in (gallery, queries)]
    for part in (None, "context", "motion"):
        score = evaluate.measure(*tables, part=part, protocols=["retrieval"])["R@1"]
        low, high = score.interval
        print(
            f"{part or 'whole'}: R@1 {score.share:.2f} ({low:.2f} to {high:.2f}), a guess {score.chance:.2f}"
        )
else:
    print("no folder: set MY_FOLDER above, or $CVRL_UCF101")

# %% [markdown]
# ## All of UCF101, and GPUs
#
# What you have read here took minutes on one core per training, at 64 pixels. The paper's recipe looks at
# 16 frames of 112 pixels with a network fifty times as large, for 120 epochs. It is one command:
#
# ```bash
# cvrl-lite download ucf101 --out ~/ucf101          # or your own copy
# cvrl-lite pretrain --recipe ucf101_r2plus1d26 --root ~/ucf101 --out runs/ucf101
# torchrun --nproc-per-node 8 -m cvrl_lite.cli pretrain ...   # the same arguments, on eight GPUs
# ```
#
# [14_your_own_videos](14_your_own_videos.ipynb) works out what that costs, from a measured step on one H100
# ([benchmarks](../docs/benchmarks.md)). And the table of this notebook is made again by
#
# ```bash
# python experiments/ucf11.py ~/ucf101 runs/ucf11   # the eleven classes, encoded alike
# python experiments/real.py --root runs/ucf11      # every network; resumable, hours
# ```
#
# ## What we have seen
#
# - A fair test on real clips keeps source videos apart and removes what the file format gives away.
# - Four clips of one source are not four independent queries; intervals have to draw whole sources.
# - Networks that have seen nothing but drawings beat an untrained network and color histograms on real
#   actions.
# - Going on with 528 real clips scores higher by nearest neighbors, and hardly by a linear probe. Against
#   drawings alone, 44 sources cannot settle how much of that is luck.
# - The two parts of the vector make different mistakes.
#
# ## Quiz
#
# **1.** Somebody reports R@1 = .95 on UCF101 with "leave one out": each clip searches all other clips. What
# was measured?
#
# <details><summary>Answer</summary>
# Mostly whether a clip finds another clip of its own source video: the same camera, people and minute.
# </details>
#
# **2.** Two networks have overlapping intervals. May one still be shown to be better?
#
# <details><summary>Answer</summary>
# Yes: compare them on the same queries. The interval of the *difference* is usually narrower, because hard
# sources are hard for both.
# </details>
#
# **3.** Why were all clips encoded again before the test?
#
# <details><summary>Answer</summary>
# As published, frame rate and GOP depend on the class. A network that reads motion vectors and key frames
# could learn those instead of the action.
# </details>
#
# ## Next, and further reading
#
# This was the last notebook. What comes next is your own question: a folder, a recipe with one thing
# changed, three seeds, and an honest table.
#
# - [The study](../docs/study.md): the whole table, with every seed.
# - [Model cards](../docs/model_cards.md): what the shipped networks are good for.
# - [UCF101](https://www.crcv.ucf.edu/research/data-sets/ucf101/): Soomro, Zamir and Shah, 2012.
# - Bradley Efron, "Bootstrap Methods: Another Look at the Jackknife", Annals of Statistics 7, 1979.
