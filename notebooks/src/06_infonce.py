# %% [markdown]
# # InfoNCE: learning by finding the partner
#
# Our networks have no labels. They learn from riddles whose answer is already in the data: *which of these
# belongs to that?* Which key frame belongs to this clip, which future to this past? One loss turns such a
# riddle into a number that a network can make smaller: **InfoNCE**. Both tasks of the course use it. In this
# notebook you take it apart, train with it in seconds, and then break it in two ways, so that you will know
# the symptoms.
#
# **Goals.** After this notebook you will be able to
# - derive InfoNCE from cosines, and say what loss a blind guess gets,
# - say what temperature and the number of keys do to the loss and its gradient,
# - keep false negatives and questions without an answer out of the comparison,
# - train a small network with it, and show that it learned more than the riddle,
# - recognize a collapse and a shortcut, and say why we compare features instead of predicting values.
#
# **Needs.** [05_clips_for_training](05_clips_for_training.ipynb). 1 minute on 2 cores, 0.6 GB of memory, no
# disk: all images are drawn here. A little PyTorch.

# %%
import numpy as np
import torch
import torch.nn.functional as F

from cvrl_lite.course import figures
from cvrl_lite.course.exercises import judge
from cvrl_lite.course.explorables import sphere
from cvrl_lite.course.figures import show
from cvrl_lite.course.figures.circle import on_a_circle
from cvrl_lite.course.widgets import laboratory
from cvrl_lite.datasets import moving_scenes
from cvrl_lite.evaluate import retrieval
from cvrl_lite.models import ContextEncoder
from cvrl_lite.pretext import info_nce

torch.set_num_threads(1)  # our networks are so small that a second core would only wait

# %% [markdown]
# ## A matching game
#
# We draw images of MovingScenes, one frame of each, and call them walls. One **window** shows a piece of a
# wall's left half, another a piece of its right half, both in gray and with the same contrast. The two never
# overlap. Below are eight left windows and, shuffled, the right windows of the same walls. Match them. What
# do you go by?


