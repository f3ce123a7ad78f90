# %% [markdown]
# # The result first
#
# Before we build anything, let us see what it is good for. In `data/` lies a small network that was
# trained for 473 seconds on one processor core, on clips without labels. It had two tasks at once: find the
# key frame that belongs to a clip, and predict its motion. It was never given a label, such as
# bricks or "clockwise". We take it as it is, hand it clips that it has never seen, and look at what it finds
# alike.
#
# **Goals.** After this notebook you will be able to
# - load a trained network and turn clips into feature vectors,
# - find a clip's nearest neighbors by place or by action, and read R@1,
# - say what context matching alone and motion prediction alone cannot do,
# - read the table that sums up the whole course.
#
# **Needs.** [00_start_here](00_start_here.ipynb). About 1 minute on 2 cores, 1.6 GB of memory, 64
# MB of disk for the clips, which are drawn now if `make lab` has not done so (45 seconds more).

# %%
import json

import numpy as np

import cvrl_lite
from cvrl_lite import evaluate
from cvrl_lite.course.figures import (
    bars,
    decoupling,
    decoupling_finding,
    filmstrip,
    long_exposure,
    neighbors,
    recall,
    show,
)
from cvrl_lite.datasets import MovingScenes, decode

pretrained = cvrl_lite.load("joint")
backbone, recipe = pretrained.backbone, pretrained.recipe
print("trained on:", " and ".join(recipe.tasks))
print("weights:", sum(weight.numel() for weight in backbone.parameters()))

# %% [markdown]
# That is all that is left of the training: the **backbone**, a network that turns a clip into a list of
# numbers, its **feature vector**, and the **recipe**, every choice that led to it. The smaller networks
# that only posed and answered the two tasks were scaffolding and are gone.
#
# ## Clips the network has never seen
#
# MovingScenes comes in parts that share nothing. The network learned from `train`. We ask it about
# `test`, and it may answer with clips from `train`: a search engine with a gallery. Motion vectors are of
# no use now, the training is over, so we leave them in the files.

# %%
gallery = decode(MovingScenes("train"), size=recipe.decoded_size, vectors=False)
queries = decode(MovingScenes("test"), size=recipe.decoded_size, vectors=False)
print(len(queries.videos), "queries,", len(gallery.videos), "clips in the gallery")
assert not gallery.skipped and not queries.skipped

# %% [markdown]
# What does the network look at? Eight frames, two apart, cut from somewhere in the clip. Two labels
# describe each clip, for us and not for the network: its **scene** (what stays) and its **action** (what
# moves). The title gives both away. Could you have named the action from these frames?

# %%
video = queries.videos[0]
stride = round(recipe.sampling.stride * 25)  # our clips show 25 frames a second
scene, action = (queries.classes[label][video.entry.labels[label]] for label in ("scene", "action"))
show(
    filmstrip(
        video.frames[: stride * recipe.sampling.frames : stride],
        title=f'What the network sees of one clip. Its labels: scene "{scene}", action "{action}"',
    ),
    f"Eight small frames of a clip: bright shapes over the texture {scene}; their motion is called {action}.",
)

# %% [markdown]
# ## From clips to feature vectors
#
# Now the work: each clip becomes one feature vector. Three cuts of every clip go through the backbone, and
# their vectors are averaged. The result is a table: a row a clip, with its name and its labels beside it.
# This is the slowest cell of the notebook.

# %%
gallery_table, query_table = pretrained.embed(gallery), pretrained.embed(queries)
print("gallery", gallery_table.features.shape, " queries", query_table.features.shape)
print(
    "parts:",
    *(f"{name}: columns {part.start} to {part.stop}" for name, part in gallery_table.parts.items()),
)

