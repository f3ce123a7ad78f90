# %% [markdown]
# # Retrieval: which clip is nearest, and how sure are we?
#
# "Show me more like this." Search by example needs no classifier and no training: take the feature
# vectors as they are and look up the nearest ones. That makes it the cheapest test of a pretrained
# network, and one line of the paper's table. It is also a test with a lot of small print. In this
# notebook we write the whole test by hand, look at what it finds, and then try to break it: with ties,
# with copies, with a large k, with too few queries.
#
# **Goals.** After this notebook you will be able to
# - write retrieval from the clip to [R@k](../docs/glossary.md#measuring), and say what a retrieval
#   protocol has to state,
# - explain how ties or copies can produce a good score, and find such copies,
# - put a confidence interval on R@1, and compare two scores on the same queries,
# - say what guessing would score at any k, and why a score without its k means nothing,
# - search a gallery that does not fit into memory,
# - look at the errors, by pairs of classes and one by one, and turn guesses about them into tests.
#
# **Needs.** [07_context_matching](07_context_matching.ipynb) and
# [09_joint_pretraining](09_joint_pretraining.ipynb). Between 1 and 2 minutes on 2 cores, 1 GB of memory,
# 31 MB of disk beside the clips.

# %%
import json
import tempfile
from math import comb
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

import cvrl_lite
from cvrl_lite import evaluate
from cvrl_lite.course import figures
from cvrl_lite.course.claims import holds
from cvrl_lite.course.figures import show
from cvrl_lite.course.figures.judging import grid, ranges, ranges_in_words
from cvrl_lite.course.widgets import laboratory
from cvrl_lite.datasets import MovingScenes, decode, evaluation_clips
from cvrl_lite.pretrained import Embeddings
from cvrl_lite.transforms import MEAN, STD, normalize

pretrained = cvrl_lite.load("joint")
joint, recipe = pretrained.backbone, pretrained.recipe
everything = MovingScenes("train")
gallery = decode(everything.subset(range(400)), size=recipe.decoded_size, vectors=False)
queries = decode(MovingScenes("val"), size=recipe.decoded_size, vectors=False)
labels = {name: (queries.labels(name), gallery.labels(name)) for name in ("scene", "action")}
names = queries.classes["scene"]
print(len(queries.videos), "queries,", len(gallery.videos), "clips in the gallery")


# %% [markdown]
# The **gallery**, the clips we search in, is a part of the training split, so that this takes a minute.
# The **queries**, the clips we search for, are `val`. The `test` split stays closed: we are going to try
# many things, and the best of many tries on `test` would owe some of its score to luck.
#
# ## Retrieval, step by step
#
# What the literature calls "the retrieval protocol" is a chain of small decisions. Take a few clips from
# each video, evenly spread. Take the middle square of each frame (our frames are squares already),
# scaled to the network's size, without random augmentation. Send each clip through the backbone, and
# average its feature maps over time and space. Let us follow one video.

# %%
FRAMES, STRIDE = recipe.sampling.frames, 2  # every second frame, at 25 a second
video = queries.videos[0]
last = len(video.frames) - 1 - STRIDE * (FRAMES - 1)  # the last frame where a clip can begin
starts = np.linspace(0, last, 3 + 2)[1:-1].round().astype(int)  # neither the very first nor the last
clips = np.stack([video.frames[start : start + STRIDE * FRAMES : STRIDE] for start in starts])
assert np.array_equal(clips, evaluation_clips(video, recipe.sampling, 3))


def preprocess(clips):
    """Clips (B, T, S, S, 3) uint8 as the network gets them: (B, 3, T, 64, 64), normalized."""
    frames = torch.from_numpy(clips).flatten(0, 1).permute(0, 3, 1, 2) / 255
    size = recipe.augmentation.size
    frames = F.interpolate(frames, (size, size), mode="bilinear", align_corners=False)
    return normalize(frames, MEAN, STD, dim=-3).unflatten(0, clips.shape[:2]).transpose(1, 2)


@torch.no_grad()
def vectors(clips):
    """(B, 256): the mean of both maps, brought to length 1 and 1.5, side by side."""
    still, moving = (branch.mean((2, 3, 4)) for branch in joint.feature_maps(preprocess(clips)))
    return torch.cat([F.normalize(still), 1.5 * F.normalize(moving)], 1).numpy()


seen = tuple(preprocess(clips).shape)
print("clips", clips.shape, "-> network sees", seen, "-> vectors", vectors(clips).shape)

# %% [markdown]
# The last line of `vectors` is special to this course: a context part of length 1 beside a motion part
# of length 1.5 ([the experiments](../docs/experiments.md) say why 1.5). Most networks have a single map,
# and pooling is a single mean. Finally, the vector of a video is the mean over its clips. Now we do this
# for all videos, which takes a while, and keep the vectors of the single clips for later.

# %%
of_clips = {
    name: np.stack([vectors(evaluation_clips(video, recipe.sampling, 3)) for video in data.videos])
    for name, data in (("gallery", gallery), ("queries", queries))
}
X_gallery, X_query = (rows.mean(1) for rows in of_clips.values())  # (400, 256), (192, 256)
few = queries.subset(range(32))
assert np.allclose(X_query[:32], evaluate.features(joint, few, recipe.sampling), atol=1e-5)
print("clips", of_clips["gallery"].shape, "-> videos", X_gallery.shape, "and", X_query.shape)


# %% [markdown]
# The rest takes a few lines. Bring all vectors to length 1, so that a dot product is a
# [cosine](../docs/glossary.md#learning-without-labels). Compute a **table of cosines** with one row per
# query, and sort each row. A query is a **hit at k** if any of its k nearest clips has the query's
# label, and **R@k** is the share of queries that are hits. (R stands for *recall*; in other fields,
# recall@k is the share of *all* matching items that were found.)


# %% tags=["nbval-ignore-output"]
def unit(rows):
    """Rows of length 1."""
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def ranking(X_query, X_gallery):
    """(N, M) positions in the gallery, nearest first; ties keep the order of the gallery."""
    cosines = (unit(X_query) @ unit(X_gallery).T).round(6)
    return np.argsort(-cosines, axis=1, kind="stable")


