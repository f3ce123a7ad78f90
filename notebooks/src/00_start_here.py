# %% [markdown]
# # Start here
#
# You learned to see long before anyone gave you labels. You watched what stays put and what moves. A
# network can learn the same way, and its teacher is already inside every video file.
#
# To make a video small, a program called the **encoder** stores a complete image only now and then. For
# everything in between it searches, block by block, for the place where each piece of the image came from,
# and stores the shift, a **motion vector**. So a compressed video already records *what stays* and *what
# moves*. This course trains networks on those two signals: no labels, no GPU.
#
# **Goals.** After this notebook you will be able to
# - name the three questions that the course answers, and find your way on its map,
# - tell the *scene* of a clip from its *action*, and say why our data set keeps them apart,
# - check that everything is installed.
#
# **Needs.** Python and NumPy, and a first idea of how a network is trained (weights, a loss, gradient
# descent). You need to know nothing about video files: the course explains all of it. If you are reading
# this in Jupyter, everything is installed; otherwise, see [how to install](../README.md). Less than 1 minute
# on 2 cores, 0.3 GB of memory, no disk space.
#
# Here are two video clips of the same shapes. We computed no motion: the white arrows were made from shifts
# that the encoder had stored in the two files. What differs between the clips, and could you tell from a
# single frame without its arrows?

# %%
from cvrl_lite.course.loops import show_loop

show_loop(
    "two_turns",
    "Two moving clips of the same shapes. Left they circle clockwise, right counter-clockwise, and a white "
    "arrow on most shapes points the way they go.",
)

# %% [markdown]
# They circle in opposite directions. A still does not tell them apart, but an arrow does.
#
# ## Is everything installed?
#
# If you saw two clips above, probably yes. The next cell checks. If a line says MISSING, run `make setup` in
# a terminal (without make: `pip install -c constraints.txt -e ".[course,test]"`), restart the kernel and
# begin again.

# %%
import importlib.util
import sys

parts = "cvrl_lite", "numpy", "torch", "av", "safetensors", "sklearn", "matplotlib", "ipywidgets", "anywidget"
missing = [name for name in parts if importlib.util.find_spec(name) is None]
print(f"{'MISSING' if missing else 'ok':7}  packages:", ", ".join(missing) or f"all {len(parts)}")
print(f"{'ok' if sys.version_info >= (3, 11) else 'MISSING':7}  Python 3.11 or newer")

# %% [markdown]
# And can the package read a video?

# %%
from cvrl_lite import CompressedVideo, data_path

with CompressedVideo(data_path("sample.mp4")) as video:
    checks = {"sample clip: 72 of 72 frames": video.info.frames == 72}
    checks["motion vectors: readable"] = bool(video.motion(0, 12).mask.any())
for what, fine in checks.items():
    print(f"{'ok' if fine else 'MISSING':7}  {what}")

# %% [markdown]
# ## The idea in one figure
#
# We follow the paper *Self-supervised Video Representation Learning by Context and Motion Decoupling* (CVPR
# 2021). Read the map from left to right; the circles hold the numbers of the notebooks.
#
# 1. A video file gives us what stays and what moves.
# 2. Each of the two becomes a task whose right answers are in the file, so nobody has to label anything.
# 3. One network learns both tasks.
# 4. We measure what the network has learned.
#
# The boxes without arrows stand beside the road: the result, which we look at first, and what a training
# needs.
#
# The dashed row is our addition. The **residual** is the part of a frame that shifted blocks of earlier
# frames cannot rebuild; the paper does not use it.

# %% tags=["hide-input"]
import numpy as np

from cvrl_lite.course.checks import check
from cvrl_lite.course.exercises import show_progress
from cvrl_lite.course.figures import course_map, filmstrip, long_exposure, pairs, show
from cvrl_lite.datasets import moving_scenes

with CompressedVideo(data_path("sample.mp4")) as video:
    key, frame = video.clip(0, 9)[[0, 8]]
    motion, residual = video.motion(8, 9), video.residuals(8, 9)