# %% [markdown]
# A vector comes in two parts. The **context part** was made by what stays in a clip, the **motion part** by
# what moves. So there are two ways to be alike, and we can choose.
#
# ## Who is alike?
#
# Two feature vectors are alike if they point the same way; the measure is the **cosine** of the angle
# between them. For each query we take the nearest vector of the gallery and ask whether that clip has the
# same label. The share of queries for which it has is **R@1**, recall at one. We search by the context part
# and ask for the scene, and by the motion part and ask for the action. A guess would be right once in 16
# for scenes, once in 8 for actions. The exact shares stand in the figure; their last digit may differ on
# your machine.

# %%
chance = evaluate.chance(gallery)


def first_hits(part, label):
    """R@1 by a label, searching by one part, or by the whole vector where `part` is None."""
    return evaluate.retrieval(gallery_table, query_table, label, part=part)


by_part = {"scene": first_hits("context", "scene"), "action": first_hits("motion", "action")}
for label, row in by_part.items():
    print(f"{label:6}: at least five times as often as by chance:", row["R@1"] > 5 * chance[label]["R@1"])
show(
    recall(by_part, chance),
    "Two bars, R@1 of scenes by the context part and of actions by the motion part, each with its value: "
    + ", ".join(f"{label} {row['R@1']:.2f}" for label, row in by_part.items())
    + ", and a dashed line for chance, far to the left of their ends.",
)

nearest = {}  # of each query the rows of its five nearest, (queries, 5)
for label, part in (("scene", "context"), ("action", "motion")):
    X_query, X_gallery = (table.part(part).features for table in (query_table, gallery_table))
    nearest[label] = evaluate.nearest(X_query, X_gallery, 5)
first = np.mean(query_table.labels["scene"] == gallery_table.labels["scene"][nearest["scene"][:, 0]])
assert np.isclose(first, by_part["scene"]["R@1"])  # R@1 is no more than this

# %% [markdown]
# Numbers hide what they count, so let us look. Four queries stand on the left, each with its five nearest
# neighbors by the **context part**. First as stills, with a tick where the **scene** agrees. Look at the
# crosses, too: would *you* have told those apart?

# %%
chosen = []  # of each action one query, each with another scene
for action in ("right", "clockwise", "turn", "pulse"):
    seen = [queries.videos[place].entry.labels["scene"] for place in chosen]
    of_action = queries.labels("action") == queries.classes["action"].index(action)
    chosen.append(int(np.flatnonzero(of_action & ~np.isin(queries.labels("scene"), seen))[0]))


def compare(label, image_of):
    """The chosen queries and their neighbors, each clip as `image_of(frames)`, ticked by one label."""
    names, found = queries.classes[label], nearest[label][chosen]
    y_gallery, y_query = gallery.labels(label), queries.labels(label)
    agree = y_gallery[nearest[label]] == y_query[:, None]  # of all queries
    return neighbors(
        np.stack([image_of(queries.videos[place].frames) for place in chosen]),
        np.stack([[image_of(gallery.videos[n].frames) for n in row] for row in found]),
        [names[y_query[place]] for place in chosen],
        [[names[y_gallery[n]] for n in row] for row in found],
        title=f"By {label}, {agree[chosen].sum()} of these 20 neighbors agree, {agree.mean():.0%} of all",
    )


show(
    compare("scene", lambda frames: frames[0]),
    "Four rows of stills: a query, then its five nearest neighbors by the context part, each with its scene "
    "and a tick or a cross.",
)

# %% [markdown]
# The same four queries again, now with their neighbors by the **motion part**, and with the shutter open
# for twelve frames; ticked where the **action** agrees. In a still nothing of this can be seen; the trails
# show it.

# %%
show(
    compare("action", lambda frames: long_exposure(frames[:12])),
    "The same four queries as blurred frames, whose trails show the motion, with their nearest neighbors by "
    "the motion part, each with its action and a tick or a cross.",
)

# %% [markdown]
# One network, two searches: by place and by action. And what if we do not choose, and search by the whole
# vector?

# %%
found = {label: first_hits(None, label) for label in ("scene", "action")}
other = {"scene": first_hits("motion", "scene"), "action": first_hits("context", "action")}
for label in ("scene", "action"):
    own, whole, wrong = (row[label]["R@1"] for row in (by_part, found, other))
    print(f"{label:6}: own part, whole, other part, each over .1 apart:", own > whole + 0.1 > wrong + 0.2)
    assert own > whole + 0.1 > wrong + 0.2