KS = (1, 5, 10, 20, 50)
order = ranking(X_query, X_gallery)
assert np.array_equal(order[:, :50], evaluate.nearest(X_query, X_gallery, 50))
for name, (y_query, y_gallery) in labels.items():
    same = y_gallery[order] == y_query[:, None]
    by_hand = {f"R@{k}": same[:, :k].any(1).mean() for k in KS}
    assert by_hand == evaluate.retrieval((X_gallery, y_gallery), (X_query, y_query), ks=KS)
    print(f"{name:6}", " ".join(f"{key} {share:.2f}" for key, share in by_hand.items()))

# %% [markdown]
# Our numbers equal the package's. Before we believe any of them, let us look at what is counted. Each
# row below is the ranking of one query. Which columns decide about R@1, and which about R@10? And does
# R@10 notice whether one of the ten is right, or nine?

# %%
rows = np.arange(0, 192, 16)
y_query, y_gallery = labels["scene"]
same = (y_gallery[order] == y_query[:, None])[rows, :50]
right = same[:, :10].sum(1)
title = (
    f"R@10 counts {(right > 0).sum()} of 12 rows as hits, with {right.min()} to {right.max()} of ten right"
)
show(
    figures.rankings(same, [names[y_query[row]] for row in rows], title=title),
    "Twelve rows of fifty cells, one row a query; cells of the query's own scene are filled, and the first "
    f"of them has a dot. {same[:, 0].sum()} dots stand in the first column; filled cells are densest left.",
)

# %% [markdown]
# R@k asks for *one* right clip and ignores the others. So everything follows from one number per query:
# its **rank**, the position of the first right clip in its ranking.
#
# **Exercise 1** (easy, 5 minutes). Find that position, counted from 1. Ties keep the order of the
# gallery; the check also tries cosines rounded to one decimal, so that there are many ties.


# %% tags=["exercise"]
def first_right(cosines, y_query, y_gallery):
    """(N,): the position, counted from 1, of the nearest clip with the query's label.

    cosines: (N, M); y_query: (N,) labels; y_gallery: (M,) labels.
    """
    ...


# %% tags=["check"]
table, verdict = (unit(X_query) @ unit(X_gallery).T).round(6), "Right."
cases = [("four cosines", np.array([[0.5, 0.9, 0.9, 0.9]]), np.array([1]), np.array([0, 0, 1, 1]))]
cases += [(f"by {name}", table, *pair) for name, pair in labels.items()]
cases += [(f"by {name}, cosines with one decimal", table.round(1), *pair) for name, pair in labels.items()]
for name, cosines, y_query, y_gallery in cases:
    answer = first_right(cosines, y_query, y_gallery)
    if np.shape(answer) != (len(y_query),):
        verdict = f"Not yet: {name}: you say {answer}, expected an array ({len(y_query)},)."
        break
    for row, label in enumerate(y_query):
        own = np.flatnonzero(y_gallery == label)
        best = own[cosines[row, own].argmax()]  # of equals the first
        expected = 1 + (cosines[row] > cosines[row, best]).sum()
        expected += (cosines[row, :best] == cosines[row, best]).sum()
        if answer[row] != expected:
            verdict = f"Not yet: {name}, query {row}: you say {answer[row]}, expected {expected}."
            break
    if verdict != "Right.":
        verdict += " Ties keep the order of the gallery."
        break
print(verdict)

# %% [markdown]
# <details><summary>Hint</summary>
# Sort as <code>ranking</code> does, compare the labels, and remember that <code>argmax</code> of
# booleans gives the first one that is true. (Here every label occurs in the gallery. If one did not,
# <code>argmax</code> would return 0, and you would count a hit.)
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def first_right(cosines, y_query, y_gallery):
#     order = np.argsort(-cosines, axis=1, kind="stable")
#     return (y_gallery[order] == y_query[:, None]).argmax(1) + 1
# ```
#
# </details>

# %% [markdown]
# ## One query, several neighborhoods
#
# Our vector has two parts, so a query has more than one neighborhood. We search three times: by the
# context part, by the motion part, and by the whole vector. The first row of the figure shows stills and
# ticks clips of the same scene. The second blends twelve frames into one, like a long exposure, and
# ticks clips of the same action. The third ticks only clips that share *both*. Drag the slider to browse
# the queries.

# %%
parts = {
    "context part": joint.parts["context"],
    "motion part": joint.parts["motion"],
    "whole": slice(None),
}
orders = {name: ranking(X_query[:, part], X_gallery[:, part]) for name, part in parts.items()}


def image_of(data, place, row):
    """How a video is shown: a still in the first row, a long exposure in the others."""
    frames = data.videos[place].frames
    return figures.long_exposure(frames[:12]) if row else frames[0]


def label_of(data, place, row):
    """A video's scene, its action, or both."""
    numbers = data.videos[place].entry.labels
    texts = [data.classes[name][numbers[name]] for name in ("scene", "action")]
    return texts[row] if row < 2 else "\n".join(texts)


def look(query):
    """A query's neighbors by each part and by the whole vector, as a figure and in words."""
    places = [order[query, :5] for order in orders.values()]
    query_labels = [label_of(queries, query, row) for row in range(3)]
    found_labels = [[label_of(gallery, place, row) for place in places[row]] for row in range(3)]
    agree = [sum(text == query_labels[row] for text in found_labels[row]) for row in range(3)]
    words = f"context part: {agree[0]} of 5 agree; motion part: {agree[1]} of 5; whole: {agree[2]} of 5"
    found = [[image_of(gallery, place, row) for place in places[row]] for row in range(3)]
    images = np.stack([image_of(queries, query, row) for row in range(3)])
    return figures.neighbors(images, np.array(found), query_labels, found_labels, title=words), (
        f"Query {query}: {words}"
    )


laboratory(look, {"query": tuple(range(0, 192, 16))}, {"query": 32})

# %%
figure, words = look(100)
show(figure, f"Three rows of a query and five neighbors: stills, then blurs with trails. {words}.")


def bars(values, **words):
    """Shows `{name: share}` as bars."""
    said = ", ".join(f"{name} {share:.2f}" for name, share in values.items())
    show(figures.bars(values, form=".2f", **words), f"{len(values)} bars: {said}.")