part, cells = (slice(56, 168), slice(0, 112)), (slice(7, 21), slice(0, 14))
show(
    course_map(
        *(frame[part], key[part]),
        *(motion.vectors[0][:, *cells], motion.mask[0][cells], residual.values[0][part]),
    ),
    "A flow chart with pictures. A video file (notebook 02) gives key frames, what stays (02); motion "
    "vectors, what moves (03); and, dashed, the residual, what is new (04). Key frames lead to matching a "
    "clip with its key frame (07), vectors to predicting the vectors to come (08), and, dashed, the "
    "residual to an optional third task (13). These feed one network (09), with what it needs below (05, "
    "06). Above the file stands what the network can do (01). Three arrows lead on: how good and how sure "
    "(10, 11), which part does it (12), real video and yours (14, 15).",
)

# %% [markdown]
# **Context matching** asks: which key frame belongs to this clip? (A **key frame** is one of the frames
# that are stored complete.) A network that recognizes the place and the things in it can answer.
#
# **Motion prediction** asks: which motion comes next? A network that notices what is happening can answer.
#
# What stays is called the **context**; in the clips of this course it is the *scene*.
#
# ## Three questions
#
# 1. **Which is the better teacher, context or motion?** What does each one teach, what does it leave out,
#    and can one network learn from both? You will see a first answer in the next notebook.
# 2. **Can we do without optical flow?** [Optical flow](../docs/glossary.md#motion-in-the-file) is the
#    motion of every single pixel, computed from the frames. On our clips that takes 8.5 to 12.5
#    milliseconds a frame. The motion vectors come with the file: .23 milliseconds a frame, decoding included
#    ([measured](../docs/benchmarks.md)). But an encoder chooses them to save bytes. Are they good enough?
# 3. **How do we stop the network from taking the easy way out?** "By how many pixels will this block move?"
#    can often be answered by repeating the shift of a moment ago. So the paper does not ask for numbers. It
#    hides the true continuation among thousands of others and asks "which of these comes next?" Is that what
#    helps? [12_ablations](12_ablations.ipynb) has a surprise.
#
# ## Clips in which nothing gives the answer away
#
# To find out *what* a network has learned, we need clips in which context and motion are independent. In
# real videos they are not: show a swimming pool, and "swimming" is a good guess without looking at the
# motion. That is **context bias**. So we draw our own clips, and call them **MovingScenes**. In each one the
# **scene** is what stays. There are sixteen, each a texture:

# %%
names = moving_scenes.SCENES
stills = [moving_scenes.draw(name, "right", seed, frames=1)[0] for seed, name in enumerate(names)]
show(
    filmstrip(
        stills,
        labels=names,
        title="The scene is what stays: sixteen textures",
    ),
    "Sixteen small images, one of each scene: " + ", ".join(names) + ". Bright shapes lie on top of each.",
)

# %% [markdown]
# The **action** is what moves. There are eight, each a way in which bright shapes travel over the scene:
#
# | action | the shapes |
# |---|---|
# | `right` | drift to the right |
# | `down` | drift down |
# | `clockwise` | circle the center of the frame |
# | `counter_clockwise` | circle it the other way |
# | `turn` | go round a small circle, each its own |
# | `shake` | swing left and right |
# | `pulse` | swing away from the center and back |
# | `stop_and_go` | drift to the right, rest, drift on |
#
# A single frame shows none of this. So the next figure works like a photo with a long exposure: it adds up
# 24 frames, and whatever moves leaves a trail. Each image is another action. Which is which? Two of them you
# cannot tell apart.

# %% tags=["hide-input"]
names = ["shake", "clockwise", "down", "stop_and_go", "counter_clockwise", "pulse", "right", "turn"]
trails = [long_exposure(moving_scenes.draw("planks", name, 30, frames=24, size=224)) for name in names]
show(
    filmstrip(trails, labels=list("ABCDEFGH"), columns=4, title="Eight actions leave seven kinds of trail"),
    "Eight images of planks with blurred shapes, A to H. A: blurred sideways, a little. B and E: arcs "
    "about the center. C: long trails downwards. D: each shape twice, a step apart. F: short trails "
    "towards the center. G: long level trails. H: each shape blurred all round.",
)

# %% [markdown]
# <details><summary>Answer</summary>
# A <code>shake</code>, B <code>clockwise</code>, C <code>down</code>, D <code>stop_and_go</code>,
# E <code>counter_clockwise</code>, F <code>pulse</code>, G <code>right</code>, H <code>turn</code>. B and E
# could be swapped.
# </details>
#
# A trail looks the same whichever way it was drawn, so `clockwise` and `counter_clockwise` cannot be told
# apart. For that you need the *order* of the frames, and this is why the network gets clips and not single
# frames. Here are all eight in motion, on another scene. (After a short rest they start again from the
# beginning. In print, and where your system asks for less motion, you see the way of each shape instead,
# with a dot where it rests.)