show(
    recall(found, chance),
    "Two bars, R@1 by the whole vector: "
    + ", ".join(f"{label} {row['R@1']:.2f}" for label, row in found.items())
    + ", both shorter than by the part that holds the label, and a dashed line for chance.",
)

# %% [markdown]
# Each part knows its own label and next to nothing of the other: that is what *decoupled* means. The whole
# vector knows both but ranks worse at each, since a neighbor may be near for either reason. Of all 1152
# clips in the gallery only nine share both labels with a query. So ask by the part that holds what you look
# for.
#
# Where does it err? Here is R@1 by the motion part for each action.

# %%
by_action = {}
for number, action in enumerate(queries.classes["action"]):
    rows = queries.labels("action") == number
    by_action[action] = evaluate.retrieval(gallery_table, query_table[rows], "action", part="motion")["R@1"]
weak = [action for action, share in by_action.items() if share < 0.95]
print("below .95:", ", ".join(weak))
assert set(weak) == {"turn", "shake", "pulse"}
show(
    bars(
        by_action,
        label="R@1 by the motion part, 32 queries of each action",
        title=f"{len(weak)} of the eight actions are missed at times, the other five are not",
        role="motion",
        form=".2f",
    ),
    "Eight bars: " + ", ".join(f"{action} {share:.2f}" for action, share in by_action.items()) + ".",
)

# %% [markdown]
# The steady motions and *stop_and_go* are found (nearly) always. What is missed at times are the actions that
# swing: *turn*, *shake* and *pulse*. They are mostly taken for each other.
#
# > **Tip.** Change the actions in the loop above, or its `[0]`, and look at other queries. Where the
# > network errs tells more than where it is right.
#
# ## What half a training cannot do
#
# Were both tasks needed? The same network was trained with context matching alone, with motion prediction
# alone, and with both, three times each from other random beginnings; an untrained one is the measure of
# what comes for free. That took about an hour on one core, so we read what was written down. Beside R@1
# stands a gentler measure, the **linear probe**: a straight-line classifier, trained with labels on the
# finished feature vectors. It asks whether the knowledge is *there*, even where the nearest neighbor is
# chosen by something else.

# %%
log = cvrl_lite.data_path("README.md").parents[1] / "experiments" / "joint.jsonl"
runs = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]


def over_seeds(model, label, measure):
    """The scores of a model's runs."""
    return np.array([run["scores"][label][measure] for run in runs if run["model"] == model])


models = ("untrained", "context", "motion", "joint")
result = {
    model: {
        label: {measure: over_seeds(model, label, measure).mean() for measure in ("R@1", "linear")}
        for label in ("scene", "action")
    }
    for model in models
} | {"chance": chance}

print("                 scene            action")
print("             R@1   linear     R@1   linear")
for model in models:
    (a, b), (c, d) = (result[model][label].values() for label in ("scene", "action"))
    print(f"{model:10}  {a:5.2f}  {b:6.2f}   {c:5.2f}  {d:6.2f}")
show(
    decoupling(result),
    "Two bar charts, one for scenes and one for actions, with R@1 and linear accuracy of the untrained, "
    f"context, motion and joint model, and a dashed line for chance. {decoupling_finding(result)}.",
)

# %% [markdown]
# Read it by columns. What does *context alone* know of actions, and *motion alone* of scenes? These
# numbers come from a file, so they are the same wherever you read this. What follows from them we do not
# just claim; we assert it, with room to spare. And does one network keep both? We say that it keeps a score
# if it has at least .95 of the single task's linear accuracy and .80 of its R@1.

# %%
context, motion, joint, untrained = (result[m] for m in ("context", "motion", "joint", "untrained"))
for measure in ("R@1", "linear"):
    assert context["scene"][measure] > motion["scene"][measure] + 0.1, (
        "context is the better teacher of scenes"
    )
    assert motion["action"][measure] > context["action"][measure] + 0.1, (
        "motion is the better teacher of actions"
    )
    for label in ("scene", "action"):
        assert joint[label][measure] > untrained[label][measure] + 0.1, "both together learn both"