def hits(name, part="whole", X_query=X_query, X_gallery=X_gallery):
    """(192,) bool: does the nearest clip, by this part, have the query's label?"""
    columns, (y_query, y_gallery) = parts[part], labels[name]
    return evaluate.hits((X_gallery[:, columns], y_gallery), (X_query[:, columns], y_query), ks=(1,))[:, 0]


r1 = {(name, part): hits(name, part).mean() for name in labels for part in parts}
shared = [len({*a} & {*b}) for a, b in zip(orders["context part"][:, :5], orders["motion part"][:, :5])]
holds("the five neighbors by each part have fewer than .5 clips in common, on average", np.mean(shared) < 0.5)
for part, high, low in (("context part", "scene", "action"), ("motion part", "action", "scene")):
    holds(f"{part}: {high} R@1 over .7, {low} R@1 below .3", r1[high, part] > 0.7 and r1[low, part] < 0.3)

# %% [markdown]
# Almost no clip is a neighbor in both rows. "Similar" is not a fact about two clips; it depends on the
# question. The third row has to satisfy both questions. In a gallery of 400, about three clips share
# scene and action with a query, and if none of them comes first, at least one label is wrong. That is
# why R@1 by the whole vector is lower than R@1 by the right part. The network has not forgotten
# anything: the knowledge is there.
#
# So **search for places with the context part, and for actions with the motion part**. In the package,
# the features of a data set are a table, `Embeddings`, made by `pretrained.embed(data)`.
# `table.part("motion")` slices it, and every protocol takes `part=`. Beside R@1 we print the accuracy of
# a **[linear probe](../docs/glossary.md#measuring)** on the same part: a linear classifier trained on
# the gallery (the topic of the next notebook).

# %%
tables = [
    Embeddings.from_arrays(X, {n: pair[side] for n, pair in labels.items()}, data.classes, parts=joint.parts)
    for side, (X, data) in enumerate(((X_query, queries), (X_gallery, gallery)))
]
by_part = {
    name: evaluate.scores(tables[1], tables[0], part=part)
    for name, part in (("context part", "context"), ("motion part", "motion"), ("whole vector", None))
}
assert by_part["context part"]["scene"]["R@1"] == r1["scene", "context part"]
columns = [(name, measure) for name in labels for measure in ("R@1", "linear")]
values = [[[found[name][measure]] for name, measure in columns] for found in by_part.values()]
words = (
    f"{part}: " + ", ".join(f"{name} {measure} {found[name][measure]:.2f}" for name, measure in columns) + "."
    for part, found in by_part.items()
)
show(
    grid(
        values,
        rows=list(by_part),
        columns=[f"{name}, {measure}" for name, measure in columns],
        title="Each part finds its own label; a probe finds both in the whole vector",
    ),
    "A table of three rows and four columns. " + " ".join(words),
)
for name, own in (("scene", "context part"), ("action", "motion part")):
    r_own, r_whole = (by_part[part][name]["R@1"] for part in (own, "whole vector"))
    linear_own, linear_whole = (by_part[part][name]["linear"] for part in (own, "whole vector"))
    holds(f"{name}: R@1 by the {own} is over .1 above the whole vector's", r_own > r_whole + 0.1)
    holds(f"{name}: for the linear probe the two are within .1", abs(linear_own - linear_whole) < 0.1)

# %% [markdown]
# ## Ties: which of two equals comes first?
#
# Above, `kind="stable"` looked like pedantry, since two cosines are hardly ever equal. But large
# galleries are often **stored with few bits per vector**. Let us keep 16 signs of each vector: is this
# number above or below its mean? The cosine of two such codes takes only 17 values. Now there are many
# ties, and something has to decide them. Here are four scores, and each looks honest: the unluckiest and
# the luckiest of 100 orders of the gallery; the mean over all possible orders; and the share of queries
# for which *some* clip of the highest cosine has the right label, which is what `>=` counts.

# %%
y_query, y_gallery = labels["scene"]
columns = range(0, 128, 8)  # 16 numbers of the context part
middle = X_gallery[:, columns].mean(0)
gallery_bits, query_bits = (np.where(rows[:, columns] > middle, 1.0, -1.0) for rows in (X_gallery, X_query))
products = query_bits @ gallery_bits.T  # (192, 400), -16 .. 16 in steps of 2
best = products == products.max(1, keepdims=True)
right = best & (y_gallery == y_query[:, None])

random = np.random.default_rng(0)
mixed = [random.permutation(400) for _ in range(100)]
by_order = [
    evaluate.hits((gallery_bits[m], y_gallery[m]), (query_bits, y_query), ks=(1,)).mean() for m in mixed
]
tied = {
    "worst of 100 orders of the gallery": min(by_order),
    "best of them": max(by_order),
    "mean over all orders": (right.sum(1) / best.sum(1)).mean(),
    "with >=, ties count as hits": right.any(1).mean(),
}
worst, best_order, fair, kind = tied.values()
bars(tied, label="scene R@1, 16 bits", title=f"From {worst:.2f} to {kind:.2f}: ties decide", role="context")
holds("more than half of the queries have a tie for first place", (best.sum(1) > 1).mean() > 0.5)
holds("the order alone moves R@1 by over .05, and >= adds another .1", kind - 0.1 > best_order > worst + 0.05)

# %% [markdown]
# The extreme case is a [collapsed](../docs/glossary.md#learning-without-labels) network, whose vectors
# are all the same. Everything ties with everything, and scored with `>=`, the network is perfect.

# %%
flat = np.ones((400, 8), np.float32)
kind = np.mean([(y_gallery == label).any() for label in y_query])  # with >=, any of the 400 may be meant
strict = evaluate.retrieval((flat, y_gallery), (flat[:192], y_query), ks=(1,))["R@1"]
holds("collapsed: R@1 is 1 if ties count as hits, else 1/16", kind == 1 and strict == 1 / 16)

