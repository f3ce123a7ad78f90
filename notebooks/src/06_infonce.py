# %% [markdown]
# # InfoNCE: learning by finding the partner
#
# Our networks have no labels. They learn from a game whose answer is already in the data: *which of these
# belongs to that?* Which key frame belongs to this clip, which future to this past? One loss turns such a
# game into a number that a network can make smaller:
# [**InfoNCE**](../docs/glossary.md#learning-without-labels). Both tasks of the course use it. In this
# notebook you take it apart, train with it in seconds, and then break it in two ways, so that you will know
# the symptoms.
#
# **Goals.** After this notebook you will be able to
# - derive InfoNCE from cosines, and say what loss a blind guess gets,
# - say what temperature and the number of keys do to the loss and its gradient,
# - keep false negatives and queries without an answer out of the comparison,
# - train a small network with it, and find out whether it learned more than the game,
# - recognize a collapse and a shortcut, and say why we compare features instead of predicting values.
#
# **Needs.** [05_clips_for_training](05_clips_for_training.ipynb). Less than 1 minute on 2 cores, 0.5 GB of
# memory, no disk: all images are drawn here. You need a little PyTorch. The notebook is long and has two
# halves, with a good place to rest between: the loss, a first training and its collapse, up to *The circle
# in your hands*, and, from *A shortcut* on, what a network may learn instead and what to do about the keys.

# %% tags=["hide-input"]
import numpy as np
import torch
import torch.nn.functional as F

from cvrl_lite.course import figures
from cvrl_lite.course.exercises import judge
from cvrl_lite.course.explorables import sphere
from cvrl_lite.course.figures import show
from cvrl_lite.course.figures.circle import on_a_circle
from cvrl_lite.course.patients import patients
from cvrl_lite.course.widgets import laboratory
from cvrl_lite.datasets import moving_scenes
from cvrl_lite.evaluate import retrieval
from cvrl_lite.models import ContextEncoder
from cvrl_lite.pretext import info_nce

torch.set_num_threads(1)  # our networks are so small that a second core would only wait

# %% [markdown]
# ## A matching game
#
# We draw images of MovingScenes, one frame of each, and call each a *wall*, since it is the texture that
# will count. One **patch** shows a piece of a wall's left half, another a piece of its right half, both in
# gray and with the same contrast. The two never overlap. Below are eight left patches and, shuffled, the
# right patches of the same walls. Match them. What do you go by?


