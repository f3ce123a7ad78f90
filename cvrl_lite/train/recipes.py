"""Functions that return a recipe. A comment gives the source of each number; see also docs/paper_map.md.

Released: the configuration of the authors' code for UCF101 (`ucf_config.py`) and what it runs
(`pretrain.py`, `dataset.py`, `transforms.py`). Card: the model card of the authors' published weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cvrl_lite.datasets import ClipSampling
from cvrl_lite.models import Networks
from cvrl_lite.pretext import ContextConfig, DenseConfig, TaskConfig
from cvrl_lite.train.config import JOINT, Optimization, Recipe
from cvrl_lite.transforms import Augmentation

_UCF101_VIDEOS = 9537  # of training split 1


def _chosen(tasks: Sequence[str], context: ContextConfig) -> dict[str, TaskConfig]:
    available: dict[str, TaskConfig] = {
        "context": context,
        "motion": DenseConfig(),
        "residual": DenseConfig(source="residual"),
    }
    if not tasks or (unknown := [name for name in tasks if name not in available]):
        got = ", ".join(unknown) if tasks else "none"
        raise ValueError(f"tasks are some of {', '.join(available)}; got {got}")
    return {name: task for name, task in available.items() if name in tasks}


def laptop(tasks: Sequence[str] = JOINT, *, seed: int = 0) -> Recipe:
    """The course's own recipe: MovingScenes on two cores.

    Args:
        tasks: Some of "context", "motion" and "residual" (ours).
        seed: Seeds everything random.

    Returns:
        A recipe whose numbers are all ours; docs/experiments.md describes the alternatives that were tried.

    Raises:
        ValueError: There is no such task.

    Example:
        >>> recipe = laptop(("context", "motion"), seed=1)
        >>> recipe.steps, recipe.batch, list(recipe.tasks)
        (1000, 40, ['context', 'motion'])
    """
    return Recipe(
        # Context matching is the easier task and needs less weight. The higher temperature pushes clips of
        # the same scene apart less than 0.1 does.
        tasks=_chosen(tasks, ContextConfig(weight=0.5, temperature=0.2)),
        seed=seed,
        steps=1000,
        batch=40,
        optimization=Optimization(learning_rate=2e-3),
        networks=Networks(widths=(24, 48, 128, 128)),
        sampling=ClipSampling(frames=8, stride=0.08, gap=0.12, window=8, num_negative_windows=1),
        # Strong hue jitter, so that clips are not matched by their palette; gentle crops.
        augmentation=Augmentation(size=64, cells=16, min_scale=0.5, hue=0.2, saturation=0.6),
    )


def laptop_fast(tasks: Sequence[str] = JOINT, *, seed: int = 0) -> Recipe:
    """The laptop recipe with fewer steps and narrower networks: it learns a little in half a minute.

    Example:
        >>> laptop_fast().differences(laptop())[:2]
        ['steps: 60, not 1000', 'batch: 24, not 40']
    """
    return laptop(tasks, seed=seed).replace(
        steps=60, batch=24, networks={"widths": (16, 32, 48, 48)}, save_every=20
    )


def ucf101_r2plus1d26(
    root: str | None = None,
    *,
    tasks: Sequence[str] = JOINT,
    batch: int = 64,
    seed: int = 6666,
    faithful: bool = False,
) -> Recipe:
    """The paper's pretraining on UCF101.

    Args:
        root: The folder of UCF101.
        tasks: As in `laptop`; the paper has the first two.
        batch: Samples per batch, summed over all processes. The learning rate is proportional to it.
        seed: Released: 6666.
        faithful: Whether to reproduce quirks of the released augmentation; see `transforms.Augmentation`.

    Returns:
        The released recipe, except where a comment says "ours".

    Example:
        >>> recipe = ucf101_r2plus1d26("UCF-101", batch=32)
        >>> recipe.optimization.learning_rate, recipe.steps, recipe.sampling.frames
        (0.016, 35760, 16)
    """
    return Recipe(
        data="ucf101",  # released: training split 1
        root=root,
        seed=seed,
        steps=120 * (_UCF101_VIDEOS // batch),  # released: 120 epochs
        batch=batch,  # card: 64; released: 8 or 16 a GPU
        optimization=Optimization(
            method="sgd",  # released: Nesterov, momentum .9
            learning_rate=5e-4 * batch,  # released and card
            warmup=5 / 120,  # released: 5 epochs; ours: by steps, not by epochs
            warmup_from=0.01,  # released: from 5e-6 x batch
            weight_decay=1e-3,  # released (the card says 5e-3); on all parameters
            clip_norm=15.0,  # released
        ),
        tasks=_chosen(tasks, ContextConfig()),  # released: the temperature of both is .1
        networks=Networks(
            backbone="r2plus1d26",
            encoders="paper",
            hidden=2048,  # released: heads of 2048 to 512
            projection=512,
            d_model=512,  # released: 8 heads, 2 + 4 layers, dropout .1
            nhead=8,
            num_encoder_layers=2,
            num_decoder_layers=4,
            dropout=0.1,
            query_init="zero",  # released
        ),
        decoded_size=128,  # ours: squares of 128 (released: whole frames); crops are taken from them
        decoded_cells=30,  # ours: FFmpeg's 8x8 cells of a frame 240 high
        sampling=ClipSampling(
            frames=16,  # released
            stride=4,  # released: stride 4
            gap=3,  # released: future_interval 2, the window begins at last + 3
            window=8,  # released: future_frames 8
            num_negative_windows=3,  # released: neg_num 3
            max_keyframe_distance=5,  # released: I-frames within 5 frames of the clip
            in_frames=True,
        ),
        augmentation=Augmentation.released(faithful=faithful),  # UCF101's videos are 240 pixels high
        precision="auto",  # released: float32
        save_every=500,
    )


def ucf101_c3d(
    root: str | None = None, *, tasks: Sequence[str] = JOINT, batch: int = 64, seed: int = 6666
) -> Recipe:
    """The paper's pretraining on UCF101 with the backbone C3D.

    Example:
        >>> ucf101_c3d().networks.backbone
        'c3d'
    """
    return ucf101_r2plus1d26(root, tasks=tasks, batch=batch, seed=seed).replace(networks={"backbone": "c3d"})


def ucf101_r3d26(
    root: str | None = None, *, tasks: Sequence[str] = JOINT, batch: int = 64, seed: int = 6666
) -> Recipe:
    """The paper's pretraining on UCF101 with the backbone R3D-26.

    Example:
        >>> ucf101_r3d26().networks.backbone
        'r3d26'
    """
    return ucf101_r2plus1d26(root, tasks=tasks, batch=batch, seed=seed).replace(
        networks={"backbone": "r3d26"}
    )


def kinetics_r2plus1d26(
    root: str | None = None,
    *,
    tasks: Sequence[str] = JOINT,
    batch: int = 512,
    videos: int = 300_000,
    seed: int = 6666,
) -> Recipe:
    """The paper's pretraining on Kinetics-400.

    Args:
        root: The folder of Kinetics-400.
        tasks: As in `laptop`; the paper has the first two.
        batch: Samples per batch, summed over all processes; card: 512.
        videos: Number of training videos, for 120 epochs; card: about 300,000.
        seed: As for UCF101.

    Returns:
        The recipe for UCF101 with the card's numbers. Ours: vectors are scaled as if all videos were 240
        pixels high, as UCF101's are; `cvrl-lite transcode --short-side 240` makes them so.

    Example:
        >>> recipe = kinetics_r2plus1d26("kinetics400", videos=240_000)
        >>> recipe.data, recipe.steps
        ('kinetics', 56160)
    """
    recipe = ucf101_r2plus1d26(root, tasks=tasks, batch=batch, seed=seed)
    return recipe.replace(
        data="kinetics",
        steps=120 * (videos // batch),  # card: 120 epochs
        optimization={"weight_decay": 5e-3},  # card, the only source for Kinetics
    )


NAMED: dict[str, Callable[..., Recipe]] = {
    "laptop": laptop,
    "laptop_fast": laptop_fast,
    "ucf101_r2plus1d26": ucf101_r2plus1d26,
    "ucf101_c3d": ucf101_c3d,
    "ucf101_r3d26": ucf101_r3d26,
    "kinetics_r2plus1d26": kinetics_r2plus1d26,
}
"""Every recipe's function by its name."""