# %% [markdown]
# So the package has a fixed rule for ties: cosines that agree to six digits are equal, and ties keep the
# order of the gallery. Why six digits? The same matrix product can differ in the seventh digit if it is
# computed in blocks of another size; without rounding, the *block size* would decide. A gallery sorted
# by class is a bad idea all the same. Shuffle it once, with a fixed seed.
#
# ## Copies: the leak that looks like progress
#
# Now for a worse accident. Suppose a quarter of the query videos are in the gallery as well, as other
# clips of the same video. That happens when clips of one long film end up on both sides of a split. We
# plant such copies: the middle clip of every fourth query.

# %%
copied = np.arange(0, 192, 4)
planted, leak = np.concatenate([X_gallery, of_clips["queries"][copied, 1]]), {}
for name, (y_query, y_gallery) in labels.items():
    leaky = evaluate.retrieval((planted, np.append(y_gallery, y_query[copied])), (X_query, y_query), ks=(1,))[
        "R@1"
    ]
    leak |= {f"{name}, clean": r1[name, "whole"], f"{name}, with 48 copies": leaky}
bars(leak, label="R@1", title="With copies both scores rise, and nothing was learned", role="joint")
holds("each score rises by more than .05", min(np.diff(list(leak.values()))[::2]) > 0.05)

# %% [markdown]
# No step of the protocol complains. What helps is to look at the *cosines* of the nearest neighbors, and
# to require that both parts agree: a clip may resemble another by its background or by its motion, but
# rarely by both. In the figure, a hatched bar that stands alone on the right is no coincidence.


# %%
def twins(X_query, X_gallery):
    """(N,): each query's highest cosine, where a clip counts with the lower of its two parts."""
    tables = [unit(X_query[:, part]) @ unit(X_gallery[:, part]).T for part in list(parts.values())[:2]]
    return np.minimum(*tables).max(1)


honest, copies = twins(X_query, X_gallery), twins(X_query[copied], planted)
found = copies > honest.max() + 1e-4
show(
    figures.histograms(
        {"192 queries, clean gallery": honest, "48 queries with a copy": copies},
        np.linspace(0.9, 1, 51),
        label="cosine of the nearest clip, the lower of the two parts'",
        title=f"{found.sum()} of 48 copies are nearer than any honest neighbor",
    ),
    "Two histograms. The clean gallery's cosines end before .99; most copies lie to their right.",
)
steady = labels["action"][0][copied] < 4  # right, down, clockwise, counter-clockwise
holds("found: all steady copies, under .3 of the others", found[steady].all() and found[~steady].mean() < 0.3)

# %% [markdown]
# But this does not find all copies. The vector of a video is the mean over three clips. A video that
# turns, shakes, pulses or stops moves differently in each of them, so one clip alone is not close to the
# mean. Prevention is better: split by **source**, not by clip. In UCF101, a popular data set of human
# actions, clips come in groups that were cut from one video, and the official lists keep each group on
# one side. In MovingScenes every clip is drawn from its own seed. And if queries and gallery are the
# same set, you have to leave out each query's own group yourself.
#
# **Exercise 2** (medium, 8 minutes). Every clip of a set is a query, and all clips of *other sources*
# are its gallery. Compute R@1 for a label, by cosine. (Without this rule a clip would find itself, and
# then the other clips of its video. The vectors may have any length and come in any order.)


# %% tags=["exercise"]
def among_themselves(vectors, labels, sources):
    """R@1 of vectors (N, D) among themselves, own source left out; labels and sources (N,)."""
    ...


# %% tags=["check"]
clips_of_queries = of_clips["queries"].reshape(-1, 256)  # three clips of each of 192 videos, in order
sources, scenes = np.repeat(np.arange(192), 3), np.repeat(queries.labels("scene"), 3)
shuffled = np.random.default_rng(0).permutation(576)
clips_of_queries, sources, scenes = clips_of_queries[shuffled], sources[shuffled], scenes[shuffled]
expected = []
for own in (sources == source for source in range(192)):
    expected += [
        *evaluate.hits((clips_of_queries[~own], scenes[~own]), (clips_of_queries[own], scenes[own]), ks=(1,))
    ]
lengths = np.random.default_rng(1).uniform(0.2, 5, (576, 1))
verdict = "Right."
for what, rows in (
    ("the clips", clips_of_queries),
    ("the clips, made longer or shorter", clips_of_queries * lengths),
):
    answer = among_themselves(rows.copy(), scenes, sources)
    if answer is None or abs(answer - np.mean(expected)) > 0.003:
        verdict = f"Not yet: for {what} you say {answer}, expected {np.mean(expected):.2f}."
        break
print(verdict)

# %% [markdown]
# <details><summary>Hint</summary>
# <code>sources[:, None] == sources</code> marks the cells of the table that must not count. A cosine is
# never below -1.
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def among_themselves(vectors, labels, sources):
#     cosines = unit(vectors) @ unit(vectors).T
#     cosines[sources[:, None] == sources] = -2
#     return (labels[cosines.argmax(1)] == labels).mean()
# ```
#
# The score is far below the one above, because the search is harder: 191 other videos instead of 400,
# and single clips instead of means of three. Another gallery, another score.
#
# </details>

# %% [markdown]
# ## How sure is R@1?
#
# Our 192 queries are a sample. Another 192 clips of the same kind would have given another R@1; how
# different? We cannot draw new clips, but we can draw **from the queries we have, with replacement**, so
# that some appear twice and some not at all. Do that 2000 times and see how far R@1 moves. This is the
# **[bootstrap](../docs/glossary.md#measuring)**, and the middle 95 % of the draws form a **confidence
# interval**. For independent queries there is also a formula, **Wilson's interval**, in
# `evaluate.confidence_interval`. Here the two agree. With five queries, or if nearly all of them are
# hits, the bootstrap is far too narrow (with five hits in five, every draw gives 1), and Wilson's
# interval still works.

# %%
hit = hits("scene")  # (192,) bool
random = np.random.default_rng(0)
draws = np.array([hit[random.integers(0, 192, 192)].mean() for _ in range(2000)])
low, high = np.quantile(draws, [0.025, 0.975])
assert np.allclose([low, high], evaluate.confidence_interval(hit), atol=0.015)  # the draws' luck
show(
    figures.histograms(
        {"2000 draws": draws},
        np.arange(77.5, 155) / 192,
        label="scene R@1 of 192 queries drawn again (dashed: 95 % lie between)",
        title=f"Scene R@1 is {hit.mean():.2f}, give or take {(high - low) / 2:.2f}",
        counted="draws",
        marks=(low, high),
    ),
    f"A bell-shaped histogram around {hit.mean():.2f}; dashed lines at {low:.2f} and {high:.2f}.",
)
holds("the interval is wider than .1", high - low > 0.1)

