# %% [markdown]
# # Start here
#
# You learned to see long before anybody labeled anything for you: by watching what stays and what moves.
# A network can do that, too, and its teacher is closer than one might think. Every compressed video was
# once searched, block by block, by an **encoder**, the program that packs it, to save bytes. It wrote down
# whole frames now and then (what stays) and, in between, where each block came from (what moves). This
# course learns from these by-products what a clip is about: no labels, no GPU, and no **optical flow**,
# which is the motion of every pixel, worked out afterwards at great cost. The lists of numbers a network
# makes of a clip are called its **features**, or its **representation** when they say what matters of it.
#
# **Goals.** After this notebook you will be able to
# - say in three sentences what the course does and which three questions it answers,
# - find your way on its map and know what each notebook costs,
# - tell the *scene* of a clip from its *action*, and say why the data set keeps them apart,
# - check that everything is installed.
#
# **Needs.** `make lab`, or another way of [the README](../README.md). Less than 1 minute on 2 cores, 0.2 GB
# of memory, no disk.
#
# ## The idea in one figure
#
# We follow the paper *Self-supervised Video Representation Learning by Context and Motion Decoupling*
# (CVPR 2021). Read the map from left to right. A file yields what stays and what moves; each becomes a
# task whose answers are in the file, without labels; one network learns both; then we ask what it has
# learned. Dashed is an addition for later: the **residual**, what shifting blocks of earlier frames got
# wrong.

# %%
import importlib.util
import sys
from collections import Counter

import numpy as np

from cvrl_lite import CompressedVideo, data_path
from cvrl_lite.course.figures import course_map, filmstrip, long_exposure, show
from cvrl_lite.datasets import moving_scenes

show(
    course_map(),
    "A flow chart. A video file (notebook 02) gives key frames, what stays (02); motion vectors, what moves "
    "(03); and, dashed, the residual, what is new (04). Key frames lead to matching a clip with its key "
    "frame (07), vectors to predicting the vectors to come (08), and, dashed, the residual to an optional "
    "third task (13). These feed one network (01, 05, 06, 09). From it lead three ways: how good and how "
    "sure (10, 11), which part does it (12), your own videos (14).",
)

# %% [markdown]
# **Context matching** asks: which key frame belongs to this clip? To answer, a network must know the
# place and the things in it. **Motion prediction** asks: which motion comes next? To answer, it must know
# what is going on. Blue stands for context, orange for motion and green for the residual in all figures
# of the course, and gray for what has no role.
#
# ## Three questions
#
# 1. **Which is the better teacher, context or motion?** What does each teach, what does it leave out, and
#    can one network have both? A first answer waits in the next notebook.
# 2. **How to do without costly optical flow?** Computing it can take longer than the training itself.
#    Vectors come with the file. What are they worth, flaws and all?
# 3. **How to keep the network from learning mere shifts?** "Predict the vectors" can be answered by copying
#    shifts of a few pixels without understanding anything. So we do not ask "how many pixels will this
#    block move in the next frame?" but "which of these thousand motions follows?", where each motion is
#    summed up by features of its own, such as "goes round, and slows down", not by its pixel counts.
#
# ## A first look at MovingScenes
#
# To find out *what* a network has learned, one needs clips in which context and motion are independent.
# In real videos they are not: who sees water guesses "swimming", right or wrong, without looking at the
# motion. That is **context bias**. So we draw our own clips. The **scene** is what stays, one of sixteen
# textures:

# %%
names = moving_scenes.SCENES
stills = [moving_scenes.draw(name, "right", seed, frames=1)[0] for seed, name in enumerate(names)]
show(
    filmstrip(stills, labels=names, title="The scene: sixteen textures, each in a palette of the clip's own"),
    "Sixteen small images, one of each scene: " + ", ".join(names) + ". Bright shapes lie on all of them.",
)

# %% [markdown]
# The **action** is what moves: one of eight ways in which the shapes are carried along.
#
# | action | the shapes | action | the shapes |
# |---|---|---|---|
# | `right` | drift to the right | `turn` | each walk a small circle |
# | `down` | drift down | `shake` | swing left and right |
# | `clockwise` | circle the center | `pulse` | swing away from the center and back |
# | `counter_clockwise` | circle it the other way | `stop_and_go` | drift to the right, rest, drift on |
#
# In a single frame none of it can be seen, so the next figure holds the shutter open for 16 frames, and
# whatever moves leaves a trail; `stop_and_go` hardly any (here it rests most of the time). Cover the names:
# which pairs can you not tell apart?

# %%
names = moving_scenes.ACTIONS
trails = [long_exposure(moving_scenes.draw("planks", name, 30, frames=16, size=224)) for name in names]
show(
    filmstrip(
        trails, labels=names, columns=4, title="The action: eight ways to move, on one and the same scene"
    ),
    "Eight images of planks with blurred shapes. right and down: straight trails; clockwise and "
    "counter_clockwise: arcs about the center; turn: each shape blurred all round; shake: blurred sideways; "
    "pulse: blurred towards the center; stop_and_go: nearly sharp, with a faint trail on the right.",
)

# %% [markdown]
# Trails do not tell `clockwise` from `counter_clockwise`. That takes the order of frames, and it is why
# the network gets clips and not single frames. The lower four also *change* within the clip, so that the
# motion to come is not just the motion that is.
#
# Now the point of it all. The course's set has 1600 clips in three parts. Count how often each scene
# comes with each action; if one said anything about the other, the counts would differ.