assert context["action"]["R@1"] < 2 * chance["action"]["R@1"], "context alone is nearly blind to actions"
for label, single, name in (("scene", context, "context"), ("action", motion, "motion")):
    linear, first = (joint[label][measure] / single[label][measure] for measure in ("linear", "R@1"))
    print(
        f"{label:6}: joint has {linear:.2f} of the linear accuracy and {first:.2f} of the R@1 of {name} alone"
    )
spread = max(np.ptp(over_seeds(m, label, "linear")) for m in models[1:] for label in ("scene", "action"))
print(decoupling_finding(result) + ".")
trainings = min(len(over_seeds(m, "scene", "linear")) for m in models[1:])
print(
    f"Trainings of each model: {trainings}.",
    "How far they differ cannot be said yet."
    if trainings < 2
    else f"Largest difference between two of one model, by linear probe: {spread:.2f}",
)

# %% [markdown]
# By this measure one of four is missed: R@1 on scenes has .78, less than .80. But these are whole
# vectors, which mix what the parts keep apart: searching by one part, as above, the network that we loaded
# loses nothing to the single tasks.
#
# **Each task teaches what its answers hold, and little else.** Matching a clip with a key frame can be
# done without ever looking at motion, so motion is hardly learned. Predicting motion can be done without
# looking at the wall behind, so the wall is hardly learned: by R@1 it even falls below the untrained
# network, as neighbors are now chosen by motion. That is the *decoupling* in the paper's title,
# and a first answer to our first question: neither teacher is better. They are about different things.
#
# And the network we loaded? It is one of those joint runs. Does it still score what was written down?

# %%
(stored,) = (run for run in runs if run["model"] == "joint" and run["seed"] == recipe.seed)
for label in ("scene", "action"):
    assert abs(stored["scores"][label]["R@1"] - found[label]["R@1"]) < 0.05
print("The network in data/ scores what its run did, within .05.")

# %% [markdown]
# ## What we have seen
#
# - A backbone turns a clip into a feature vector; neighbors and R@1 tell what the vector is about.
# - The vector has two parts. By its context part a search finds the same place, by its motion part the same
#   action, and each is nearly blind to the other's label.
# - Context matching teaches the scene, motion prediction the action.
# - Joint training puts both into one vector, clearly more of each than an untrained network has, without a
#   single label.
#
# ## Quiz
#
# **1.** A network scores R@1 of 1/8 by action. Has it learned half, a little, or nothing of actions?
#
# <details><summary>Answer</summary>
# Nothing: with eight actions, 1/8 is what guessing scores.
# </details>
#
# **2.** An untrained network can score well above chance by scene. How, without having learned anything?
#
# <details><summary>Answer</summary>
# Random filters still respond to colors and textures. So we always compare with the untrained network,
# not only with chance.
# </details>
#
# **3.** Why is R@1 harsher than a linear probe to a feature vector that holds both labels?
#
# <details><summary>Answer</summary>
# The cosine weighs all numbers of the vector alike; a neighbor may be near for its scene and have
# another action. The probe may pick the numbers that tell the action and ignore the others.
# </details>
#
# **4.** Why do we query with <code>test</code> and not with clips from <code>train</code>?
#
# <details><summary>Answer</summary>
# The network has seen those: it may recognize a clip by heart without having learned anything that holds
# for others.
# </details>
#
# ## Next, and further reading
#
# Next: [02_inside_a_video_file](02_inside_a_video_file.ipynb). Where do the answers to the two tasks come
# from? We open a file and look.
#
# - The [paper](https://arxiv.org/abs/2104.00862), for how the authors measure on real videos;
#   [our map of it](../docs/paper_map.md) says what we know of it, and from where.
# - [The data card](../data/README.md): what lies in `data/`, and how it was made.