# %% [markdown]
# The interval is some fourteen percentage points wide. Keep that in mind when you read a table whose
# rows differ by one percentage *point*. (Each of our clips was drawn on its own. Clips cut from the same
# video carry less information, and `confidence_interval(hit, groups)` takes that into account: 77 clips
# of 44 videos are worth fewer than 77.) Here are the six scores from above, with their intervals.


# %%
def whiskers(values, **words):
    """Shows `{name: (low, middle, high)}` as dots with whiskers."""
    show(ranges(values, **words), f"{len(values)} dots with whiskers: {ranges_in_words(values)}")


def sure(hit):
    """(lower end, share, upper end) of hits (N,)."""
    low, high = evaluate.confidence_interval(hit)
    return low, hit.mean(), high


six = {f"{name}, {part}": sure(hits(name, part)) for name in labels for part in parts}
whiskers(
    six,
    label="R@1, 192 queries",
    title="The choice of the part matters far more than the luck of the queries",
)
for name, own, other in (("scene", "context", "motion"), ("action", "motion", "context")):
    a, b, c = (six[f"{name}, {part}"] for part in (f"{own} part", "whole", f"{other} part"))
    holds(f"{name}: {own} part, whole, {other} part: the intervals do not touch", a[0] > b[2] and b[0] > c[2])

# %% [markdown]
# Note what the interval does not cover. It varies the queries, but neither the gallery nor the
# *training*. The same recipe with another seed is another network, and its R@1 on the very same queries
# differs. By how much? The course's own log knows. (It was measured on `test`, with all of `train` as
# the gallery, so compare the spread and not the level.)

# %%
experiments = cvrl_lite.data_path("README.md").parents[1] / "experiments"


def logged(name):
    """The runs in a log of the joint network, one for each seed."""
    runs = map(json.loads, (experiments / name).read_text(encoding="utf-8").splitlines())
    return [run for run in runs if run["model"] == "joint"]


for name in labels:
    found = [run["scores"][name]["R@1"] for run in logged("joint.jsonl")]
    print(f"{name:6} R@1 of {len(found)} seeds, whole vector:", *(f"{share:.2f}" for share in found))
    assert np.ptp(found) > 0.05
print("the same by part, mean ± standard deviation if there are several seeds:")
for name in labels:
    for part in ("context", "motion", "whole"):
        for measure in ("R@1", "linear"):
            found = [run["scores"][part][name][measure] for run in logged("parts.jsonl")]
            spread = f" ± {np.std(found, ddof=1):.2f}" if len(found) > 1 else ""
            print(f"  {name:6} {part:7} {measure:6} {np.mean(found):.2f}{spread}, {len(found)} seeds")

# %% [markdown]
# With any of these seeds, the choice of the part matters far more than luck, whether of the queries or
# of the training.

# %% [markdown]
# ## Do more clips a video help?
#
# Some papers use one clip per video, others ten; ten are said to be worth a few points. We search the
# gallery of three-clip means with queries of 1, 3 and 10 clips. For 1 we take the middle one of the
# three; the ten have to be computed. (Ten for the gallery as well would take another minute.)

# %%
ten = np.stack([vectors(evaluation_clips(video, recipe.sampling, 10)).mean(0) for video in queries.videos])
by_count = {1: of_clips["queries"][:, 1], 3: X_query, 10: ten}
first = {(name, n): hits(name, X_query=rows) for name in labels for n, rows in by_count.items()}
alone = {f"{name}, {n} a video": sure(hit) for (name, n), hit in first.items()}
whiskers(alone, label="R@1, 192 queries", title="One clip or ten: the whiskers overlap")
for name in labels:
    one, many = (alone[f"{name}, {n} a video"] for n in (1, 10))
    holds(f"{name}: the intervals of 1 and 10 clips overlap", one[2] > many[0] and many[2] > one[0])
    holds(f"{name}: more than 10 queries change all the same", (first[name, 1] != first[name, 10]).sum() > 10)

# %% [markdown]
# Overlapping whiskers suggest that there is no difference, but that argument is too crude. Both scores
# come from *the same* queries: most of them are easy or hard either way, and both scores share that
# luck. What matters are the queries that change. So draw queries again, but keep the two hits of each
# query together as a **pair**, and look at the difference.
#
# **Exercise 3** (medium, 8 minutes). Compute the confidence interval of a difference.


# %% tags=["exercise"]
def difference(before, after, draws=2000):
    """(lower end, mean, upper end), 95 %, of a change of R@1; hits (N,) bool of the same queries."""
    ...


# %% tags=["check"]
random = np.random.default_rng(1)
hard = random.random(400) < 0.5
pair = np.stack([hard ^ (random.random(400) < 0.2) for _ in range(2)])  # two exams that mostly agree
again = pair[:, random.integers(0, 400, (4000, 400))].mean(2)
expected = np.insert(np.quantile(again[1] - again[0], [0.025, 0.975]), 1, pair[1].mean() - pair[0].mean())
said = difference(*pair)
right = np.shape(said) == (3,) and np.allclose(said, expected, atol=0.006)
hint = f"Not yet: you say {said}, expected {expected.round(3)}. Too wide? Both hits of a query go together."
print("Right." if right else hint)

# %% [markdown]
# <details><summary>Hint</summary>
# A query that gains counts 1, one that loses -1, all others 0: a single list of numbers to draw from.
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def difference(before, after, draws=2000):
#     change = after.astype(int) - before.astype(int)
#     places = np.random.default_rng(0).integers(0, len(change), (draws, len(change)))
#     low, high = np.quantile(change[places].mean(1), [0.025, 0.975])
#     return low, change.mean(), high
# ```
#
# </details>


# %%
def paired(before, after):
    """The interval of a difference on the same queries, as in the exercise."""
    change = after.astype(int) - before.astype(int)
    places = np.random.default_rng(0).integers(0, len(change), (2000, len(change)))
    low, high = np.quantile(change[places].mean(1), [0.025, 0.975])
    return low, change.mean(), high


