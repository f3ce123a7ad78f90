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
# - say in three sentences what the course does and which three questions it answers,
# - find your way on its map and know what each notebook costs to run,
# - tell the *scene* of a clip from its *action*, and say why our data set keeps them apart,
# - check that everything is installed.
#
# **Needs.** `make lab`, or another way of [installing](../README.md). Less than 1 minute on 2 cores, 0.2 GB
# of memory, no disk space.
#
# ## The idea in one figure
#
# We follow the paper *Self-supervised Video Representation Learning by Context and Motion Decoupling* (CVPR
# 2021). Read the map from left to right:
#
# 1. A video file gives us what stays and what moves.
# 2. Each of the two becomes a task whose right answers are in the file, so nobody has to label anything.
# 3. One network learns both tasks.
# 4. We measure what the network has learned.
#
# Dashed lines mark something the paper leaves out: the **residual**, the part of a frame that cannot be
# rebuilt by shifting blocks of earlier frames.

# %%
import importlib.util
import sys
from collections import Counter

import numpy as np

from cvrl_lite import CompressedVideo, data_path
from cvrl_lite.course.figures import course_map, filmstrip, long_exposure, show
from cvrl_lite.course.loops import show_loop
from cvrl_lite.datasets import moving_scenes

show(
    course_map(),
    "A flow chart. A video file (notebook 02) gives key frames, what stays (02); motion vectors, what moves "
    "(03); and, dashed, the residual, what is new (04). Key frames lead to matching a clip with its key "
    "frame (07), vectors to predicting the vectors to come (08), and, dashed, the residual to an optional "
    "third task (13). These feed one network (01, 05, 06, 09). Three arrows lead on: how good and how "
    "sure (10, 11), which part does it (12), your own videos (14) and real ones (15).",
)

# %% [markdown]
# **Context matching** asks: which key frame belongs to this clip? (A **key frame** is one of the frames
# that are stored complete.) To answer, the network has to recognize the place and the things in it.
#
# **Motion prediction** asks: which motion comes next? To answer, the network has to notice what is
# happening.
#
# In every figure of the course blue stands for context, orange for motion, green for the residual and pink
# for both tasks together. Gray means none of these.
#
# ## Three questions
#
# 1. **Which is the better teacher, context or motion?** What does each one teach, what does it leave out,
#    and can one network learn from both? You will see a first answer in the next notebook.
# 2. **Can we do without optical flow?** [Optical flow](../docs/glossary.md#motion-in-the-file) is the
#    motion of every single pixel, computed from the frames. Computing it can take longer than the training
#    itself, while the motion vectors come with the file. How good are they, flaws included?
# 3. **How do we stop the network from taking the easy way out?** "Predict the vectors" can be solved by
#    copying shifts of a few pixels, without understanding anything. So we do not ask "by how many pixels
#    will this block move?" We ask "which of these thousand motions comes next?" Each candidate motion is
#    described by its **features**, the list of numbers a network computes from it, and these can say things
#    such as "circles, and slows down".
#
# ## A first look at MovingScenes
#
# To find out *what* a network has learned, we need clips in which context and motion are independent. In
# real videos they are not: show a swimming pool, and "swimming" is a good guess without looking at the
# motion. That is **context bias**. So we draw our own clips. In each one the **scene** is what stays. There
# are sixteen, each a texture:

# %%
names = moving_scenes.SCENES
stills = [moving_scenes.draw(name, "right", seed, frames=1)[0] for seed, name in enumerate(names)]
show(
    filmstrip(
        stills,
        labels=names,
        title="The scene is what stays: sixteen textures, in colors that differ from clip to clip",
    ),
    "Sixteen small images, one of each scene: " + ", ".join(names) + ". Bright shapes lie on top of each.",
)

# %% [markdown]
# The **action** is what moves. There are eight, each a way in which bright shapes travel over the scene:
#
# | action | the shapes | action | the shapes |
# |---|---|---|---|
# | `right` | drift to the right | `turn` | each go round a small circle of their own |
# | `down` | drift down | `shake` | swing left and right |
# | `clockwise` | circle the center of the frame | `pulse` | swing away from the center and back |
# | `counter_clockwise` | circle it the other way | `stop_and_go` | drift to the right, rest, drift on |
#
# A single frame shows none of this. So the next figure works like a photo with a long exposure: it adds up
# 16 frames, and whatever moves leaves a trail. (`stop_and_go` leaves hardly any, because here it mostly
# rests.) Cover the names. Which actions can you not tell apart?

# %%
names = moving_scenes.ACTIONS
trails = [long_exposure(moving_scenes.draw("planks", name, 30, frames=16, size=224)) for name in names]
show(
    filmstrip(
        trails,
        labels=names,
        columns=4,
        title="The action is what moves: eight ways, here all on the same scene",
    ),
    "Eight images of planks with blurred shapes. right and down: straight trails; clockwise and "
    "counter_clockwise: arcs about the center; turn: each shape blurred all round; shake: blurred sideways; "
    "pulse: blurred towards the center; stop_and_go: nearly sharp, with a faint trail on the right.",
)