# %%
def draw_walls(count, first):
    """(count, 3, 64, 64) images in 0..1, the scenes in turn, from seed `first` on."""
    kinds = moving_scenes.SCENES * (count // 16)
    drawn = [moving_scenes.draw(kind, "right", first + n, frames=1, size=64) for n, kind in enumerate(kinds)]
    return torch.from_numpy(np.concatenate(drawn)).permute(0, 3, 1, 2) / 255


def window(images, half, draws):
    """(B, 3, 28, 28): a piece of the left (0) or right (1) half of each, at a random place."""
    top = torch.randint(0, 37, (len(images),), generator=draws)
    left = torch.randint(0, 5, (len(images),), generator=draws) + 32 * half
    return images.unfold(2, 28, 1).unfold(3, 28, 1)[torch.arange(len(images)), :, top, left]


def in_gray(images, draws):
    """Two views of each wall: a left and a right window, without color, with mean 0 and deviation 1."""
    lights = [window(images, half, draws).mean(1, keepdim=True) for half in (0, 1)]
    lights = [light - light.mean((2, 3), keepdim=True) for light in lights]
    return [(light / light.std((2, 3), keepdim=True)).repeat(1, 3, 1, 1) for light in lights]


def to_show(windows):
    """Images, a list of (H, W, 3) in 0..1, of windows with mean 0 and deviation 1 or so."""
    return [*(0.5 + 0.2 * windows).clamp(0, 1).permute(0, 2, 3, 1).numpy()]


# %%
walls, unseen = draw_walls(320, first=0), draw_walls(128, first=10_000)  # to learn from, and to test on
left, right = in_gray(unseen[:8], torch.Generator().manual_seed(2))
shuffled = np.random.default_rng(4).permutation(8)
assert "".join("ABCDEFGH"[place] for place in shuffled.argsort()) == "CABGEFHD"  # the answer
labels, title = [*"12345678ABCDEFGH"], "Which lower window belongs to which upper one?"
strip = figures.filmstrip(to_show(left) + to_show(right[shuffled]), labels=labels, columns=8, title=title)
show(strip, "Eight numbered small gray images of textures, and eight lettered ones of the same textures.")

# %% [markdown]
# <details><summary>Answer</summary>
# 1C 2A 3B 4G 5E 6F 7H 8D
# </details>
#
# A network that wins this game must have learned to see *textures*, without a single label. That is the whole
# idea of [**contrastive learning**](../docs/glossary.md#learning-without-labels): make matching pairs more
# alike than all other pairs.
#
# Some names. The window that looks for its partner is the **query**; the ones to choose from are the
# **keys**. The right key is the query's **positive** (also its *own* key), all others are its **negatives**.
# A network will turn each window into a vector.
#
# ## Alike: the cosine
#
# For now we leave the network out and make up vectors, so that we can look at the loss alone. We take eight
# random keys; the queries are the same vectors with a lot of noise. Two vectors are alike if they point the
# same way, however long they are. So we scale each to length 1 and take inner products. These are
# **cosines**: 1 for the same direction, 0 for unrelated, -1 for opposite. One matrix product gives all pairs
# at once. A row is a query, a column is a key. Where should the large values be? (The largest value in each
# row is bold; in larger matrices further down, a dot marks it.)


# %%
def cosines(queries, keys):
    """(N, M): how alike each query and each key are, -1..1."""
    return F.normalize(queries, dim=1) @ F.normalize(keys, dim=1).T


rng = np.random.default_rng(6)
keys = torch.from_numpy(rng.standard_normal((8, 16))).float()
queries = keys + torch.from_numpy(rng.standard_normal((8, 16))).float()
matrix = cosines(queries, keys)
assert (matrix.argmax(1) == torch.arange(8)).all() and matrix.diagonal().mean() > 0.5
figure = figures.similarity_matrix(matrix.numpy(), title="Each query is most alike to its own key")
show(figure, "8 times 8 cosines: the largest of each row, in bold, lies on the framed blue diagonal.")
print("lengths do not matter:", torch.allclose(cosines(3 * queries, keys / 7), matrix, atol=1e-6))

# %% [markdown]
# **A row is a question with eight possible answers.** So this is classification, and we know how to train
# that: turn the row into probabilities, and ask for a high one in the right place. The only unusual thing is
# that the classes are not fixed. They are the keys of the current batch.
#
# ## From cosines to a loss
#
# It takes four steps. Divide by a **temperature**, here 0.1, which makes differences larger (the next section
# asks why). Take exponentials and divide them by their sum: this is the **softmax**, and the row is now a
# list of probabilities. The loss of a row is minus the logarithm of the right key's probability: 0 if it is
# sure and right, large if it is sure and wrong. Finally, average over the rows.
#
# The unit is the **nat**, the bit's sister with natural logarithms (1 nat is 1.44 bits). What is a good
# value? Compare with a **blind guess**, which knows nothing and gives each of N keys the same probability,
# 1/N. That costs log N in every row. A loss below log N means that the vectors tell the own key from the
# others better than a guess does. A loss above it means confidence in wrong keys. That is what random vectors
# at a low temperature give, before any training.

# %%
probabilities = (matrix / 0.1).exp()
probabilities = probabilities / probabilities.sum(1, keepdim=True)
row_losses = -probabilities.diagonal().log()
print("query  cosine with own key  its probability  loss of the row")
for row, (cosine, share, cost) in enumerate(zip(matrix.diagonal(), probabilities.diagonal(), row_losses)):
    print(f"{row:5}  {cosine:19.2f}  {share:15.2f}  {cost:15.2f}")
print(f"mean {row_losses.mean():52.2f}")
for count in (8, 64, 4096):
    nobody = torch.ones(count, 16)  # all the same: nothing to tell keys apart by
    blind = F.cross_entropy(cosines(nobody, nobody) / 0.1, torch.arange(count))
    print(f"{count:4} keys: a blind guess costs {blind:.2f} nats and is right in {1 / count:.2%}")
    assert np.isclose(blind, np.log(count), atol=1e-4) and row_losses.mean() < np.log(8)

# %% [markdown]
# For the blind guess we used a PyTorch function. Minus the logarithm of the softmax in the right place is
# commonly called **cross-entropy**, and in row *i* the right place is *i*. So InfoNCE takes two lines. We
# write them down and compare with the package's `info_nce`: the loss, the **top-1 accuracy** (the share of
# rows whose own key is the most similar), and the gradients, with different numbers of additional keys.


# %%
def our_info_nce(queries, keys, temperature):
    """Loss in nats and top-1 accuracy; row i's own key is key i."""
    logits, own = cosines(queries, keys) / temperature, torch.arange(len(queries))
    return F.cross_entropy(logits, own), (logits.argmax(1) == own).float().mean()


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
# NumPy: the naive way gives `inf / inf`. Subtracting the same number from all logits (the cosines divided by
# the temperature) changes no probability. Which number makes an overflow impossible?


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
# Subtract the largest logit: then the largest exponential is 1, and the sum is at least 1. Take the logarithm
# of that sum, not of a probability, which may have become 0.
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
# respect to its cosines, and something simple comes out: **(probability - 1) / temperature for the own key,
# probability / temperature for each negative.** Gradient descent goes the opposite way: the own key is pulled
# closer, and each negative is pushed away in proportion to its probability. Let us verify that:

# %%
watched = matrix.clone().requires_grad_()
F.cross_entropy(watched / 0.1, torch.arange(8), reduction="sum").backward()
print(
    "PyTorch's gradient is the formula:",
    torch.allclose(watched.grad, (probabilities - torch.eye(8)) / 0.1, atol=1e-4),
)
print("in each row, pull and pushes add up to zero:", bool((watched.grad.sum(1).abs() < 1e-4).all()))

# %% [markdown]
# So the negatives share the push in proportion to their probabilities, and the temperature decides how
# unequal the shares are. We take the query with the most similar negative, and look at the same eight cosines
# at four temperatures.

# %%
negatives = matrix.masked_fill(torch.eye(8, dtype=torch.bool), -torch.inf)
chosen = int(negatives.max(1).values.argmax())
degrees = (1.0, 0.3, 0.1, 0.03)
alt = "Four panels of eight bars: of similar height at temperature 1; at 0.03 the own key stands alone."
show(figures.temperatures(matrix[chosen].numpy(), chosen, degrees), alt)
pushes = [(negatives[chosen] / degree).softmax(0).max().item() for degree in degrees]
print(
    "the hardest negative's share of the push:",
    ", ".join(f"{push:.0%} at {t}" for push, t in zip(pushes, degrees)),
)
assert pushes == sorted(pushes) and pushes[0] < 0.3 and pushes[-1] > 0.9

# %% [markdown]
# A **hard negative** is one that is easily mistaken for the positive. At a high temperature all negatives are
# pushed alike, even those that are already far away, and fine differences hardly count. At a low temperature
# only the hardest negative counts, and that may be one that should not be pushed at all (we will meet such
# cases). So we need something in between. The paper uses 0.1 for both of its tasks. So do we for motion; for
# context matching we use 0.2, because a batch holds several clips of one scene ([paper
# map](../docs/paper_map.md)).
#
# There is a second reason for a temperature. Cosines lie between -1 and 1, so without it the logits would be
# limited, and so would the probabilities. The best that *N* vectors can do is to spread out as far as
# possible, each at a cosine of -1/(N-1) to all others, like the corners of a triangle or a tetrahedron. What
# loss is that, at temperatures 1 and 0.1?

# %%
for count in (8, 64, 256):
    corners = torch.eye(count) - 1 / count  # seen from their center, the corners of such a body
    high, low = (info_nce(corners, corners, temperature)[0] for temperature in (1.0, 0.1))
    print(f"{count:3} keys: a guess {np.log(count):.2f}, perfection {high:.2f} at 1 and {low:.2f} at 0.1")
    assert np.isclose(high, np.log1p((count - 1) * np.exp(-count / (count - 1))), atol=1e-3) and low < 0.02

# %% [markdown]
# At temperature 1, even perfect vectors are only about one nat better than guessing: the loss has hardly any
# room to fall. At 0.1 it can fall nearly to zero.
#
# ## Turn the knobs
#
# Here are sixty-four made-up pairs: their cosines on the left, the resulting probabilities on the right. Move
# the temperature. Do the cosines change? The accuracy? The loss? Then change the number of keys. Can you find
# a setting where *every* key is found and the loss is still poor? (Without a kernel, see the two settings
# below the sliders.)


# %%
def made_up(count, noise=1.1):
    """Pairs of made-up vectors: keys (count, 24), and queries, which are the keys with noise."""
    keys, noises = torch.from_numpy(rng.standard_normal((2, count, 24))).float()
    return keys + noise * noises, keys


query_vectors, pool = made_up(64)


def experiment(temperature, keys):
    """One round of the game with the first `keys` pairs: a figure, and the same in words."""
    figure = figures.quiz(cosines(query_vectors[:keys], pool[:keys]).numpy(), temperature)
    return figure, figure.get_suptitle()


laboratory(experiment, {"temperature": (1.0, 0.5, 0.2, 0.1, 0.05, 0.02), "keys": (4, 8, 16, 32, 64)})

# %%
for temperature, count in ((1.0, 8), (0.1, 64)):
    figure, words = experiment(temperature, count)
    show(figure, f"Cosines, and probabilities made of them, {count} queries by {count} keys. {words}.")
hot, cool = (info_nce(query_vectors[:8], pool[:8], temperature) for temperature in (1.0, 0.1))
print(f"8 keys, the same cosines: loss {hot[0]:.1f} at temperature 1, and {cool[0]:.1f} at 0.1")
assert hot[0] > 2 * cool[0]

# %% [markdown]
# So **never compare losses at different temperatures, and always look at the accuracy too.**
#
# ## More keys, harder game
#
# Now only the number of keys changes; the vectors are as good as before. We play with 2, 4, ... up to 2048
# keys and average over many rounds. What will happen to the loss and to the accuracy? The third curve is log
# N minus the loss: how much better than guessing we are.

# %%
askers, many = made_up(2048)
counts, results = [2**power for power in range(1, 12)], []
for count in counts:
    rounds = [info_nce(q, k, 0.1) for q, k in zip(askers.split(count), many.split(count))]
    results.append(torch.tensor(rounds).mean(0).tolist())
losses, accuracies = map(list, zip(*results))
gains = [np.log(count) - loss for count, loss in zip(counts, losses)]
curves = {"blind guess": list(np.log(counts)), "loss": losses, "log N - loss": gains}
title = "More keys: a higher loss, and more to be learned"
alt = "Over the keys the blind guess rises, the loss below it rises, and their difference, ever more slowly."
show(figures.by_keys(counts, curves, label="nats", title=title), alt)
assert losses == sorted(losses) and gains == sorted(gains) and accuracies == sorted(accuracies, reverse=True)
print("keys        ", *(f"{count:5}" for count in counts[::2]))
print("loss        ", *(f"{loss:5.1f}" for loss in losses[::2]))
print("log N - loss", *(f"{gain:5.1f}" for gain in gains[::2]))

# %% [markdown]
# Two rules follow. A loss means nothing without the number of keys. And log N minus the loss, the number of
# nats the vectors reveal about which key is whose, can never exceed log N. With few keys there is little to
# learn, however good the vectors. With 64 clips in a batch, the paper's released code compares each clip with
# 64 key frames, and each point of the coming motion with 12,544 keys.
#
# ## Further keys: hard negatives
#
# Keys need not be positives of other queries. We can add **further keys** that are nobody's positive, and
# choose hard ones. For motion, the paper adds other moments of the *same* video: same place, same things, but
# another motion, so only the motion can tell them apart. Here we make up 56 further keys, once at random, and
# once as noisy copies of the true ones.

# %%
at_random = made_up(56)[1]
hard = pool[:8].repeat(7, 1) + 0.9 * made_up(56)[1]
costs = [
    info_nce(query_vectors[:8], torch.cat([pool[:8], extra]), 0.1)[0] for extra in (pool[:0], at_random, hard)
]
print(
    "loss with 8 keys {:.1f}, with 56 more at random {:.1f}, with 56 hard ones instead {:.1f}".format(*costs)
)
assert costs[2] > 1.5 * costs[1] > 2 * costs[0]

# %% [markdown]
# ## False negatives, and questions without an answer
#
# Suppose a batch holds two clips of *one* video. The key of each counts as a negative for the other, although
# it fits nearly as well: a **false negative**. The network is punished for being right. The remedy is the
# argument `allowed`, with True or False for each pair; pairs that are not allowed are left out of the
# comparison. We try it with perfect vectors: videos 0, 0, 1, 2, 2, 3, and equal vectors for clips of the same
# video.

# %%
videos = torch.tensor([0, 0, 1, 2, 2, 3])
perfect = torch.eye(4)[videos]
allowed = (videos[:, None] != videos[None]) | torch.eye(6, dtype=torch.bool)
every, title = cosines(perfect, perfect).numpy(), "Pairs of one video are left out"
alt = "6 times 6 cosines: 1 on the framed diagonal, four hatched cells beside it, 0 elsewhere."
show(figures.similarity_matrix(every, allowed=allowed.numpy(), title=title), alt)
costs = [info_nce(perfect, perfect, 0.1, allowed=pairs)[0].item() for pairs in (None, allowed)]
print(f"loss of perfect vectors: {costs[0]:.2f}, which is 4/6 of log 2;  with pairs left out: {costs[1]:.2f}")
assert np.allclose(costs, [np.log(2) * 4 / 6, 0], atol=1e-3)

# %% [markdown]
# With false negatives, four of the six rows can do no better than toss a coin between two right answers,
# which costs log 2 each. And once equal vectors differ a little, the gradient drives apart what belongs
# together. (Two different walls of bricks also remain negatives of each other in our game, though we would
# call them alike. InfoNCE knows nothing about classes.)
#
# There are also **questions without an answer**: if the future of a clip holds no vectors, there is no motion
# to predict. The argument `valid` takes such rows out. An empty target is no use as a wrong answer either, so
# we leave out its column too.

# %%
targets = torch.eye(6)
targets[2] = 0  # nothing there
predicted = (targets + 0.02 * torch.from_numpy(rng.standard_normal((6, 6))).float()).requires_grad_()
valid = targets.any(1)
mixed = info_nce(predicted, targets, 0.1)[0]
answered, _ = info_nce(predicted, targets, 0.1, valid=valid, allowed=valid.expand(6, 6))
answered.backward()
print("loss with the empty row: over 10 times the loss without it:", bool(mixed > 10 * answered))
print(f"largest gradient in the empty row, once left out: {predicted.grad[2].abs().max():.0f}")

# %% [markdown]
# **Exercise 2** (medium, 10 minutes). Motion prediction combines hard negatives with the exclusion of false
# ones. There are N clips, and `videos` says which video each comes from. There are `windows` x N keys: first
# the true futures of all N clips, then one further window of each clip, then a second one of each, and so on.
# A clip may be compared with all windows of *other videos*, and with all windows of *its own* (the hard
# negatives), but with no window of another clip of the same video. Which pairs are allowed?


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
# ## Learning, live
#
# Back to the walls, this time with a network. Three small convolutions and an average over the window produce
# 64 features: this is the **backbone**, the part we want. A linear layer on top makes the 32 numbers that are
# compared: the **head**, thrown away afterwards. (The backbone is a slimmer version of the course's key-frame
# encoder.) In each of 120 steps, 64 of the 320 walls are chosen at random, with two fresh windows each. Two
# things will vary later, so they are arguments: the `objective`, and the `look`, which makes two views of a
# wall.


# %%
def compare(backbone, head, one, other):
    """InfoNCE: each left window has to find the right window of its wall."""
    return info_nce(*head(backbone(torch.cat([one, other]))).chunk(2), 0.1)


def train(objective, look, seed, outs=32, steps=120):
    """A trained backbone and head, and (steps, 2): the loss of each step and the objective's measure."""
    torch.manual_seed(seed)
    draws = torch.Generator().manual_seed(seed)
    backbone, head = ContextEncoder((16, 32, 64)), torch.nn.Linear(64, outs)
    optimizer = torch.optim.AdamW([*backbone.parameters(), *head.parameters()], lr=3e-3)
    history = []
    for _ in range(steps):
        batch = walls[torch.randperm(len(walls), generator=draws)[:64]]
        loss, measure = objective(backbone, head, *look(batch, draws))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append((loss.item(), measure.item()))
    return backbone.eval(), head.eval(), np.array(history)


# %%
SEEDS = (0, 1, 2)
compared = [train(compare, in_gray, seed) for seed in SEEDS]
runs = np.stack([history for _, _, history in compared])
ends = runs[:, -20:].mean(1)  # (seeds, 2): loss and accuracy, over the last 20 steps
loss, accuracy = ends.mean(0)
title = f"Below log 64, and {accuracy * 64:.0f} times as often right as a guess"
alt = f"Loss, from {runs[:, 0, 0].mean():.1f} down to {loss:.1f} nats, and accuracy, up to {accuracy:.2f}."
show(figures.learning(runs, 64, title=title), alt + " The three seeds differ little.")
better = (ends[:, 0] < np.log(64) - 1).all() and (ends[:, 1] > 8 / 64).all() and np.ptp(ends[:, 1]) < 0.15
print("in each seed: over 1 nat below a blind guess, and right over 8 times as often:", bool(better))

# %% [markdown]
# The riddle is being solved. But it is a pretext; nobody needs matched windows. Did the network learn what we
# *care* about? We test it by retrieval, as in notebook 01: for each of 128 walls it has never seen, is the
# nearest of the 320 old walls of the same scene? A guess is right once in 16. Later we will need two more
# measures. One is how often unseen windows find their partner among 64. The other is the **effective rank**
# of their vectors: the number of directions they really use, from 1 (all the same) to 32. (Formally, it is
# the exponential of the entropy of how the vectors' squared length is spread over their principal
# directions.)


# %%
@torch.no_grad()
def embed(model, look):
    """The compared vectors of the left and of the right windows of all unseen walls, (128, 32) each."""
    return [model[1](model[0](view)) for view in look(unseen, torch.Generator().manual_seed(1))]


@torch.no_grad()
def knows_scene(model, look=in_gray):
    """R@1: the share of unseen walls whose nearest old wall, by the backbone's features, has their scene."""
    draws = torch.Generator().manual_seed(1)
    new, old = (sum(map(model[0], look(images, draws))).numpy() for images in (unseen, walls))
    return retrieval((old, np.arange(320) % 16), (new, np.arange(128) % 16), ks=(1,))["R@1"]


def matches(model, look):
    """The share of unseen left windows that find their own right window among 64."""
    pairs = zip(*(vectors.split(64) for vectors in embed(model, look)))
    return float(np.mean([info_nce(one, other, 0.1)[1].item() for one, other in pairs]))


def effective_rank(vectors):
    """Directions that the vectors (N, D) use, 1 to D."""
    share = torch.linalg.svdvals(F.normalize(vectors, dim=1)) ** 2
    return torch.distributions.Categorical(share / share.sum()).entropy().exp().item()


# %%
untrained = [train(compare, in_gray, seed, steps=0) for seed in SEEDS]
knows = {"InfoNCE": [*map(knows_scene, compared)], "untrained": [*map(knows_scene, untrained)]}
R1 = "R@1: the nearest wall has the same scene"
title = "Matching windows teaches textures"
show(figures.seeds({R1: knows}, guess=[1 / 16], title=title), figures.in_words({R1: knows}))
print(
    "each trained network is over twice the best untrained one:",
    min(knows["InfoNCE"]) > 2 * max(knows["untrained"]),
)

# %% [markdown]
# Nobody told the network about scenes. Note the lower bar as well: an *untrained* network already beats a
# guess. So that is the line to beat, always.
#
# ## Collapse
#
# Why so complicated? Matching pairs should be alike, so why not simply pull them together, without negatives?
# We minimize 1 minus the cosine of the two windows, which lies between 0 (perfect) and 2. Before you run it:
# what is the laziest way to make this loss 0?


# %%
def pull(backbone, head, one, other):
    """1 - cosine of the two windows of a wall, without negatives; and InfoNCE's accuracy."""
    one, other = head(backbone(torch.cat([one, other]))).chunk(2)
    return (1 - F.cosine_similarity(one, other)).mean(), info_nce(one, other, 0.1)[1]


pulled = [train(pull, in_gray, seed) for seed in SEEDS]
for model, name in ((compared[0], "InfoNCE"), (pulled[0], "pull only")):
    one, other = (vectors[:24] for vectors in embed(model, in_gray))
    title = f"{name}: 24 unseen walls, effective rank {effective_rank(one):.1f}"
    look = "blue on the diagonal, mixed elsewhere" if name == "InfoNCE" else "the same dark blue all over"
    show(figures.similarity_matrix(cosines(one, other).numpy(), title=title), f"24 times 24 cosines: {look}.")

ends = [run[-20:, 0].mean() for _, _, run in pulled]
lowest = [cosines(*embed(model, in_gray)).min() for model in pulled]
ranks = [[effective_rank(embed(m, in_gray)[0]) for m in models] for models in (compared, pulled)]
print("in every seed, the loss is below .01, so it looks perfect:", max(ends) < 0.01)
print("the cosine of any two walls is above .95:", bool(min(lowest) > 0.95))
print("the effective rank is below 1.1, and with InfoNCE above 3:", max(ranks[1]) < 1.1 and min(ranks[0]) > 3)
knows["pull only"] = [*map(knows_scene, pulled)]
assert max(knows["pull only"]) < 0.6 * min(knows["InfoNCE"])

# %% [markdown]
# One vector for everything: a perfect loss and a worthless representation. This is a **collapse**. With
# InfoNCE it does not pay. If all vectors are the same, each key gets probability 1/N, and the loss is log N,
# that of a blind guess. The loss falls as soon as queries are nearer to their own key than to the others. The
# negatives keep the vectors apart. (There are other ways. BYOL and SimSiam let no gradient flow through one
# of the two sides. Why that works is a subtler story.)
#
# **Symptoms of a collapse**: cosines near 1 between unrelated inputs, an effective rank near 1, an InfoNCE
# loss that stays at log N.
#
# ## The circle in your hands
#
# Vectors of length 1 lie on a sphere. In two dimensions the sphere is a circle, and we can watch. Below, ten
# points are the vectors of ten windows of one film, and each window looks for the next one: 1 for 2, 2 for 3,
# and so on. The blue line leads from the chosen window to its own key. The orange lines lead to the
# negatives, and the thicker a line, the higher the probability of that key. Arrows show where descent would
# move each point. Try these:
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
        return (1 - F.cosine_similarity(windows[:-1], windows[1:])).mean() / 0.2
    allowed = ~torch.eye(10, dtype=torch.bool).roll(-1, 1)[:-1]  # no window is its own key
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

title = "Negatives spread the windows in the order of the film; without them all fall into one"
show(
    on_a_circle({"at first": start.numpy()} | {name: a.numpy() for name, a in panels.items()}, title=title),
    "Three circles with ten numbered points: scattered; in the order 1 to 10 around it; all in one place.",
)
costs = [film_loss(angles, True).item() for angles in panels.values()]
print(f"InfoNCE with negatives {costs[0]:.1f}, without {costs[1]:.1f}, a blind guess {np.log(9):.1f}")
assert costs[0] < 1 and abs(costs[1] - np.log(9)) < 0.05

# %% [markdown]
# The collapsed windows fit "pull only" perfectly. For InfoNCE they are no better than a blind guess among
# nine keys.
#
# ## A shortcut
#
# The other failure looks like a triumph. Suppose each film was shot by the light of its own lamp. We imitate
# that by tinting *both* windows of a wall with one random color, and change nothing else. Now the windows can
# be matched without looking at texture at all.


# %%
def tinted(images, draws):
    """Two gray views, both in one random tint."""
    tint = torch.randn(len(images), 3, 1, 1, generator=draws)
    return [view + tint for view in in_gray(images, draws)]


def as_drawn(images, draws):
    """Two views in the wall's own colors."""
    return [(window(images, half, draws) - 0.45) / 0.25 for half in (0, 1)]


# %%
strip = []
for look in (as_drawn, tinted):
    views = look(unseen[:4], torch.Generator().manual_seed(3))
    strip += to_show(torch.stack(views, 1).flatten(0, 1))
title = "Color gives each pair away: in its own colors (above), in a tint (below)"
alt = "Two rows of four pairs of windows; above in many colors, below in one tint for each pair."
show(figures.filmstrip(strip, labels=[*"1122334411223344"], columns=8, title=title), alt)

# %% [markdown]
# The upper row is not even manipulated. Each wall of MovingScenes has its own palette, just as each film has
# its own light and camera. So we compare two more trainings with the gray one: in the walls' own colors, and
# with a tint. All are tested on walls they have never seen. Which plays the game best, and which knows the
# scenes?

# %%
looks = {"own colors": as_drawn, "one tint": tinted}
cheats = {name: [train(compare, look, seed) for seed in SEEDS] for name, look in looks.items()}
game, knows["gray"] = {"gray": [matches(model, in_gray) for model in compared]}, knows["InfoNCE"]
for name, look in looks.items():
    game[name] = [matches(model, look) for model in cheats[name]]
    knows[name] = [max(knows_scene(model), knows_scene(model, look)) for model in cheats[name]]
measures = {"the game: finds its partner among 64": game, R1: {name: knows[name] for name in game}}
title = "With color the game goes better, and less is learned"
show(figures.seeds(measures, guess=[1 / 64, 1 / 16], title=title), figures.in_words(measures))
print(
    "with color, every seed plays better than any in gray:",
    max(game["gray"]) < min(game["own colors"] + game["one tint"]),
)
print("and every seed knows less:", min(knows["gray"]) > 1.2 * max(knows["own colors"] + knows["one tint"]))

# %% [markdown]
# **A good score at the riddle proves nothing.** With the tint, the game is won nearly every time, and less
# has been learned about scenes. And the test walls were *new*. A
# [shortcut](../docs/glossary.md#learning-without-labels) is not overfitting: it works just as well on new
# data, so testing the same game does not reveal it. Two things do. Take the cue away and see how the game
# goes then. And measure what you actually want, here R@1.

# %%
bare = [matches(model, in_gray) for model in cheats["one tint"]]
print("the game with the tint, above .9:", min(game["one tint"]) > 0.9)
print("the game without it, below .2:", max(bare) < 0.2)
print("R@1, below 2/3 of that after training in gray:", max(knows["one tint"]) < min(knows["gray"]) * 2 / 3)

# %% [markdown]
# The cure is [augmentation](../docs/glossary.md#learning-without-labels): whatever should not count is
# changed at random in each view, so that it says nothing about the other view. We removed color altogether.
# More often, each view gets its own random tint, crop and flip. With too little of it, the shortcut stays
# open; with too much, you hide what should be learned. Notebook 07 will look for the middle.
#
# **Exercise 3** (medium, 10 minutes). Be the doctor. Your patient is a network. You get its vectors for the
# left and right windows of 64 unseen walls, twice: `seen`, with views as in its training, and `bare`, with
# the suspected cue removed. The diagnosis is `"collapsed"` if, in `seen`, left and right windows of
# *different* walls have a mean cosine above 0.95. Otherwise it is `"shortcut"` if the top-1 accuracy in
# `bare` is less than a third of that in `seen`. Otherwise it is `"healthy"`.


# %% tags=["exercise"]
def diagnose(seen, bare):
    """ "collapsed", "shortcut" or "healthy"; `seen` and `bare` are (left, right), vectors (64, 32) each."""
    ...


# %% tags=["check"]
def made_up_pair(cosine, right):
    """64 left and right vectors: strangers have this mean cosine, and so many of the left find their own."""
    own = F.normalize(torch.randn(64, 31, generator=torch.Generator().manual_seed(0)), dim=1)
    left = torch.cat([torch.full((64, 1), cosine**0.5), (1 - cosine) ** 0.5 * own], 1)
    partner = torch.cat([torch.arange(right), torch.arange(right, 64).roll(1)])
    return left, left[partner]


cases = []
for (cosine, right), (bare_cosine, bare_right), expected in (
    ((0.5, 60), (0.5, 40), "healthy"), ((0.97, 64), (0.5, 0), "collapsed"),
    ((0.2, 60), (0.2, 18), "shortcut"),
    ((0.92, 60), (0.5, 60), "healthy"), ((0.2, 60), (0.2, 24), "healthy"), ((0.2, 60), (0.98, 60), "healthy"),
    ((0.2, 16), (0.2, 4), "shortcut"), ((0.2, 18), (0.2, 8), "healthy"),
):  # fmt: skip
    words = f"cosine of strangers {cosine}, accuracy {right / 64:.2f}, and bare {bare_right / 64:.2f}"
    cases.append((words, (cosine, right), (bare_cosine, bare_right), expected))
samples = [(words, made_up_pair(*seen), made_up_pair(*bare), true) for words, seen, bare, true in cases]
patients = [("InfoNCE", model, in_gray, "healthy") for model in compared]
patients += [("pull only", model, in_gray, "collapsed") for model in pulled]
patients += [("one tint", model, tinted, "shortcut") for model in cheats["one tint"]]
for name, model, look, expected in patients:
    views = [[side[:64] for side in embed(model, view)] for view in (look, in_gray)]
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
# <code>~torch.eye(64, dtype=torch.bool)</code> picks the latter.
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
# </details>

# %% [markdown]
# ## Why not just predict the values?
#
# There is a more obvious task: look at the left window and predict the right one, pixel by pixel, with the
# mean squared error as the loss. That is **regression**. The paper decided against it: instead of regressing
# motion vectors, it compares their features. You can see two reasons right here. The first is what a squared
# error rewards when the answer is open. Suppose a shape will go left or right, and nobody can know which.

# %%
answers = torch.linspace(-1, 1, 21)
errors = ((answers - 1) ** 2 + (answers + 1) ** 2) / 2  # the truth is 1 or -1, equally often
print(f"the least squared error is at {abs(answers[errors.argmin()]):.0f}, a future that never comes")
between = torch.eye(8)[:1] + torch.eye(8)[1:2]
shares = (cosines(between, torch.eye(8)) / 0.1).softmax(1)[0]
print(f"a vector between two keys gives each {shares[0]:.2f}, and the rest {shares[2:].sum():.2f}")

# %% [markdown]
# Regression answers with the *mean* of what may come: neither left nor right. A comparison can say "one of
# these two, none of those". The second reason: most values of an image, such as where exactly a brick ends,
# cannot be predicted and are not what we want to know. But a squared error counts every one of them. We let
# the same backbone predict the right window, shrunk to 14 x 14, and test what it learned.


# %%
def values(backbone, head, one, other):
    """Mean squared error of the right window's values, and the share of their variance explained."""
    target = F.avg_pool2d(other[:, :1], 2).flatten(1)
    loss = F.mse_loss(head(backbone(one)), target)
    return loss, 1 - loss / target.var()


regressed = [train(values, in_gray, seed, outs=14 * 14) for seed in SEEDS]
one, other = in_gray(unseen[:6], torch.Generator().manual_seed(1))
output = regressed[0][1](regressed[0][0](one)).detach().view(6, 1, 14, 14).repeat(1, 3, 1, 1)
strip, labels = to_show(F.avg_pool2d(other, 2)) + to_show(output), ["target"] * 6 + ["predicted"] * 6
figure = figures.filmstrip(strip, labels=labels, columns=6, title="The mean of everything possible is gray")
show(figure, "Above six small gray textures, below what was predicted: nearly even gray each.")
knows["predict values"] = [*map(knows_scene, regressed)]
learned = {R1: {name: knows[name] for name in ("InfoNCE", "predict values", "pull only", "untrained")}}
figure = figures.seeds(learned, guess=[1 / 16], title="Learned in the same number of steps")
show(figure, figures.in_words(learned))
explained = max(run[-20:, 1].mean() for _, _, run in regressed)
print("less than a tenth of the variance of the values was predicted:", explained < 0.1)
more = min(knows["InfoNCE"]) > 1.5 * max(knows["predict values"])
print("in every seed, R@1 after comparing is over 1.5 times that after predicting values:", more)
assert output.std() < 0.5 * other.std()

# %% [markdown]
# Could we regress *features* instead, with the mean squared error between the two windows' vectors? If the
# gradient flows to both sides, that is "pull only" again under another name: the easiest features to predict
# are constant ones. If the target's features are held fixed, without a gradient, they cannot collapse this
# way; [12_ablations](12_ablations.ipynb) puts such a target beside InfoNCE.
#
# > **Caution.** This is a small toy. Predicting values is not hopeless: networks that fill in masked images
# > learn very well that way, with far more data and steps. We have shown *where* it is weak.
# > [12_ablations](12_ablations.ipynb) compares both on our real tasks.
#
# ## What we have seen
#
# - InfoNCE asks every query to find its own key among all keys: a softmax over cosines, divided by a
#   temperature. A blind guess costs log N, so a loss means nothing without its N and its temperature.
# - Each negative is pushed in proportion to its probability, so low temperatures and hard negatives make fine
#   differences count. `allowed` leaves out false negatives, `valid` leaves out rows without an answer.
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
# A cue that both views share, such as a tint, works just as well on new videos. Take it away in the test, or
# measure what you really want.
# </details>
#
# **5.** Why does one constant vector not solve InfoNCE?
#
# <details><summary>Answer</summary>
# Then all keys are equally probable, and the loss is log N, that of a blind guess. It falls only when queries
# are nearer to their own key than to the others.
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