before = {name: first[name, 1] for name in labels}
gains = {f"{a}, {n} instead of 1": paired(before[a], first[a, n]) for a in labels for n in (3, 10)}
whiskers(gains, label="change of R@1", title="More clips: every interval contains zero", zero=0.0)
variance = (first["scene", 10] ^ first["scene", 1]).mean()  # about
lows, _, highs = np.transpose(list(gains.values()))
holds(
    "every interval contains zero, and one reaches .05", max(lows) <= 0 <= min(highs) and max(highs) >= 0.05
)
needed = 1.96**2 * variance / 0.01**2
print("queries needed to detect a gain of .01 for scenes, to the nearest thousand:", int(round(needed, -3)))
holds("more than the 3783 test videos of UCF101's first split", needed > 3783)

# %% [markdown]
# The honest sentence is: *with 192 queries we see no difference between 1 and 10 clips, and we could
# have missed a difference of five points*. It is not "more clips do not help". To detect a difference of
# one point you would need about five thousand queries here, and even then you would miss it every second
# time. UCF101, 13,320 short videos of 101 human actions and the usual benchmark of the field, has 3783
# test videos in its first split.
#
# ## What the measure hides: k, and the gallery
#
# What would a random ranking score? Take a query that shares its label with m of the M clips in the
# gallery. It misses at k if all k clips are drawn from the other M - m. Counting the ways gives the
# **hypergeometric** formula
#
# $$P(\text{hit at } k) = 1 - \binom{M-m}{k} \Big/ \binom{M}{k}$$
#
# which is exact for each query; the mean over queries is the chance level of R@k. A simulation confirms
# it.


# %%
def by_chance(k, y_query, y_gallery):
    """R@k of a random ranking."""
    many, own = len(y_gallery), np.bincount(y_gallery)
    return np.mean([1 - comb(many - own[label], k) / comb(many, k) for label in y_query])


random = np.random.default_rng(0)
at_random = np.stack([random.permutation(400) for _ in range(192 * 20)])
for name, (y_query, y_gallery) in labels.items():
    luck = y_gallery[at_random] == np.tile(y_query, 20)[:, None]
    exact = [by_chance(k, y_query, y_gallery) for k in KS]
    assert np.allclose([luck[:, :k].any(1).mean() for k in KS], exact, atol=0.03)
    print(f"{name:6} chance:", " ".join(f"R@{k} {share:.2f}" for k, share in zip(KS, exact)))

# %%
panels, chance = {}, {}
for name, pair in labels.items():
    same = {part: pair[1][order] == pair[0][:, None] for part, order in orders.items()}
    panels[name] = {part: [table[:, :k].any(1).mean() for k in range(1, 51)] for part, table in same.items()}
    chance[name] = [by_chance(k, *pair) for k in range(1, 51)]
blind = panels["scene"]["motion part"]
show(
    figures.recalls(panels, chance, title="At k = 50 everything looks good, even guessing"),
    "Two panels, R@k over k. Far apart at k = 1, all reach about 1 at k = 50, that of chance, too. The "
    f"motion part on scenes goes from {blind[0]:.2f} to {blind[-1]:.2f}.",
)
holds("scenes by the motion part: R@50 within .05 of chance", abs(blind[-1] - chance["scene"][-1]) < 0.05)

# %% [markdown]
# One could report that "it finds the scene for 96 % of the queries", about a vector that knows next to
# nothing of scenes. With 16 classes, R@50 is nearly a gift. With UCF101's 101 classes and about 94
# training videos of each it is worth more, but less than it looks. Let us compute it.

# %%
ucf = 1 - comb(9537 - 94, 50) / comb(9537, 50)  # first split: 9537 training videos, about 94 a class
print(f"101 classes: chance of R@1 {94 / 9537:.2f}, of R@50 {ucf:.2f}")

# %% [markdown]
# The gallery is part of the score as well. With more clips, there is a better chance that a really close
# neighbor is among them:

# %%
y_query, y_gallery = labels["scene"]
sizes = {}
for many in (50, 100, 200, 400):
    sizes[f"{many} clips"] = evaluate.hits(
        (X_gallery[:many], y_gallery[:many]), (X_query, y_query), ks=(1,)
    ).mean()
bars(sizes, label="scene R@1", title="The same network, the same queries, four scores", role="joint")
holds("from 50 to 400 clips R@1 rises by more than .1", sizes["400 clips"] > sizes["50 clips"] + 0.1)

# %% [markdown]
# So a score always has three parts: the k, the queries and the gallery. And the k can get lost. A public
# model card of the paper's method ([sources](../docs/paper_map.md)) gives 66.9 on UCF101 and 50.0 on
# HMDB51 (about 7,000 videos of 51 actions) for a backbone called C3D, and labels them *R@1*. The
# published results of another method with the same backbone ([IIC](https://github.com/BestJuly/IIC)) are
# 31.9 and 9.9 for R@1, and 57.3 and 42.0 for R@10. The paper's abstract claims gains of 16.0 and 11.1
# points over earlier work. Which k is it? Do the arithmetic.

# %%
printed, claimed = np.array([66.9, 50.0]), np.array([16.0, 11.1])
for k, other in ((1, [31.9, 9.9]), (10, [57.3, 42.0])):
    gains = (printed - other).round(1)
    fit = (gains <= claimed).all()
    print(f"if it is R@{k}: gains of {gains[0]} and {gains[1]}; no more than claimed: {fit}")

# %% [markdown]
# Read as R@1, the gains would be more than twice those that the authors claim themselves. Read as R@10,
# they are possible (as they would be for a larger k). R@10 is a column of most tables, so we *assume*
# that the label is a slip. That is an inference: we did not have the paper's own table when this was
# written, and so we do not quote the card's numbers as R@1. Your own tables can do better: state k,
# clips per video, gallery, queries and interval.
#
# ## What the measure hides: the space
#
# Cosines are measured from the origin, but our vectors do not surround the origin. ReLU makes all their
# numbers non-negative, so any two clips have something in common. There are three classic remedies, each
# fitted on the gallery alone: **center** (subtract the mean), **standardize** (also divide each number
# by its standard deviation), and **whiten** (rotate the axes so that nothing is correlated, and scale
# each to deviation 1). Do they help?