# %%
show_loop(
    "actions",
    "Eight moving clips of bright shapes over dark clouds. Upper row: right and down drift, clockwise and "
    "counter_clockwise circle the center in opposite directions. Lower row: turn, each shape on a small "
    "circle; shake, left and right; pulse, away from the center and back; stop_and_go, right with a rest.",
)

# %% [markdown]
# Suppose you know which of the eight actions it is. In the upper row, where a shape is and how it moves now
# then tell you what comes next. In the lower row they do not, not even then: the shape is about to turn back,
# to bend or to stop, and one moment does not show how soon.
#
# Now for the reason we draw our own clips. How often does each scene appear with each action? On the left
# you see the clips of our data set that networks learn from, on the right a set we made up, as biased as
# real videos often are.

# %%
scenes, actions = moving_scenes.SCENES, moving_scenes.ACTIONS
ours = np.zeros((16, 8), int)
for clip in moving_scenes.plan(1600, seed=0):
    if clip.split == "train":
        ours[scenes.index(clip.scene), actions.index(clip.action)] += 1
biased = np.full((16, 8), 2)
biased[np.arange(16), np.arange(16) % 8] = 58  # each scene mostly with one action
show(
    pairs(
        {f"MovingScenes, {ours.sum()} clips": ours, f"a biased set, {biased.sum()} clips": biased},
        scenes,
        actions,
        title="In MovingScenes the scene says nothing about the action",
    ),
    "Two tables of sixteen scenes by eight actions. Left, all fields have the same gray. Right, one dark "
    "field in each row, the others pale.",
)
print(f"MovingScenes: each of the {ours.size} pairs appears {ours.min()} times")
assert ours.min() == ours.max()

# %% [markdown]
# **Exercise** (easy, 5 minutes). Somebody guesses the action of a clip by looking at nothing but its scene,
# and guesses as well as anybody could. How often is that right, in each of the two sets? Make a guess, then
# calculate it. (This is the first exercise of the course. Put your own lines in place of the `...`, run that
# cell and then the folded one below it, which says *Right* or *Not yet*. A hint and a solution unfold
# underneath, and you may skip any exercise.)


# %% tags=["exercise"]
def best_guess(counts):
    """The share of clips (0 to 1) whose action is guessed from the scene; counts is (scenes, actions)."""
    ...


# %% tags=["check", "hide-input"]
uneven = np.array([[9, 1], [30, 60]])
check(
    best_guess,
    [
        ("two scenes with the counts [9, 1] and [30, 60]", (uneven,), 0.69),
        ("MovingScenes", (ours,), 1 / 8),
        ("the biased set", (biased,), 58 / 72),
        ("one scene only, with the counts [3, 1]", (np.array([[3, 1]]),), 0.75),
    ],
)

# %% [markdown]
# <details><summary>Hint</summary>
# For each scene the best guess is its most frequent action. A scene with many clips counts for more.
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def best_guess(counts):
#     return counts.max(axis=1).sum() / counts.sum()
# ```
#
# </details>
#
# In the biased set the scene alone gives the right action for 81 clips in 100. A network with that score
# may never have looked at the motion. In MovingScenes the scene is worth no more than a blind guess, 1 in
# 8. So there we can measure separately what a network knows about scenes and about actions.