# %% [markdown]
# A trail looks the same whichever way it was drawn, so `clockwise` and `counter_clockwise` cannot be told
# apart. For that you need the *order* of the frames, and this is why the network gets clips and not single
# frames. Here are all eight in motion, on another scene. (After a short rest they start again from the
# beginning.)

# %%
show_loop(
    "actions",
    "Eight moving clips of bright shapes over dark clouds. Upper row: right and down drift, clockwise and "
    "counter_clockwise circle the center in opposite directions. Lower row: turn, each shape on a small "
    "circle; shake, left and right; pulse, away from the center and back; stop_and_go, right with a rest.",
)

# %% [markdown]
# The four actions in the lower row *change* during the clip: knowing how the shapes move now is not enough to
# know how they will move next.
#
# Now for the reason we draw our own clips. The data set has 1600 of them in three parts: one to train on
# (`train`), one to make choices with (`val`), one to report results on (`test`). Let us count how often
# each scene appears with each action. If the scene gave away the action, some pairs would be more frequent
# than others.

# %%
clips = moving_scenes.plan(1600, seed=0)
for split in ("train", "val", "test"):
    pairs = Counter((clip.scene, clip.action) for clip in clips if clip.split == split)
    least, most = min(pairs.values()), max(pairs.values())
    print(f"{split:5}: {sum(pairs.values()):4} clips, {len(pairs)} pairs, each {least} to {most} times")

pairs = Counter((clip.scene, clip.action) for clip in clips if clip.split == "train")
assert len(pairs) == len(moving_scenes.SCENES) * len(moving_scenes.ACTIONS) and len(set(pairs.values())) == 1

# %% [markdown]
# In `train` and `test` all 128 pairs are equally frequent. (`val` is too small for that: each pair appears
# once or twice.) So a network may know every scene and not a single action, or the other way round, and we
# can measure each kind of knowledge separately. A blind guess is right 1 time in 16 for scenes and 1 time
# in 8 for actions.
#
# ## Two commands
#
# - `make lab` sets up a Python environment in `.venv`, draws the 1600 clips into your cache folder and
#   opens this page. The second time it starts within seconds.
# - `make test` does the same setup, then runs every test: the package, this course in a real browser, and
#   every notebook, comparing its outputs with the ones stored here.
#
# Is everything installed? The next cell checks. If a line says NO, run `make setup` in a terminal (without
# make: `pip install -c constraints.txt -e ".[course,test]"`) and restart the kernel.

# %%
needed = ("numpy", "torch", "av", "safetensors", "sklearn", "matplotlib", "ipywidgets", "anywidget")
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
# Each notebook moves in small steps: a few sentences on what to look for, a few lines of code, a result,
# and what the result means. Make a guess before you look; it is more fun, and you will remember more.
#
# - All outputs are stored, so you can read without running anything. To run: **Run > Run All Cells**.
# - When we build something ourselves, we check it against the package once. From then on we use the
#   package.
# - An **exercise** has a function to fill in, a check that says *Right* or *Not yet*, a hint and a solution
#   to unfold. You can skip any of them; nothing later depends on your answer.
# - Printed results are the same on every machine. Times and last digits vary, so we leave them out or say
#   that they are ours ([why](../docs/determinism.md)).
# - Words in **bold** are explained where they first appear. Most are in the
#   [glossary](../docs/glossary.md), too.
#
# ## What it costs
#
# Drawing the clips takes 45 seconds and 64 MB, once. The table starts from there: 2 cores of an AMD EPYC
# server, measured on 2026-11-23. What a notebook writes goes to a temporary folder, except for the 240
# clips of notebook 13, which are kept.
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
# | 10_retrieval | 2 | 1 GB | 31 MB |
# | 11_probe_and_finetune | 1 | 1.2 GB | 0 |
# | 12_ablations | less than 1 | 0.6 GB | 0 |
# | 13_residual | 1 | 1.4 GB | 12 MB |
# | 14_your_own_videos | 1 | 1.5 GB | 50 MB |
# | 15_real_video | less than 1 | 0.5 GB | 0 |
#
# ## What we have seen
#
# - A compressed video records what stays and what moves. Both can teach a network, without labels.
# - In MovingScenes the scene says nothing about the action, so we can measure separately what a network
#   knows about each.
# - Two commands do everything: `make lab` and `make test`.
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
# Copying the current shifts is often good enough for that. To pick the true future out of many, by its
# features, takes more. A shape that shakes and a shape that drifts may have the same shift right now, and
# yet their futures differ.
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