# %%
clips = moving_scenes.plan(1600, seed=0)
for split in ("train", "val", "test"):
    pairs = Counter((clip.scene, clip.action) for clip in clips if clip.split == split)
    least, most = min(pairs.values()), max(pairs.values())
    print(f"{split:5}: {sum(pairs.values()):4} clips, {len(pairs)} pairs, each {least} to {most} times")

pairs = Counter((clip.scene, clip.action) for clip in clips if clip.split == "train")
assert len(pairs) == len(moving_scenes.SCENES) * len(moving_scenes.ACTIONS) and len(set(pairs.values())) == 1

# %% [markdown]
# In train and in test all 128 pairs come equally often; val is too small for that, its pairs come once or
# twice. A network may know all scenes and no action, or the other way round,
# and each can be measured for itself. Chance is 1 of 16 for scenes and 1 of 8 for actions.
#
# ## Two commands
#
# - `make lab` sets up a Python environment in `.venv`, draws the 1600 clips into your cache folder and
#   opens this page. The second time it starts within seconds.
# - `make test` sets up the same and runs every test: of the package, of this course in a real browser,
#   and of each notebook again, comparing its outputs with those stored here.
#
# Is all there? The next cell looks. If a line says NO, run `make setup` (without make:
# `pip install -c constraints.txt -e ".[course,test]"`) in a terminal and restart the kernel.

# %%
needed = ("numpy", "torch", "av", "safetensors", "sklearn", "matplotlib", "ipywidgets")
checks = {f"package {name}": importlib.util.find_spec(name) is not None for name in needed}
checks["Python 3.11 or newer"] = sys.version_info >= (3, 11)
with CompressedVideo(data_path("sample.mp4")) as video:
    checks["the sample clip is whole"] = video.info.frames == 72
    checks["FFmpeg hands out motion vectors"] = bool(np.any(video.motion(0, 12).mask))
for what, fine in checks.items():
    print(f"{'yes' if fine else 'NO ':3}  {what}")

# %% [markdown]
# ## How to read
#
# Each notebook goes in small steps: a few sentences that say what to look for, a few lines of code, a
# result, and what it means. Guess before you look.
#
# - Outputs are stored, so you can read without running anything. Run with **Run > Run All Cells**.
# - What we build ourselves we check once against the package, then use the package. Nothing is shown that
#   is not used.
# - **Exercises** have a stub, a check that says *Right* or *Not yet*, a hint and a folded solution. They
#   never block you: all that follows works without them.
# - Printed results hold on any machine; times and last digits, which do not, are left out or said to be
#   ours. [docs/determinism.md](../docs/determinism.md) tells why.
# - Words in **bold** are explained where they first come up, most of them also in the
#   [glossary](../docs/glossary.md).
#
# ## What it costs
#
# Measured on 2 cores of an AMD EPYC server, 2026-11-23, with the clips already drawn. The clips
# themselves take 45 seconds and 64 MB once. What a notebook writes beside them goes to a temporary folder,
# but for the 240 clips of 13, which are kept.
#
# | notebook | minutes on 2 cores | memory | disk beside the 64 MB of clips |
# |---|---|---|---|
# | 00_start_here | less than 1 | 0.2 GB | 0 |
# | 01_result_first | 1 | 1.6 GB | 0 |
# | 02_inside_a_video_file | less than 1 | 0.4 GB | 0 |
# | 03_motion_vectors | less than 1 | 0.4 GB | 0 |
# | 04_residuals | less than 1 | 0.4 GB | 0 |
# | 05_clips_for_training | less than 1 | 1 GB | 0 |
# | 06_infonce | 1 | 0.6 GB | 0 |
# | 07_context_matching | 1 to 2 | 1 GB | 0 |
# | 08_motion_prediction | 1 | 1 GB | 0 |
# | 09_joint_pretraining | 1 | 1 GB | 2 MB |
# | 10_retrieval | 1 to 2 | 1 GB | 31 MB |
# | 11_probe_and_finetune | 1 | 1.2 GB | 0 |
# | 12_ablations | less than 1 | 0.6 GB | 0 |
# | 13_residual | 1 | 1.4 GB | 12 MB |
# | 14_your_own_videos | 1 | 1.5 GB | 50 MB |
#
# ## What we have seen
#
# - A compressed video holds what stays and what moves; both can teach a network without labels.
# - MovingScenes keeps scene and action independent, so that what was learned of each can be measured.
# - Two commands do everything: `make lab` and `make test`.
#
# ## Quiz
#
# **1.** Why does the encoder of a video know about motion?
#
# <details><summary>Answer</summary>
# To save bytes: a block that was found in an earlier frame is stored as a shift instead of pixels.
# </details>
#
# **2.** A network names the scene of every clip. What does that tell about its knowledge of actions, in
# MovingScenes and in real videos?
#
# <details><summary>Answer</summary>
# In MovingScenes nothing, since every scene comes equally often with every action. In real videos it may
# name actions well without having seen any motion: that is context bias.
# </details>
#
# **3.** Why not simply train a network to output the values of the coming vectors?
#
# <details><summary>Answer</summary>
# The values can be had from low-level shifts, by copying. Telling the true future from many others by its
# features asks for more: a block that shakes has the shift of a drifting one now, and another future.
# </details>
#
# ## Next, and further reading
#
# Next: [01_result_first](01_result_first.ipynb), where a trained network shows what it can do, or
# straight to [02_inside_a_video_file](02_inside_a_video_file.ipynb) if you like to begin at the
# beginning.
#
# - The [paper](https://arxiv.org/abs/2104.00862), and [our map of it](../docs/paper_map.md): what is
#   theirs, and what is ours.
# - The [README](../README.md): other ways to install, and the package without the course.