# %% [markdown]
# ## How to read
#
# Each notebook moves in small steps: a few sentences on what to look for, a few lines of code, a result,
# and what the result means. Make a guess before you look; it is more fun, and you will remember more.
#
# By our estimate, a notebook takes half an hour to read and its exercises almost as long again. All sixteen
# take about fifteen hours, or eight if you skip the exercises.
#
# - **Run > Run All Cells** runs a notebook. Most take about a minute on 2 cores, and none more than 2.1 GB of
#   memory; on disk, all sixteen together take less than 2 GB. In the repository and on the site all outputs
#   are stored, so there you can read without running anything; `cvrl-lite course` copies the notebooks of an
#   installed package without them.
# - When we build something ourselves, we check it against the package once. From then on we use the
#   package.
# - An **exercise** has a function to fill in, a check that says *Right* or *Not yet*, a hint and a solution
#   to unfold. You can skip any of them; nothing later depends on your answer.
# - Printed numbers should match yours; where a cell trains or measures, they may differ a little
#   ([why](../docs/determinism.md)).
# - **Colors** keep their meaning. In figures about training, blue stands for context, orange for motion,
#   green for the residual, pink for both tasks together and gray for anything else. The three kinds of frame
#   that you will meet in notebook 02 have colors of their own.
# - Long cells of imports and checks are folded away, and so is a cell that would give an answer away;
#   click on the bar beside one to unfold it.
# - Words in **bold** are explained where they first appear. Most are in the
#   [glossary](../docs/glossary.md), too.
#
# <details><summary>What each notebook costs</summary>
#
# Measured on 2 cores of an AMD EPYC server. The clips, drawn once, take 45 seconds and 64 MB more.
#
# | notebook | minutes on 2 cores | memory | disk beside the 64 MB of clips |
# |---|---|---|---|
# | 00_start_here | less than 1 | 0.3 GB | 0 |
# | 01_result_first | 1 | 1.8 GB | 877 MB |
# | 02_inside_a_video_file | less than 1 | 0.4 GB | 0 |
# | 03_motion_vectors | less than 1 | 0.3 GB | 0 |
# | 04_residuals | less than 1 | 0.3 GB | 0 |
# | 05_clips_for_training | less than 1 | 0.9 GB | 148 MB |
# | 06_infonce | less than 1 | 0.5 GB | 0 |
# | 07_context_matching | 1 to 2 | 1.4 GB | 342 MB |
# | 08_motion_prediction | 1 | 1 GB | 64 MB |
# | 09_joint_pretraining | 1 | 1.4 GB | 57 MB |
# | 10_retrieval | less than 1 | 1 GB | 0 |
# | 11_probe_and_finetune | 1 | 1.1 GB | 0 |
# | 12_ablations | 1 to 2 | 1.3 GB | 64 MB |
# | 13_residual | 1 to 2 | 1.3 GB | 179 MB |
# | 14_your_own_videos | 2 | 2.1 GB | 21 MB |
# | 15_real_video | less than 1 | 0.3 GB | 0 |
#
# </details>
#
# ## Your progress
#
# A check that says *Right* notes the exercise as solved, in a file on your machine and nowhere else. Run the
# next cell whenever you like to see which exercises are solved and which are left. When all of them are, the
# last notebook has a certificate for you.

# %% tags=["nbval-ignore-output"]
show_progress()

# %% [markdown]
# ## What we have seen
#
# - A compressed video records what stays and what moves. Both can teach a network, without labels.
# - Some actions differ only in the order of the frames, so a network has to see clips and not single frames.
# - In MovingScenes the scene says nothing about the action, so we can measure separately what a network
#   knows about each.
#
# ## Quiz
#
# **1.** Why does a video encoder care about motion?
#
# <details><summary>Answer</summary>
# It saves bytes. A block that looks like a piece of an earlier frame can be stored as a shift, which is far
# smaller than its pixels.
# </details>
#
# **2.** A network names the scene of every clip correctly. What does that tell you about how well it can
# name actions, in MovingScenes and in real videos?
#
# <details><summary>Answer</summary>
# In MovingScenes, nothing: every scene appears equally often with every action. In real videos it may name
# many actions correctly without ever looking at the motion. That is context bias.
# </details>
#
# **3.** Why not simply train a network to output the values of the next vectors?
#
# <details><summary>Answer</summary>
# Repeating the current shifts is often good enough for that. A shape that shakes and a shape that drifts may
# have the same shift right now, and yet their futures differ. To pick the true future out of many is
# harder: the network has to notice which of the two it sees. That is the paper's argument. Whether the
# comparison is what helps, notebook 12 tests.
# </details>
#
# ## Next, and further reading
#
# Next: [01_result_first](01_result_first.ipynb), where a trained network shows what it can do. If you would
# rather begin at the beginning, go straight to [02_inside_a_video_file](02_inside_a_video_file.ipynb).
#
# - The [paper](https://arxiv.org/abs/2104.00862), and [our map of it](../docs/paper_map.md): what the
#   authors did, and what we added.
# - The [README](../README.md): other ways to install, and the package without the course.