# %% tags=["hide-input"]
def draw_walls(count, first):
    """(count, 3, 64, 64) images in 0..1, the scenes in turn, from seed `first` on."""
    kinds = moving_scenes.SCENES * (count // 16)
    drawn = [moving_scenes.draw(kind, "right", first + n, frames=1, size=64) for n, kind in enumerate(kinds)]
    return torch.from_numpy(np.concatenate(drawn)).permute(0, 3, 1, 2) / 255


def patch(images, half, draws):
    """(B, 3, 28, 28): a piece of the left (0) or right (1) half of each, at a random place."""
    top = torch.randint(0, 37, (len(images),), generator=draws)
    left = torch.randint(0, 5, (len(images),), generator=draws) + 32 * half
    every = images.unfold(2, 28, 1).unfold(3, 28, 1)  # every patch of 28 x 28: (B, 3, 37, 37, 28, 28)
    return every[torch.arange(len(images)), :, top, left]


# %% tags=["hide-input"]
def in_gray(images, draws):
    """Two views of each wall: a left and a right patch, without color, with mean 0 and deviation 1."""
    lights = [patch(images, half, draws).mean(1, keepdim=True) for half in (0, 1)]
    lights = [light - light.mean((2, 3), keepdim=True) for light in lights]
    return [(light / light.std((2, 3), keepdim=True)).repeat(1, 3, 1, 1) for light in lights]


def to_show(patches):
    """Images, a list of (H, W, 3) in 0..1, of patches with mean 0 and deviation 1 or so."""
    return [*(0.5 + 0.2 * patches).clamp(0, 1).permute(0, 2, 3, 1).numpy()]


# %% tags=["hide-input"]
walls, unseen = draw_walls(320, first=0), draw_walls(128, first=10_000)  # to learn from, and to test on
left, right = in_gray(unseen[:8], torch.Generator().manual_seed(2))
shuffled = np.random.default_rng(4).permutation(8)
assert "".join("ABCDEFGH"[place] for place in shuffled.argsort()) == "CABGEFHD"  # the answer
labels, title = [*"12345678ABCDEFGH"], "Match each upper patch with a lower one"
strip = figures.filmstrip(to_show(left) + to_show(right[shuffled]), labels=labels, columns=8, title=title)
show(strip, "Eight numbered small gray images of textures, and eight lettered ones of the same textures.")

# %% [markdown]
# <details><summary>Answer</summary>
# 1C 2A 3B 4G 5E 6F 7H 8D
# </details>
#
# To win this game a network has to see something like *texture*, since color and contrast are gone. So we
# hope; you will see that hope fail once, too. Such a game is the idea of [**contrastive
# learning**](../docs/glossary.md#learning-without-labels): make matching pairs more alike than all other
# pairs.
#
# Some names. The patch that looks for its partner is the
# [**query**](../docs/glossary.md#learning-without-labels); the ones to choose from are the **keys**. The
# right one is the query's *own* key, also called its
# [**positive**](../docs/glossary.md#learning-without-labels); all others are its **negatives**. A network
# will turn each patch into a vector.
#
# ## Alike: the cosine
#
# For now we leave the network out and make up vectors, so that we can look at the loss alone. We take eight
# random keys; the queries are the same vectors with a lot of noise. Two vectors are alike if they point the
# same way, however long they are. So we scale each to length 1 and take inner products. These are
# [**cosines**](../docs/glossary.md#learning-without-labels): 1 for the same direction, 0 for unrelated, -1
# for opposite. One matrix product gives all pairs at once. A row is a query, a column is a key. Where
# should the large values be? (The largest value in each row is bold. In larger matrices further down, an
# orange ring marks it where it is not the own key.)


# %%
def cosines(queries, keys):
    """(N, M): how alike each query and each key are, -1..1."""
    return F.normalize(queries, dim=1) @ F.normalize(keys, dim=1).T


rng = np.random.default_rng(6)
keys = torch.from_numpy(rng.standard_normal((8, 16))).float()
queries = keys + torch.from_numpy(rng.standard_normal((8, 16))).float()
matrix = cosines(queries, keys)
assert (matrix.argmax(1) == torch.arange(8)).all() and matrix.diagonal().mean() > 0.5
figure = figures.similarity_matrix(matrix.numpy(), title="Each query is most similar to its own key")
show(figure, "8 times 8 cosines: the largest of each row, in bold, lies on the framed blue diagonal.")

# %% [markdown]
# **A row is a question with eight possible answers.** So this is classification, and we know how to train
# that: turn the row into probabilities, and ask for a high one in the right place. The only unusual thing
# is that the classes are not fixed. They are the keys of the current batch.
#
# ## From cosines to a loss
#
# It takes four steps. Divide by a [**temperature**](../docs/glossary.md#learning-without-labels), here 0.1,
# which makes differences larger (the next section asks why). Take exponentials and divide them by their
# sum: this is the [**softmax**](../docs/glossary.md#learning-without-labels), and the row is now a list of
# probabilities. The loss of a row is minus the logarithm of the right key's probability: 0 if it is sure
# and right, large if it is sure and wrong. Finally, average over the rows. In one line, for a row with
# cosines $c_j$, own key $i$ and temperature $\tau$:
#
# $$L = -\log \frac{e^{c_i/\tau}}{\sum_j e^{c_j/\tau}} = -\frac{c_i}{\tau} + \log \sum_j e^{c_j/\tau}.$$
#
# The unit is the [**nat**](../docs/glossary.md#learning-without-labels): like a bit, but with the natural
# logarithm (1 nat is 1.44 bits). What is a good value? Compare with a [**blind
# guess**](../docs/glossary.md#learning-without-labels), which knows nothing and gives each of N keys the
# same probability, 1/N. That costs log N in every row. A loss below log N means that the vectors tell the
# own key from the others better than a guess does. A loss above it means confidence in wrong keys. (Vectors
# in random directions give that, the more so the lower the temperature; the trainings of notebook 07 begin
# there.)

# %%
probabilities = (matrix / 0.1).exp()
probabilities = probabilities / probabilities.sum(1, keepdim=True)
row_losses = -probabilities.diagonal().log()
print("query  cosine with own key  its probability  loss of the row")
for row, (cosine, share, cost) in enumerate(zip(matrix.diagonal(), probabilities.diagonal(), row_losses)):
    print(f"{row:5}  {cosine:19.2f}  {share:15.2f}  {cost:15.2f}")
print(f"mean {row_losses.mean():52.2f}")
assert row_losses.mean() < np.log(8)

# %%
for count in (8, 64, 4096):
    nobody = torch.ones(count, 16)  # all the same: nothing to tell keys apart by
    blind = F.cross_entropy(cosines(nobody, nobody) / 0.1, torch.arange(count))
    print(f"{count:4} keys: a blind guess costs {blind:.2f} nats and is right in {1 / count:.2%}")
    assert np.isclose(blind, np.log(count), atol=1e-4)

# %% [markdown]
# For the blind guess we used a PyTorch function. Minus the logarithm of the softmax in the right place is
# commonly called [**cross-entropy**](../docs/glossary.md#learning-without-labels), and in row *i* the right
# place is *i*. So InfoNCE takes two lines. We write them down and compare with the package's `info_nce`:
# the loss, the [**top-1 accuracy**](../docs/glossary.md#learning-without-labels) (the share of rows whose
# own key is the most similar), and the gradients, also with more keys than queries.


# %%
def our_info_nce(queries, keys, temperature):
    """Loss in nats and top-1 accuracy; row i's own key is key i."""
    logits, own = cosines(queries, keys) / temperature, torch.arange(len(queries))
    return F.cross_entropy(logits, own), (logits.argmax(1) == own).float().mean()


# %% tags=["hide-input"]
assert torch.isclose(our_info_nce(queries, keys, 0.1)[0], row_losses.mean(), atol=1e-5)
for further in (0, 5, 100):
    for temperature in (1.0, 0.1, 0.05):
        some = torch.randn(8, 16, requires_grad=True)
        many = torch.randn(8 + further, 16, requires_grad=True)
        ours, theirs = (f(some, many, temperature) for f in (our_info_nce, info_nce))
        slopes = [torch.autograd.grad(loss, (some, many)) for loss, _ in (ours, theirs)]
        pairs = zip([*ours, *slopes[0]], [*theirs, *slopes[1]])
        assert all(torch.allclose(a, b, atol=1e-5) for a, b in pairs)
print("ours and the package's agree in loss, accuracy and gradients: 3 temperatures, 8, 13 and 108 keys")

# %% [markdown]
# From here on we use the package's version.
#
# **Exercise 1** (easy, 10 minutes). Write the loss of *one* row yourself, without PyTorch, so that it
# survives small temperatures. At temperature 0.001, a cosine of 1 becomes exp(1000), which overflows in
# NumPy: the naive way gives `inf / inf`. Subtracting the same number from all
# [logits](../docs/glossary.md#learning-without-labels) (the cosines divided by the temperature) changes no
# probability. Which number makes an overflow impossible?


# %% tags=["exercise"]
def row_loss(cosines, own, temperature):
    """Loss in nats of one row of cosines (M,), whose own key is number `own`."""
    ...


# %% tags=["check"]
rows = [np.array([0.2, 0.9, -0.4, 0.85]), np.array([1.0, -1.0, -1.0, -1.0, -1.0, 0.99])]
for row, own, t in [(row, own, t) for row in rows for own in (1, 2, 0) for t in (1.0, 0.1, 0.001)]:
    answer = row_loss(row.copy(), own, t)
    expected = F.cross_entropy(torch.from_numpy(row / t)[None], torch.tensor([own])).item()
    if answer is None or not np.isclose(answer, expected, atol=1e-6):
        print(f"Not yet: for row {row}, own key {own}, temperature {t}: {answer}, expected {expected:.4f}.")
        break
else:
    judge("row_loss", "Right.")

# %% [markdown]
# <details><summary>Hint</summary>
# Subtract the largest logit: then the largest exponential is 1, and the sum is at least 1. Take the
# logarithm of that sum, not of a probability, which may have become 0.
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def row_loss(cosines, own, temperature):
#     logits = cosines / temperature
#     logits = logits - logits.max()
#     return np.log(np.exp(logits).sum()) - logits[own]
# ```
#
# </details>

# %% [markdown]
# ## Temperature: who gets pushed
#
# Training follows the gradient, so let us look at that instead of the loss. Differentiate a row's loss with
# respect to its cosines $c_j$, and something simple comes out. With $p_j$ the probability of key $j$,
# $\tau$ the temperature and $i$ the own key, the first term of $L$ gives $-1/\tau$ for the own key and
# nothing for the others, and the second gives $p_j/\tau$ for every key:
#
# $$\frac{\partial L}{\partial c_i} = \frac{p_i - 1}{\tau}, \qquad \frac{\partial L}{\partial c_j} =
# \frac{p_j}{\tau} \quad (j \ne i).$$
#
# Gradient descent goes the opposite way: the own key is pulled closer, and each negative is pushed away in
# proportion to its probability. In each row, pull and pushes add up to zero. PyTorch agrees:

# %%
watched = matrix.clone().requires_grad_()
F.cross_entropy(watched / 0.1, torch.arange(8), reduction="sum").backward()
assert torch.allclose(watched.grad, (probabilities - torch.eye(8)) / 0.1, atol=1e-4)
pushed = watched.grad[1].clone()
pulled, pushed[1] = pushed[1].item(), 0
print(f"query 1: its own key {pulled:.2f}, the seven negatives together {pushed.sum():+.2f}")

# %% [markdown]
# So the negatives share the push in proportion to their probabilities, and the temperature decides how
# unequal the shares are. We make up a query that still gets it wrong: one negative is a little nearer than
# its own key. Its cosines are .60 with its own key, and .65, .40, .30, .10, 0, -.1 and -.3 with the
# negatives. Here is what four temperatures make of them.

# %%
row = np.array([0.60, 0.65, 0.40, 0.30, 0.10, 0.0, -0.1, -0.3])  # number 0 is its own key
degrees = (1.0, 0.3, 0.1, 0.03)
show(
    figures.temperatures(row, 0, degrees),
    "Four panels of eight bars: of similar height at temperature 1; at 0.03 the nearest negative has nearly "
    "everything, the own key the rest.",
)

# %% [markdown]
# A [**hard negative**](../docs/glossary.md#learning-without-labels) is one that is easily mistaken for the
# positive. At a high temperature all negatives are pushed, more nearly alike, even those that are far away,
# and fine differences hardly count. At a low temperature only the hardest negative counts, and that may be
# one that should not be pushed at all (see *False negatives* below). So one would expect something in
# between to be best; you will try it below. The paper uses 0.1 for both of its tasks. So do we for motion;
# for context matching we use 0.2, because a batch holds several clips of one scene ([paper
# map](../docs/paper_map.md)).
#
# There is a second reason for a temperature. Cosines lie between -1 and 1, so without it the logits would
# be limited, and so would the probabilities. The best that *N* vectors can do, given enough dimensions, is
# to spread out as far as possible, each at a cosine of -1/(N-1) to all others, like the corners of a
# triangle or a tetrahedron. What loss is that, at temperatures 1 and 0.1?

# %%
print("keys  blind guess  best possible at temperature 1  and at 0.1")
for count in (8, 64, 256):
    corners = torch.eye(count) - 1 / count  # seen from their center, the corners of such a body
    high, low = (info_nce(corners, corners, temperature)[0] for temperature in (1.0, 0.1))
    print(f"{count:4}  {np.log(count):11.2f}  {high:30.2f}  {low:10.2f}")
    assert np.isclose(high, np.log1p((count - 1) * np.exp(-count / (count - 1))), atol=1e-3) and low < 0.02

# %% [markdown]
# At temperature 1, even perfect vectors are only about one nat better than guessing: the loss has hardly
# any room to fall. At 0.1 it can fall nearly to zero.
#
# ## Turn the knobs
#
# Here are sixty-four made-up pairs: their cosines on the left, the resulting probabilities on the right.
# Move the temperature. Do the cosines change? The accuracy? The loss? Then change the number of keys. Can
# you find a setting where *every* key is found and the loss is still poor? (Without a kernel, see the three
# settings below the sliders.)


# %%
def made_up(count, noise=1.1):
    """Pairs of made-up vectors: keys (count, 24), and queries, which are the keys with noise."""
    keys, noises = torch.from_numpy(rng.standard_normal((2, count, 24))).float()
    return keys + noise * noises, keys


query_vectors, pool = made_up(64)


# %% tags=["hide-input"]
def experiment(temperature, keys):
    """One round of the game with the first `keys` pairs: a figure, and the same in words."""
    figure = figures.quiz(cosines(query_vectors[:keys], pool[:keys]).numpy(), temperature)
    return figure, figure.get_suptitle()


laboratory(experiment, {"temperature": (1.0, 0.5, 0.2, 0.1, 0.05, 0.02), "keys": (4, 8, 16, 32, 64)})

# %% tags=["hide-input"]
for temperature, count in ((1.0, 8), (0.1, 8), (0.1, 64)):
    figure, words = experiment(temperature, count)
    show(figure, f"Cosines, and probabilities made of them, {count} queries by {count} keys. {words}.")

# %% [markdown]
# The first two show the same eight pairs: the same cosines, the same accuracy, and quite another loss. (At
# temperature 1 all eight are found, and the loss is poor.) So **never compare losses at different
# temperatures, and always look at the accuracy too.** In the third figure 56 more pairs have joined them, and
# a few queries miss their own key (the orange rings): the more keys there are, the likelier one of
# them is nearer by chance.

# %% [markdown]
# ## Learning, live
#
# Back to the walls, this time with a network. Three small convolutions and an average over the patch
# produce 64 features: this is the [**backbone**](../docs/glossary.md#learning-without-labels), the part we
# want. A linear layer on top makes the 32 numbers that are compared: the
# [**head**](../docs/glossary.md#learning-without-labels), thrown away afterwards. In each of 120 steps, 64
# of the 320 walls are chosen at random, with two fresh patches each: *draw walls, make two views of each,
# compute the loss, step*. Two things will vary later, so they are arguments. The `objective` returns the
# loss and a score to watch beside it, here InfoNCE's accuracy; the `look` makes two views of a wall.


# %%
def compare(backbone, head, one, other, temperature=0.1):
    """InfoNCE: each left patch has to find the right patch of its wall."""
    queries, keys = head(backbone(torch.cat([one, other]))).chunk(2)
    return info_nce(queries, keys, temperature)


def train(objective, look, seed, outs=32, steps=120):
    """A trained backbone and head, and (steps, 2): each step's loss and score (see `objective`)."""
    torch.manual_seed(seed)
    draws = torch.Generator().manual_seed(seed)
    backbone, head = ContextEncoder((16, 32, 64)), torch.nn.Linear(64, outs)
    optimizer = torch.optim.AdamW([*backbone.parameters(), *head.parameters()], lr=3e-3)
    history = []
    for _ in range(steps):
        batch = walls[torch.randperm(len(walls), generator=draws)[:64]]
        loss, score = objective(backbone, head, *look(batch, draws))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append((loss.item(), score.item()))
    return backbone.eval(), head.eval(), np.array(history)


# %%
SEEDS = (0, 1, 2)
compared = [train(compare, in_gray, seed) for seed in SEEDS]

# %% tags=["hide-input"]
runs = np.stack([history for _, _, history in compared])
ends = runs[:, -20:].mean(1)  # (seeds, 2): loss and accuracy, over the last 20 steps
loss, accuracy = ends.mean(0)
title = f"In 120 steps a patch finds its partner {accuracy * 64:.0f} times as often as a guess (three seeds)"
alt = f"Loss, from {runs[:, 0, 0].mean():.1f} down to {loss:.1f} nats, and accuracy, up to {accuracy:.2f}."
show(figures.learning(runs, 64, title=title), alt + " The three seeds differ little.")
assert (ends[:, 0] < np.log(64) - 1).all() and (ends[:, 1] > 8 / 64).all() and np.ptp(ends[:, 1]) < 0.15

# %% [markdown]
# The network is learning to play. But the game is a pretext; nobody needs matched patches. Did the network
# learn what we *care* about? We test it by retrieval, as in notebook 01. For each of 128 new walls we look
# up the nearest of the 320 old ones, by the sum of the features of its two patches. Is it of the same
# scene? A guess is right once in 16.


# %%
@torch.no_grad()
def embed(model, look):
    """The compared vectors of the left and of the right patches of all unseen walls, (128, 32) each."""
    return [model[1](model[0](view)) for view in look(unseen, torch.Generator().manual_seed(1))]


@torch.no_grad()
def knows_scene(model, look=in_gray):
    """R@1: the share of unseen walls whose nearest old wall, by the backbone's features, has their scene."""
    draws = torch.Generator().manual_seed(1)
    new, old = (sum(map(model[0], look(images, draws))).numpy() for images in (unseen, walls))
    return retrieval((old, np.arange(320) % 16), (new, np.arange(128) % 16), ks=(1,))["R@1"]


# %%
untrained = [train(compare, in_gray, seed, steps=0) for seed in range(10)]  # these cost next to nothing
knows = {"InfoNCE": [*map(knows_scene, compared)], "untrained": [*map(knows_scene, untrained)]}

# %% tags=["hide-input"]
R1 = "R@1: the nearest wall has the same scene"
ours, theirs = (np.mean(knows[name]) for name in ("InfoNCE", "untrained"))
title = "Matching patches teaches textures: {} find their scene, {} untrained"
title = title.format(*(f"{share:.2f}".lstrip("0") for share in (ours, theirs)))  # as the bars say it
roles = {"InfoNCE": "context", "untrained": "untrained"}
show(figures.seeds({R1: knows}, guess=[1 / 16], title=title, roles=roles), figures.in_words({R1: knows}))
assert min(knows["InfoNCE"]) > 2 * max(knows["untrained"])

# %% [markdown]
# Nobody told the network about scenes. (± is the standard deviation over the seeds: three trained networks,
# ten untrained ones.) Note the lower bar as well: an *untrained* network already beats a guess, since even
# random filters pick up some texture.
# Always compare with an untrained network.
#
# > **Your turn: the temperature.** `train(lambda *views: compare(*views, temperature=0.5), in_gray, 0)`
# > trains at another temperature. Try 0.02, 0.1, 0.5 and 1, each with seeds 0, 1 and 2, and ask
# > `knows_scene` each time. Where would you expect the best R@1? How deep is the fall to either side?
#
# <details><summary>Our result</summary>
#
# | temperature | R@1, seeds 0, 1, 2 | mean |
# |---|---|---|
# | 0.02 | .83 .82 .80 | .82 |
# | 0.1 | .80 .85 .80 | .82 |
# | 0.2 | .84 .89 .83 | .85 |
# | 0.5 | .87 .77 .82 | .82 |
# | 1 | .81 .69 .77 | .76 |
#
# No fall that three seeds could show: the means differ by .03 up to 0.5, the seeds by up to .1. At 1 the mean
# is lower by .06, but seed by seed the change from 0.1 is +.01, -.16 and -.03. In so small a game the
# temperature matters less than you might have thought.
# </details>
#
# ## Collapse
#
# Why so complicated? Matching pairs should be alike, so why not simply pull them together, without
# negatives? We minimize 1 minus the cosine of the two patches, which lies between 0 (perfect) and 2. Before
# you run it: what is the laziest way to make this loss 0?
#
# To see what happens, one more measure: the [**effective
# rank**](../docs/glossary.md#learning-without-labels) of some vectors, the number of directions they really
# use, from 1 (all the same) to 32. (Formally: the exponential of the entropy of how the vectors' squared
# length is spread over their principal directions.)


# %%
def effective_rank(vectors):
    """Directions that the vectors (N, D) use, 1 to D."""
    share = torch.linalg.svdvals(F.normalize(vectors, dim=1)) ** 2
    return torch.distributions.Categorical(share / share.sum()).entropy().exp().item()


def pull(backbone, head, one, other):
    """The loss, 1 - cosine of the two patches of a wall, without negatives; and InfoNCE's accuracy."""
    one, other = head(backbone(torch.cat([one, other]))).chunk(2)
    return (1 - F.cosine_similarity(one, other)).mean(), info_nce(one, other, 0.1)[1]


pulled = [train(pull, in_gray, seed) for seed in SEEDS]

# %% tags=["hide-input"]
tables = {}
for model, name in ((compared[0], "InfoNCE"), (pulled[0], "pull only")):
    one, other = (vectors[:24] for vectors in embed(model, in_gray))
    table, used = cosines(one, other), effective_rank(one)
    hits = (table.argmax(1) == torch.arange(24)).sum()
    tables[f"{name}: {used:.1f} of 32 directions, {hits} of 24 find their own"] = table.numpy()
show(
    figures.matrices(
        tables,
        title="With negatives, walls get different vectors; without them, all walls get the same",
    ),
    "24 times 24 cosines, twice, with framed diagonals and a ring where another key is nearest. "
    + "; ".join(tables)
    + ". With InfoNCE most of the diagonal is blue, and elsewhere there are all colors; with pull only the "
    "same dark blue is everywhere.",
)
ranks = [[effective_rank(embed(m, in_gray)[0]) for m in models] for models in (compared, pulled)]
assert max(ranks[1]) < 1.1 and min(ranks[0]) > 3

# %%
ends = [run[-20:, 0].mean() for _, _, run in pulled]
lowest = [cosines(*embed(model, in_gray)).min() for model in pulled]
knows["pull only"] = [*map(knows_scene, pulled)]
assert max(ends) < 0.01 and min(lowest) > 0.95 and max(knows["pull only"]) < 0.6 * min(knows["InfoNCE"])
print(f"pull only: loss {np.mean(ends):.2f}; the least alike of all pairs have a cosine of {min(lowest):.2f}")

# %% [markdown]
# - **With InfoNCE** the vectors use 5.8 of 32 directions. That is few, but no collapse: 18 of 24 patches find
#   their partner. A few of the dark places off the diagonal are walls of the same scene: numbers 0 and 16, 1
#   and 17, and so on. Most are different walls that the network cannot tell apart yet.
# - **Without negatives** there is one vector for everything (1.0 directions), a perfect loss and a worthless
#   representation. This is a [**collapse**](../docs/glossary.md#learning-without-labels). The rings lie
#   anywhere: where all cosines are 1.00, rounding decides which key is nearest.
#
# With InfoNCE a collapse does not pay. If all vectors are the same, each key gets probability 1/N, and the
# loss is log N, that of a blind guess. It falls as soon as queries are nearer to their own key than to the
# others. The negatives keep the vectors apart. There are other ways: BYOL and SimSiam let no gradient flow
# through one of the two sides. Why that works is a subtler story.
#
# **Symptoms of a collapse**: cosines near 1 between unrelated inputs, an effective rank near 1, an InfoNCE
# loss that stays at log N.
#
# ## The circle in your hands
#
# Vectors of length 1 lie on a sphere. In two dimensions the sphere is a circle, and we can watch. Below,
# ten points are the vectors of ten moments (*windows*) of one film, and each looks for the next one: 1 for
# 2, 2 for 3, and so on. The blue line leads from the chosen one to its own key. The orange lines lead to
# the negatives, and the thicker a line, the higher the probability of that key. Arrows show where descent
# would move each point. Try these:
#
# - Drag a point, and watch the probabilities and the loss. The arrow keys do the same.
# - Press *Train*. In what order do the windows end up? The loss knows only which window comes after which.
# - Choose another temperature, *Start again* and *Train*. Which negatives are pushed at a high temperature,
#   which at a low one?
# - *Remove the negatives* and train. What is the loss at the end, and what are the vectors worth?

# %%
circle = sphere()
circle

# %% [markdown]
# Here are the same two trainings in PyTorch, with the package's `info_nce`, starting from the same points.


# %%
def film_loss(angles, negatives):
    """The loss of ten windows, each of which looks for the next one."""
    windows = torch.stack([angles.cos(), angles.sin()], 1)
    if not negatives:
        return (1 - F.cosine_similarity(windows[:-1], windows[1:])).mean() / 0.2  # as steep as with negatives
    # Query i is window i, key j is window j + 1; so key i - 1 is the query itself, which may not stand.
    allowed = ~torch.eye(10, dtype=torch.bool).roll(-1, 1)[:-1]
    return info_nce(windows[:-1], windows.roll(-1, 0), 0.2, allowed=allowed)[0]


# %%
panels, start = {}, torch.tensor(circle.state["angles"])
for name, negatives in (("with negatives", True), ("without", False)):
    angles = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([angles], lr=0.05)
    for _ in range(400):
        optimizer.zero_grad()
        film_loss(angles, negatives).backward()
        optimizer.step()
    panels[name] = angles.detach()
costs = [film_loss(angles, True).item() for angles in panels.values()]
print(f"InfoNCE with negatives {costs[0]:.1f}, without {costs[1]:.1f}, a blind guess {np.log(9):.1f}")
assert costs[0] < 1 and abs(costs[1] - np.log(9)) < 0.05

# %% tags=["hide-input"]
title = "From this start, negatives put the windows in the film's order; without them all fall into one"
show(
    on_a_circle({"at first": start.numpy()} | {name: a.numpy() for name, a in panels.items()}, title=title),
    "Three circles with ten numbered points: scattered; in the order 1 to 10 around it; all in one place.",
)

# %% [markdown]
# The collapsed windows fit "pull only" perfectly. For InfoNCE they are no better than a blind guess among
# nine keys.
#
# ## A shortcut
#
# The other failure looks like a triumph. Suppose each film was shot by the light of its own lamp. We
# imitate that by tinting *both* patches of a wall with one random color, and change nothing else. Now the
# patches can be matched without looking at texture at all.


# %%
def tinted(images, draws):
    """Two gray views, both in one random tint."""
    tint = torch.randn(len(images), 3, 1, 1, generator=draws)
    return [view + tint for view in in_gray(images, draws)]


def matches(model, look):
    """The share of unseen left patches that find their own right patch among 64."""
    pairs = zip(*(vectors.split(64) for vectors in embed(model, look)))
    return float(np.mean([info_nce(one, other, 0.1)[1].item() for one, other in pairs]))


def as_drawn(images, draws):
    """Two views in the wall's own colors."""
    return [(patch(images, half, draws) - 0.45) / 0.25 for half in (0, 1)]


# %% tags=["hide-input"]
strip = []
for look in (as_drawn, tinted):
    views = look(unseen[:4], torch.Generator().manual_seed(3))
    strip += to_show(torch.stack(views, 1).flatten(0, 1))
title = "Color gives each pair away: in its own colors (above), in one random tint (below)"
alt = "Two rows of four pairs of patches; above in many colors, below in one tint for each pair."
show(figures.filmstrip(strip, labels=[*"1122334411223344"], columns=8, title=title), alt)

# %% [markdown]
# The upper row is not even manipulated. Each wall of MovingScenes has its own palette, just as each film
# has its own light and camera. So we compare two more trainings with the gray one: in the walls' own
# colors, and with a tint. (The gray one is the network called InfoNCE above.) All are tested on walls they
# have never seen. Which plays the game best, and which knows the scenes?

# %%
looks = {"own colors": as_drawn, "one tint": tinted}
cheats = {name: [train(compare, look, seed) for seed in SEEDS] for name, look in looks.items()}
game = {"without color": [matches(model, in_gray) for model in compared]}
knows["without color"] = knows["InfoNCE"]
for name, look in looks.items():
    game[name] = [matches(model, look) for model in cheats[name]]
    knows[name] = [max(knows_scene(model), knows_scene(model, look)) for model in cheats[name]]

# %% tags=["hide-input"]
measures = {"the game: finds its partner among 64": game, R1: {name: knows[name] for name in game}}
title, blue = "With color (hatched), networks play better and learn less", dict.fromkeys(game, "context")
figure = figures.seeds(measures, guess=[1 / 64, 1 / 16], title=title, roles=blue, hatched=looks)
show(figure, figures.in_words(measures))
assert max(game["without color"]) < min(game["own colors"] + game["one tint"])
assert min(knows["without color"]) > 1.2 * max(knows["own colors"] + knows["one tint"])

# %% [markdown]
# (The two networks with color were asked about scenes twice, in gray and in their own colors, and the
# better score counts.) **A good score at the game does not show what was learned.** In gray the network
# played less well, and had to learn texture for it. With the tint the game is won nearly every time, and less
# has been learned about scenes. And the test walls were *new*. A
# [shortcut](../docs/glossary.md#learning-without-labels) is not overfitting: it works just as well on new
# data, so testing the same game does not reveal it. Two things do. Take the cue away and see how the game
# goes then. And measure what you actually want, here R@1.

# %% tags=["nbval-ignore-output"]
bare = [matches(model, in_gray) for model in cheats["one tint"]]
print(f"the game with the tint: {np.mean(game['one tint']):.2f}; without it: {np.mean(bare):.2f}")
assert min(game["one tint"]) > 0.9 and max(bare) < 0.2

# %% [markdown]
# The cure is [augmentation](../docs/glossary.md#learning-without-labels): whatever should not count is
# changed at random in each view, so that it says nothing about the other view. We removed color altogether.
# More often, each view gets its own random tint, crop and flip. With too little of it, the shortcut stays
# open; with too much, you hide what should be learned. Notebook 07 trains with too little and with enough.
#
# **Exercise 2** (medium, 15 minutes). Be the doctor. Your patient is a network. You get its vectors for the
# left and right patches of 64 unseen walls, twice: `seen`, with views as in its training, and `bare`, with
# the suspected cue removed. Choose what to measure, and where to draw the line: is it `"collapsed"`, does
# it live on a `"shortcut"`, or is it `"healthy"`? The patients of the check are clear cases, among them
# nine networks from above: those trained with InfoNCE in gray, with pull only, and with one tint. Beware:
# some play poorly and are healthy all the same, and no game can be judged if all vectors are alike.


# %% tags=["exercise"]
def diagnose(seen, bare):
    """ "collapsed", "shortcut" or "healthy"; `seen` and `bare` are (left, right), vectors (64, 32) each."""
    ...


# %% tags=["check"]
networks = [("InfoNCE", model, in_gray, "healthy") for model in compared]
networks += [("pull only", model, in_gray, "collapsed") for model in pulled]
networks += [("one tint", model, tinted, "shortcut") for model in cheats["one tint"]]
samples = patients()
for name, model, look, expected in networks:
    views = [tuple(side[:64] for side in embed(model, view)) for view in (look, in_gray)]
    samples.append((f"a network trained with {name}", *views, expected))
for name, seen, bare, expected in samples:
    answer = diagnose(seen, bare)
    if answer != expected:
        print(f"Not yet: for {name} you say {answer!r}, expected {expected!r}.")
        break
else:
    judge("diagnose", "Right.")

# %% [markdown]
# <details><summary>Hint</summary>
# <code>cosines(*seen)</code> has the pairs on its diagonal and different walls elsewhere; the mask
# <code>~torch.eye(64, dtype=torch.bool)</code> picks the latter. <code>info_nce(*seen, 0.1)[1]</code> is the
# accuracy of the game. How much of it should be left without the cue?
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def diagnose(seen, bare):
#     strangers = cosines(*seen)[~torch.eye(64, dtype=torch.bool)]
#     if strangers.mean() > 0.95:
#         return "collapsed"
#     accuracy = [info_nce(left, right, 0.1)[1] for left, right in (seen, bare)]
#     return "shortcut" if accuracy[1] < accuracy[0] / 3 else "healthy"
# ```
#
# Collapse comes first, since in a collapsed network an accuracy means nothing. And a shortcut is a matter
# of what is *lost* with the cue, so compare the two accuracies with each other. Other lines than .95 and a
# third would do.
# </details>

# %% [markdown]
# ## More keys, harder game
#
# Now only the number of keys changes; the vectors are as good as before. We play with 2, 4, ... up to 2048
# keys and average over many rounds. What will happen to the loss and to the accuracy? The dash-dotted
# curve is log N minus the loss: how much better than guessing we are.

# %%
askers, many = made_up(2048)
counts, results = [2**power for power in range(1, 12)], []
for count in counts:
    rounds = [info_nce(q, k, 0.1) for q, k in zip(askers.split(count), many.split(count))]
    results.append(torch.tensor(rounds).mean(0).tolist())
losses, accuracies = map(list, zip(*results))
gains = [np.log(count) - loss for count, loss in zip(counts, losses)]
found = zip(counts[::5], accuracies[::5])
print("accuracy: " + ", ".join(f"{share:.2f} with {count} keys" for count, share in found))
assert losses == sorted(losses) and gains == sorted(gains) and accuracies == sorted(accuracies, reverse=True)

# %% tags=["hide-input"]
curves = {"blind guess": list(np.log(counts)), "loss": losses, "gain over a guess": gains}
title = f"More keys, a higher loss, but a larger gain over a guess: {gains[0]:.1f} nats, then {gains[-1]:.1f}"
alt = "Over the keys the blind guess rises, the loss below it rises, and their difference, ever more slowly."
show(figures.by_keys(counts, curves, label="nats", title=title), alt)

# %% [markdown]
# Two rules follow. A loss means nothing without the number of keys. And log N minus the loss, how many nats
# better than a guess we are, can never exceed log N. With few keys the loss can reward little, however good
# the vectors. (Contrastive predictive coding, where InfoNCE comes from, shows what log N minus the loss
# estimates: a lower bound on the *mutual information* of query and key, that is, on how many nats one tells
# about the other. If they share more than log N, this loss cannot show it.) With 64 clips in a batch, the
# paper's released code compares each clip with 64 key frames, and each place of the coming motion with 12,544
# keys (64 videos x 4 windows x 49 places; notebook 08).
#
# ## Further keys: hard negatives
#
# Keys need not be positives of other queries. We can add **further keys** that are nobody's positive, and
# choose hard ones. For motion, the paper adds windows from other moments of the *same* video: same place,
# same things, but another motion, so only the motion can tell them apart. Here we make up 56 further keys,
# once at random, and once as noisy copies of the true ones. (Made-up vectors cannot show what makes a copy
# *wrong*. In a film it is another motion in the same place. A copy that showed the same motion, too, would be
# right, and to push it away would be a mistake: the next section is about those.)

# %%
at_random = made_up(56)[1]
hard = pool[:8].repeat(7, 1) + 0.9 * made_up(56)[1]
costs = [
    info_nce(query_vectors[:8], torch.cat([pool[:8], extra]), 0.1)[0] for extra in (pool[:0], at_random, hard)
]
for words, cost in zip(("8 keys", "and 56 more at random", "and 56 hard ones instead"), costs):
    print(f"{words:25} loss {cost:.1f}")
assert costs[2] > 1.5 * costs[1] > 2 * costs[0]

# %% [markdown]
# ## False negatives, and queries without an answer
#
# Suppose a batch holds two clips of *one* video. The key of each counts as a negative for the other,
# although it fits nearly as well: a [**false negative**](../docs/glossary.md#learning-without-labels). The
# network is punished for being right. The remedy is the argument `allowed`, with True or False for each
# pair; pairs that are not allowed are left out of the comparison. We try it with perfect vectors: videos 0,
# 0, 1, 2, 2, 3, and equal vectors for clips of the same video.

# %%
videos = torch.tensor([0, 0, 1, 2, 2, 3])
perfect = torch.eye(4)[videos]
allowed = (videos[:, None] != videos[None]) | torch.eye(6, dtype=torch.bool)
costs = [info_nce(perfect, perfect, 0.1, allowed=pairs)[0].item() for pairs in (None, allowed)]
print(f"loss of perfect vectors: {costs[0]:.2f}, which is 4/6 of log 2;  with pairs left out: {costs[1]:.2f}")
assert np.allclose(costs, [np.log(2) * 4 / 6, 0], atol=1e-3)

# %% tags=["hide-input"]
every, title = cosines(perfect, perfect).numpy(), "Pairs of one video are left out"
alt = "6 times 6 cosines: 1 on the framed diagonal, four hatched cells beside it, 0 elsewhere."
show(figures.similarity_matrix(every, allowed=allowed.numpy(), title=title), alt)

# %% [markdown]
# With false negatives and *equal* vectors for one video, four of the six rows can only toss a coin between
# two right answers, which costs log 2 each. It would cost less if the two differed. So the gradient drives
# apart what belongs together, as soon as they differ a little. Note what is *not* left out: two different
# walls of bricks remain negatives of each other in our game, though we would call them alike. InfoNCE knows
# nothing about classes.
#
# There are also **queries without an answer**: if the future of a clip holds no vectors, there is no motion
# to predict. The argument `valid` takes such rows out. An empty target is no use as a wrong answer either,
# so we leave out its column too, with `allowed`.

# %%
targets = torch.eye(6)
targets[2] = 0  # nothing there
predicted = (targets + 0.02 * torch.from_numpy(rng.standard_normal((6, 6))).float()).requires_grad_()
valid = targets.any(1)
mixed = info_nce(predicted, targets, 0.1)[0]
answered, _ = info_nce(predicted, targets, 0.1, valid=valid, allowed=valid.expand(6, 6))
answered.backward()
print(f"loss with the empty row {mixed:.2f}, without it {answered:.2f}")
assert mixed > 10 * answered and predicted.grad[2].abs().max() == 0

# %% [markdown]
# **Exercise 3** (medium, 10 minutes). Motion prediction combines hard negatives with the exclusion of false
# ones. There are N clips, and `videos` says which video each comes from. There are `windows` x N keys:
# first the true futures of all N clips, then one further window of each clip, then a second one of each,
# and so on. A clip may be compared with all windows of *other videos*, and with all windows of *its own*
# (the hard negatives), but with no window of another clip of the same video. Which pairs are allowed? For
# clips of the videos 5, 7, 5 and one window each, it would be
#
# | | window of clip 0 (video 5) | window of clip 1 (video 7) | window of clip 2 (video 5) |
# |---|---|---|---|
# | clip 0 (video 5) | yes | yes | no |
# | clip 1 (video 7) | yes | yes | yes |
# | clip 2 (video 5) | no | yes | yes |


# %% tags=["exercise"]
def allowed_pairs(videos, windows):
    """(N, windows * N) bool, from the clips' videos (N,) and the number of windows of each clip."""
    ...


# %% tags=["check"]
for numbers, windows, expected in (
    ([5, 7, 5], 2, ["110110", "111111", "011011"]),
    ([5, 7, 5], 1, ["110", "111", "011"]),
    ([3, 3], 4, ["10101010", "01010101"]),
    ([0, 1, 2], 3, ["111111111"] * 3),
):
    answer = allowed_pairs(torch.tensor(numbers), windows)
    if answer is not None and torch.as_tensor(answer).ndim == 2:
        answer = ["".join("01"[int(pair)] for pair in row) for row in torch.as_tensor(answer)]
    if answer != expected:
        print(f"Not yet: for videos {numbers} and {windows} windows you allow {answer}, expected {expected}.")
        break
else:
    judge("allowed_pairs", "Right.")

# %% [markdown]
# <details><summary>Hint</summary>
# First make the (N, N) table for one window: another video, or the clip itself. Is the table any different
# for the second window?
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def allowed_pairs(videos, windows):
#     itself = torch.eye(len(videos), dtype=torch.bool)
#     return ((videos[:, None] != videos[None]) | itself).repeat(1, windows)
# ```
#
# </details>

# %% [markdown]
# ## Why not just predict the values?
#
# There is a more obvious task: look at the left patch and predict the right one, pixel by pixel, with the
# mean squared error as the loss. That is [**regression**](../docs/glossary.md#learning-without-labels). The
# paper decided against it: instead of regressing motion vectors, it compares their features. You can see
# two reasons right here. The first is what happens when the answer is open. Suppose a shape will go left or
# right, and nobody can know which. The squared error is least for the *mean* of the two targets. What does
# that mean say? It depends on what the targets are. Let them first be the motion itself, x and y, and then
# four vectors at right angles, where a trained encoder might put them. We give both to the squared error,
# and then let a comparison read the answer.

# %%
motions = torch.tensor([[-1.0, 0], [1, 0], [0, -1], [0, 1]])  # left, right, up, down
print("targets          best answer         a comparison reads: left, right, up, down")
for name, targets in (("motion, x and y", motions), ("at right angles", torch.eye(4))):
    mean = targets[:2].mean(0)  # the least squared error, if left and right come equally often
    shares = (cosines(mean[None], targets) / 0.1).softmax(1)[0]
    print(f"{name:16} {'  '.join(f'{x:.1f}' for x in mean):32}", "   ".join(f"{p:.2f}" for p in shares))
    assert np.allclose(shares, [0.25] * 4 if targets is motions else [0.5, 0.5, 0, 0], atol=1e-3)

# %% [markdown]
# In values of motion, left and right are opposite, and their mean is "nothing moves", a future that never
# comes. A comparison can make nothing of it either: all four are equally far from it. At right angles, the
# same mean says "one of these two, none of those", to both. So what counts is not the squared error but
# *where the targets lie*. Regression of raw values has to take them as they are. InfoNCE compares
# **features**, and the network that makes them is trained, too: it may place left and right so that there is
# a direction between them, and the loss rewards it for that, with log 2 instead of log 4 nats.
#
# The second reason: most values of an image, such as where exactly a brick ends, cannot be predicted and are
# not what we want to know. But a squared error counts every one of them. We let
# the same backbone predict the right patch, shrunk to 14 x 14, and test what it learned.


# %%
def values(backbone, head, one, other):
    """Mean squared error of the right patch's values, and the share of their variance explained."""
    target = F.avg_pool2d(other[:, :1], 2).flatten(1)
    loss = F.mse_loss(head(backbone(one)), target)
    return loss, 1 - loss / target.var()


regressed = [train(values, in_gray, seed, outs=14 * 14) for seed in SEEDS]

# %% tags=["hide-input"]
one, other = in_gray(unseen[:6], torch.Generator().manual_seed(1))
output = regressed[0][1](regressed[0][0](one)).detach().view(6, 1, 14, 14).repeat(1, 3, 1, 1)
strip, labels = to_show(F.avg_pool2d(other, 2)) + to_show(output), ["target"] * 6 + ["predicted"] * 6
title = "After 120 steps the prediction is nearly the same gray for every patch"
figure = figures.filmstrip(strip, labels=labels, columns=6, title=title)
show(figure, "Above six small gray textures, below what was predicted: nearly the same even gray each.")

# %% tags=["hide-input"]
knows["predict values"] = [*map(knows_scene, regressed)]
learned = {R1: {name: knows[name] for name in ("InfoNCE", "predict values", "pull only", "untrained")}}
explained = max(run[-20:, 1].mean() for _, _, run in regressed)
found, before = np.mean(knows["predict values"]), np.mean(knows["untrained"])
title = "In 120 steps, predicting values taught nothing visible: {} against {} untrained"
title = title.format(*(f"{share:.2f}".lstrip("0") for share in (found, before)))
show(figures.seeds(learned, guess=[1 / 16], title=title, roles=roles), figures.in_words(learned))
assert explained < 0.1 and output.std() < 0.5 * other.std()
assert min(knows["InfoNCE"]) > 1.5 * max(knows["predict values"])

# %% [markdown]
# Could we regress *features* instead, with the mean squared error between the two windows' vectors? If the
# gradient flows to both sides, that is "pull only" again under another name: the easiest features to
# predict are constant ones. If the target's features are held fixed, without a gradient, they cannot
# collapse this way; [12_ablations](12_ablations.ipynb) puts such a target beside InfoNCE.
#
# > **Caution.** This is a small toy, with the same learning rate for both losses and another size of head.
# > Predicting values is not hopeless: networks that fill in masked images learn very well that way, with
# > far more data and steps. We have shown *where* it is weak. [12_ablations](12_ablations.ipynb) compares
# > both on our real tasks.
#
# ## What we have seen
#
# - InfoNCE asks every query to find its own key among all keys: a softmax over cosines, divided by a
#   temperature. A blind guess costs log N, so a loss means nothing without its N and its temperature.
# - Each negative is pushed in proportion to its probability, so low temperatures and hard negatives make
#   fine differences count. `allowed` leaves out false negatives, `valid` leaves out rows without an answer.
# - Negatives prevent collapse, augmentation prevents shortcuts, and only measuring what you want tells you
#   whether you got it.
#
# ## Quiz
#
# **1.** Your loss with 256 keys has stood at 5.55 for an hour. What has the network learned?
#
# <details><summary>Answer</summary>
# Probably nothing: log 256 is 5.55. Perhaps all vectors are the same. Look at the cosines between unrelated
# clips.
# </details>
#
# **2.** A friend halves the temperature, and the loss drops at once, without any training. Is the
# representation better?
#
# <details><summary>Answer</summary>
# No, it is the same: the cosines have not changed, and neither has the accuracy.
# </details>
#
# **3.** Why are other moments of the same video good further keys for motion prediction, and bad negatives
# for context matching?
#
# <details><summary>Answer</summary>
# Their motion differs, so telling them apart teaches motion. Their place is the same, so for context they
# would be right answers: false negatives.
# </details>
#
# **4.** After a minute of training the accuracy is .99, on new videos as well. Why should you still worry?
#
# <details><summary>Answer</summary>
# A cue that both views share, such as a tint, works just as well on new videos. Take it away in the test,
# or measure what you really want.
# </details>
#
# **5.** Why does one constant vector not solve InfoNCE?
#
# <details><summary>Answer</summary>
# Then all keys are equally probable, and the loss is log N, that of a blind guess. It falls only when
# queries are nearer to their own key than to the others.
# </details>
#
# ## Next, and further reading
#
# Next comes [07_context_matching](07_context_matching.ipynb): queries become clips, keys become key frames,
# and color becomes a real danger.
#
# - [Contrastive predictive coding](https://arxiv.org/abs/1807.03748): where InfoNCE comes from.
# - [Alignment and uniformity](https://arxiv.org/abs/2005.10242): what the loss does to vectors on a sphere.
# - [A simple framework for contrastive learning](https://arxiv.org/abs/2002.05709): why augmentation
#   decides; its color shortcut is ours.
# - [The glossary](../docs/glossary.md) of this course.