# %%
def whitened(X_query, X_gallery, keep):
    """Both along the gallery's `keep` widest principal axes, each scaled to deviation 1."""
    middle = X_gallery.mean(0)
    variances, axes = np.linalg.eigh(np.cov((X_gallery - middle).T))
    change = axes[:, -keep:] / np.sqrt(variances[-keep:])
    return (X_query - middle) @ change, (X_gallery - middle) @ change


middle, deviation = X_gallery.mean(0), X_gallery.std(0)
still = parts["context part"]
centered = X_query - middle, X_gallery - middle
standard = tuple(rows / deviation for rows in centered)
spaces = {
    "centered": centered,
    "standardized": standard,
    "whitened, 64 axes": whitened(X_query, X_gallery, 64),
}
moved = {
    f"{name}: {space}": paired(first[name, 3], hits(name, "whole", *rows))
    for name in labels
    for space, rows in spaces.items()
}
white = hits("scene", "whole", *whitened(X_query[:, still], X_gallery[:, still], 128))
moved["scene, context part: whitened, 128 axes"] = paired(hits("scene", "context part"), white)
whiskers(
    moved,
    label="change of R@1 on the same queries",
    title="No remedy raises R@1 beyond luck, and two lower it",
    zero=0.0,
)
common = [(unit(a) @ unit(b).T).mean() for a, b in ((X_query, X_gallery), centered)]
holds(
    "the mean cosine of two clips is over .7, and within .05 of 0 after centering",
    common[0] > 0.7 and abs(common[1]) < 0.05,
)
holds("centering changes neither score by .05", max(abs(moved[f"{n}: centered"][1]) for n in labels) < 0.05)
holds("whitening all of the context part costs scenes, beyond luck", list(moved.values())[-1][2] < 0)
holds("no remedy gains more than luck", max(low for low, _, _ in moved.values()) <= 0)

# %% [markdown]
# Centering brings the mean cosine from over .7 to about 0, and hardly changes which clip is *nearest*.
# Standardizing costs scenes some points, and for actions no gain excludes zero. Whitening all of the
# context part does harm, *probably* because the narrow axes hold noise, estimated from only 400 clips,
# and whitening gives them as much weight as the wide ones. (The probe of the next notebook standardizes
# all the same: it can learn a weight for each number, and a cosine cannot.) Such a remedy is one more
# choice. Made on the test queries it would be a leak, and in a comparison either all networks get it or
# none.
#
# There is another thing that R@k does not show: some clips are close to many queries. They are called
# **hubs**, and spaces of many dimensions tend to have them. How often does each clip of the gallery
# appear among the ten nearest?

# %%
often = np.bincount(orders["whole"][:, :10].ravel(), minlength=400)
drawn = np.random.default_rng(0).binomial(192, 10 / 400, 400)  # if the ten were drawn at random
hub = int(often.argmax())
show(
    figures.histograms(
        {"nearest by the whole vector": often, "drawn at random": drawn},
        np.arange(-0.5, often.max() + 1),
        label="queries that have a clip among their ten nearest",
        counted="clips of the gallery",
        title=f"One clip is among the ten nearest of {often[hub]} queries; by chance it would be 4.8",
    ),
    f"Two histograms from 0 to {often.max()}. That of the search is wider at both ends than that of chance.",
)
wide = often.std() > 1.2 * np.sqrt(192 / 40 * 39 / 40)
holds(
    "the top hub appears over 3 times as often as by chance, the spread is over 1.2 times as wide",
    often[hub] > 14.4 and wide,
)

# %% [markdown]
# A hub is no error in itself: it may be a typical clip. But if you build a search engine for people,
# they will see the same clips again and again, and some clips never. Look at this histogram before you
# ship.
#
# ## A gallery that does not fit into memory
#
# The table of cosines has N times M cells. For 192 queries and a million clips it takes 768 MB, and the
# vectors themselves, with 2048 numbers each, take 8 GB. Neither has to be in memory. Read the gallery
# **block by block**, and keep only the k best clips so far for each query; after each block, the old
# best compete with the new clips. To try this we write a file of 60,000 vectors: 150 noisy copies of our
# 400 clips, stored as 128 signs each, with one sign in ten flipped at random. Why signs? They make the
# search *hard to get right*: a cosine takes only 129 values, so nearly everything is a tie.

# %%
folder = tempfile.TemporaryDirectory()
middle = X_gallery[:, still].mean(0)
signs, query_signs = (
    np.where(rows[:, still] > middle, 1, -1).astype(np.float32) for rows in (X_gallery, X_query)
)
file = np.lib.format.open_memmap(Path(folder.name) / "gallery.npy", "w+", np.float32, (60_000, 128))
random = np.random.default_rng(0)
for start in range(0, 60_000, 400):
    file[start : start + 400] = np.where(random.random(signs.shape) < 0.1, -signs, signs)
file.flush()
mapped = np.load(Path(folder.name) / "gallery.npy", mmap_mode="r")  # opened, not read
print(mapped.shape, f"{mapped.nbytes / 2**20:.0f} MiB on disk")


def running_top(X_query, gallery, k, block):
    """(N, k) positions of the nearest, with only `block` rows of the gallery in memory at a time."""
    X_query = unit(X_query)
    values, places = np.empty((len(X_query), 0), np.float32), np.empty((len(X_query), 0), int)
    for start in range(0, len(gallery), block):
        rows = unit(gallery[start : start + block])
        here = np.broadcast_to(np.arange(start, start + len(rows)), (len(X_query), len(rows)))
        values = np.concatenate([values, (X_query @ rows.T).round(6)], 1)  # the old ones first
        places = np.concatenate([places, here], 1)
        order = np.argsort(-values, axis=1, kind="stable")[:, :k]  # so that ties keep their order
        values, places = (np.take_along_axis(table, order, 1) for table in (values, places))
    return places


found = running_top(query_signs, mapped, 10, block=4096)
assert np.array_equal(found, evaluate.nearest(query_signs, mapped, 10))
assert np.array_equal(found[:8], running_top(query_signs[:8], mapped, 10, block=60_000))
print("block by block, all at once, and by the package: the same clips in the same order")
ten = np.sort(query_signs @ mapped.T)[:, -11:]  # dot products of signs: exact
holds("for over half of the queries, ranks ten and eleven are tied", (ten[:, 0] == ten[:, 1]).mean() > 0.5)

# %% [markdown]
# Only 4096 rows were in memory at a time, and ten positions per query. Two details make the result
# exact. The old best stand *before* the new block, so that the stable sort keeps the order of the
# gallery among ties; and cosines are rounded before they are compared. The package's `nearest` does the
# same with one sortable integer per pair, and is faster. It is still an exhaustive search. With more
# than some millions of clips one usually gives up exactness and uses an approximate index. Then R@k
# measures the index as well as the network.
#
# ## Where it fails
#
# Back to our 192 queries, the context part, and scenes. The question is not how many errors there are,
# but which.

# %%
y_query, y_gallery = labels["scene"]
order, counts = orders["context part"], np.zeros((16, 16), int)
np.add.at(counts, (y_query, y_gallery[order[:, 0]]), 1)
right = np.diag(counts)
worst = int(right.argmin())
pairs = np.sort((counts - np.diag(right)).ravel())[::-1]
share = pairs[:5].sum() / pairs.sum()
title = f"{right.sum()} of 192 are right; five of 240 pairs of scenes make {100 * share:.0f} % of the errors"
show(
    figures.confusion(counts, names, found="scene of the nearest clip, by the context part", title=title),
    "A square of 16 times 16 counts, most of them on the diagonal; the fewest there has "
    f"{names[worst]}, {right[worst]} of 12.",
)
low, _, high = sure(np.arange(12) < right[worst])
holds("five pairs of scenes account for over a third of the errors", share > 1 / 3)
holds("the interval of the worst scene, with 12 queries, is wider than .4", high - low > 0.4)

# %% [markdown]
# The errors cluster in a few pairs. A person might also mistake bricks for planks, or waves for zigzags,
# but hardly triangles for marble, which is the darkest brown cell. What these two have in common for the
# network, this table cannot tell. Straight edges alone are not the problem, since hexagons and lattice
# are found. And do not say much about a single class: with 12 queries, its interval covers nearly half
# of the scale. Now look at the three worst queries, those whose first right neighbor is furthest down
# the ranking. What do they and their neighbors have in common?

# %%
place = (y_gallery[order] == y_query[:, None]).argmax(1) + 1
worst = np.argsort(-place, kind="stable")[:3]
show(
    figures.neighbors(
        np.stack([image_of(queries, n, 0) for n in worst]),
        np.array([[image_of(gallery, m, 0) for m in order[n, :5]] for n in worst]),
        [f"{names[y_query[n]]}, at {place[n]}" for n in worst],
        [[names[y_gallery[m]] for m in order[n, :5]] for n in worst],
        title="The three worst queries, and the rank of their first right neighbor",
    ),
    "Three rows: a query and its five nearest clips, none of them of its scene.",
)
holds("the median rank is 1, these three are beyond 10", np.median(place) == 1 and min(place[worst]) > 10)

# %% [markdown]
# Two of them are rings whose bands are as wide as the stripes they were taken for. To a network that
# sees small patches and then *averages over all positions*, a piece of a wide ring is a piece of a bent
# stripe; how the pieces are arranged around a center is lost in the mean. All three are dark or low in
# contrast, and so are most of their neighbors: brightness may have been the easier clue. These are
# guesses from three images, and guesses need a test. Change one thing in the queries at a time and
# search again, as in [07_context_matching](07_context_matching.ipynb).
#
# ## What we have seen
#
# - Retrieval is a chain: clips, middle square, pooled vector, mean over clips, cosine, sorting, first
#   right clip. Each link is a choice that should be stated beside the score, above all k.
# - Ties and copies can make a score out of nothing. A fixed rule for ties and a split by source prevent
#   that.
# - With 192 queries, R@1 is known to within about seven points. Compare on the same queries, in pairs,
#   and say what size of difference you could have missed.
# - "Nearest" depends on the part: search for places with the context part, for actions with the motion
#   part. And look at the clips.
#
# ## Quiz
#
# **1.** Two networks score .98 and .99 in R@50, with 16 classes. Which one is better?
#
# <details><summary>Answer</summary>
# You cannot tell. Guessing scores about .96 there. Compare R@1, with intervals, on the same queries.
# </details>
#
# **2.** Someone reports an R@1 of .99 and then finds that the network returns the same vector for every
# clip. How can that be?
#
# <details><summary>Answer</summary>
# All cosines are equal, and ties were counted as hits. (With a fixed order, the first clip of the
# gallery answers every query, and R@1 is the share of queries with that clip's label.)
# </details>
#
# **3.** The intervals of two methods on the same queries overlap. Does that mean that there is no
# difference?
#
# <details><summary>Answer</summary>
# No. Both share the luck of the queries. Redraw the queries with both hits kept together, and see
# whether the interval of the difference contains zero.
# </details>
#
# **4.** After the gallery was doubled with clips of the same classes, R@1 rose by five points. What did
# the network learn?
#
# <details><summary>Answer</summary>
# Nothing; it was not touched. A larger gallery holds closer neighbors. Scores from different galleries
# cannot be compared.
# </details>
#
# **5.** In a search block by block, why must the old best stand before the new block when they are
# sorted?
#
# <details><summary>Answer</summary>
# A stable sort keeps ties in their order. The old best come earlier in the gallery, so if they stand
# first they stay first, as they would if everything were sorted at once.
# </details>
#
# ## Next, and further reading
#
# Next comes [11_probe_and_finetune](11_probe_and_finetune.ipynb). The knowledge may be there even if the
# nearest neighbor does not show it. A linear classifier may find it, or further training with labels.
#
# - [The experiments](../docs/experiments.md): all scores by R@1 and by linear probe, with three seeds.
# - [The glossary](../docs/glossary.md), under "Measuring".
# - [Hubs in space](https://www.jmlr.org/papers/v11/radovanovic10a.html): why many dimensions have hubs.
# - [Billion-scale similarity search](https://arxiv.org/abs/1702.08734): what comes after block by block.
