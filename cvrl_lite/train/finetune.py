"""Finetuning: a pretrained backbone and a new classifier are trained on labels.

Axes: N videos, K classes, B batch, D features.
"""

from __future__ import annotations

import os
import signal
import warnings
from contextlib import ExitStack
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from cvrl_lite.datasets import (
    Batch,
    ClipSampling,
    DecodedSet,
    DecodedVideo,
    FileLoader,
    MemoryLoader,
    SampleConfig,
    Skipped,
    VideoDataset,
    decode,
    evaluation_clips,
    evaluation_frames,
    fits_in_memory,
)
from cvrl_lite.datasets.loaders.schedule import check_usable
from cvrl_lite.files import cache_dir
from cvrl_lite.models import VideoBackbone, weights_digest
from cvrl_lite.train.checkpoint import FINETUNING, Folder
from cvrl_lite.train.config import Finetuning
from cvrl_lite.train.data import fingerprint
from cvrl_lite.train.distributed import distributed, processes_sharing
from cvrl_lite.train.engine import Trainer
from cvrl_lite.train.model import Pretraining
from cvrl_lite.transforms import Views, augment, eval_transform


def long_enough(data: DecodedSet, sampling: ClipSampling) -> DecodedSet:
    """The videos long enough for a clip; the others are added to `skipped`.

    Args:
        data: A decoded set.
        sampling: Frames and stride of a clip.

    Raises:
        ValueError: No video is long enough.

    Example:
        >>> from cvrl_lite import data_path
        >>> from cvrl_lite.datasets import Entry
        >>> videos = VideoDataset([Entry(data_path("sample.mp4"), "sample", {})])
        >>> data = decode(videos, size=32, cells=4, cache=False)
        >>> len(long_enough(data, ClipSampling()).videos)
        1
        >>> long_enough(data, ClipSampling(frames=100))
        Traceback (most recent call last):
        ValueError: no video is usable (sample.mp4: shorter than a clip of 7.92 s)
    """
    kept, skipped = [], list(data.skipped)
    for video in data.videos:
        try:
            evaluation_frames(video.times, sampling, 1)
        except ValueError as error:
            skipped.append(Skipped(video.entry.path, str(error)))
        else:
            kept.append(video)
    check_usable(range(len(kept)), skipped)
    return replace(data, videos=tuple(kept), skipped=tuple(skipped))


def usable_data(videos: VideoDataset, how: Finetuning) -> DecodedSet | VideoDataset:
    """The videos long enough for a clip, in memory if they fit: the input of `finetune` and `predict`.

    Args:
        videos: The data set. Motion vectors are not needed.
        how: Frames and stride of a clip, and the size of what is decoded.

    Returns:
        A decoded set if that fits into memory (`datasets.fits_in_memory`), else the data set. Its `skipped`
        lists the videos left out, with the reason.

    Raises:
        ValueError: No video is usable.

    Example:
        >>> import shutil, tempfile
        >>> from cvrl_lite import data_path
        >>> from cvrl_lite.datasets import VideoFolder
        >>> folder = tempfile.mkdtemp()
        >>> for name in ("sample.mp4", "sample_watch.mp4"):
        ...     _ = shutil.copy(data_path(name), folder)
        >>> len(usable_data(VideoFolder(folder), Finetuning(decoded_size=32)).videos)
        2
    """
    if fits_in_memory(videos, size=how.decoded_size, vectors=False):
        return long_enough(decode(videos, size=how.decoded_size, vectors=False), how.sampling)
    samples = SampleConfig(how.sampling, how.decoded_size, vectors=False)
    usable = VideoDataset(videos.entries, videos.classes, samples=samples).usable()
    check_usable(range(len(usable)), usable.skipped)
    return usable


class Classifier(nn.Module):
    """A backbone, standardization of its features (ours: the tiny one's have length one), and a linear layer.

    Args:
        backbone: The network to finetune.
        classes: K, the number of classes.
        dropout: Dropout before the linear layer.

    Example:
        >>> from cvrl_lite.models import TinyR2Plus1D
        >>> Classifier(TinyR2Plus1D(), classes=5).eval()(torch.zeros(2, 3, 8, 32, 32)).shape
        torch.Size([2, 5])
    """

    def __init__(self, backbone: VideoBackbone, classes: int, dropout: float = 0.3) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = nn.Sequential(
            nn.BatchNorm1d(backbone.width, affine=False),
            nn.Dropout(dropout),
            nn.Linear(backbone.width, classes),
        )

    def forward(self, clip: Tensor) -> Tensor:
        """Clips (B, 3, T, H, W) to logits (B, K)."""
        logits: Tensor = self.head(self.backbone(clip).float())
        return logits


class _Supervised(nn.Module):
    """The module that the engine trains: the classifier, and the helper if there is one."""

    def __init__(self, classifier: Classifier, helper: Pretraining | None, motion_weight: float) -> None:
        super().__init__()
        self.classifier, self.helper, self.motion_weight = classifier, helper, motion_weight

    def forward(self, inputs: tuple[Views, Tensor], progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss, and loss and accuracy on the labels, of views and labels (B,)."""
        views, labels = inputs
        logits = self.classifier(views.clip)
        loss = F.cross_entropy(logits, labels)
        metrics = {"label_loss": loss, "label_accuracy": (logits.argmax(1) == labels).float().mean()}
        if self.helper is None:
            return loss, metrics
        helping, parts = self.helper(views, progress)
        return loss + self.motion_weight * helping, metrics | parts


def finetune(
    backbone: VideoBackbone,
    data: DecodedSet | VideoDataset,
    label: str,
    how: Finetuning,
    helper: Pretraining | None = None,
    *,
    out: str | os.PathLike[str] | None = None,
    workers: int = 0,
) -> Classifier:
    """Trains a backbone and a new classifier with labels.

    Started by torchrun, it is one of several processes that train one classifier, as in `pretrain`.

    Args:
        backbone: Pretrained or freshly initialized. It is modified in place.
        data: Videos with labels: decoded ones, or a data set. It is decoded first if it fits into
            memory, by `datasets.fits_in_memory`; else its files are read for each batch.
        label: Name of the label to train on.
        how: Settings.
        helper: A motion prediction model around the same backbone, trained jointly on the same clips. Motion
            vectors are read only with a helper.
        out: A folder for metrics, checkpoints and weights, as for `pretrain`. If it holds the same
            finetuning, training resumes from the last checkpoint with the numbers of an uninterrupted run.
        workers: Processes that read files, if `data` is not decoded into memory.

    Returns:
        The trained classifier, in evaluation mode. Videos too short for `how.sampling` cause a warning.

    Raises:
        ValueError: The label does not exist, the helper has another backbone, no video is usable, the folder
            holds another run, or the batch cannot be divided evenly among the processes.
        Diverged: The loss or the gradient is not finite; the message names the step and the files.
        MemoryError: Memory ran out. The last checkpoint is kept.
        KeyboardInterrupt: After Ctrl-C, once a checkpoint is written. SIGTERM ends the process the same way.
        BlockingIOError: Another process is training into the folder.
        OSError: A file cannot be written. The last checkpoint is kept.

    Example:
        >>> from cvrl_lite import data_path
        >>> from cvrl_lite.datasets import Entry
        >>> from cvrl_lite.models import TinyR2Plus1D
        >>> names = ("sample.mp4", "sample_watch.mp4")
        >>> entries = [Entry(data_path(name), name, {"class": number}) for number, name in enumerate(names)]
        >>> data = decode(VideoDataset(entries, {"class": names}), size=32, cells=4, cache=False)
        >>> model = finetune(TinyR2Plus1D(), data, "class", Finetuning(steps=2, batch=2))
        >>> model.head[-1].out_features
        2
    """
    if label not in data.classes:
        raise ValueError(f"label is one of {', '.join(data.classes)}; got {label}")
    if helper is not None and helper.backbone is not backbone:
        raise ValueError("the helper has to be around the backbone that is finetuned")
    loader = _loader(data, how, helper, workers)
    with distributed() as own, ExitStack() as stack:
        rank, world = processes_sharing(how.batch)
        device = next(backbone.parameters()).device if world == 1 else own
        folder = Folder(out) if out is not None else None
        if folder and rank == 0:
            stack.enter_context(folder.claimed())
            classes = data.classes[label]
            folder.enter_values(
                FINETUNING,
                asdict(how) | {"label": label, "classes": classes, "start": weights_digest(backbone)[:12]},
            )
            folder.check_data(fingerprint(loader.entries))

        def views_and_labels(batch: Batch) -> tuple[Views, Tensor]:
            return augment(batch, how.augmentation), batch.labels[label]

        torch.manual_seed(how.seed)
        model = Classifier(backbone, len(data.classes[label]), how.dropout)
        trainer = Trainer(
            _Supervised(model, helper, how.motion_weight),
            how,
            loader,
            device=device,
            prepare=views_and_labels,
            find_unused_parameters=helper is not None,
        )
        done = trainer.resume(folder) if folder else 0
        if folder and rank == 0 and done < how.steps:
            folder.remove_partial()
            folder.note(fingerprint(loader.entries))
        end = trainer.fit(done, folder, description="finetuning")
    if end.ended_by:
        signal.raise_signal(end.ended_by)
    return model.eval()


def _loader(
    data: DecodedSet | VideoDataset, how: Finetuning, helper: Pretraining | None, workers: int
) -> MemoryLoader | FileLoader:
    """The loader of batches, with vectors only for a helper; warns of files that are left out."""
    loader: MemoryLoader | FileLoader
    already_reported = len(data.skipped) if isinstance(data, DecodedSet) else 0
    squares: dict[str, Any] = {"size": how.decoded_size, "vectors": helper is not None}
    if helper is not None:
        squares["cells"] = helper.recipe.decoded_cells
    if isinstance(data, VideoDataset) and fits_in_memory(data, **squares):
        data = decode(data, **squares)
    if isinstance(data, DecodedSet):
        if helper is None:
            data = replace(data, videos=tuple(_without_vectors(video) for video in data.videos))
        loader = MemoryLoader(data, how.sampling, how.seed)
    else:
        loader = FileLoader(
            data,
            how.sampling,
            how.seed,
            **squares,
            workers=workers,
            cache=cache_dir() / "indexes",
        )
    for short in loader.skipped[already_reported:]:
        warnings.warn(f"{short.path}: not trained on: {short.reason}", stacklevel=3)
    return loader


def _without_vectors(video: DecodedVideo) -> DecodedVideo:
    """A copy with blank vectors, which take no memory."""
    steps = len(video.times)
    vectors = np.broadcast_to(np.int16(0), (steps, *video.vectors.shape[1:]))
    return replace(video, vectors=vectors, mask=np.broadcast_to(np.False_, (steps, *video.mask.shape[1:])))


def predict(model: Classifier, data: DecodedSet, how: Finetuning) -> NDArray[np.float32]:
    """Class probabilities of whole videos: the mean over `how.test_clips` clips spread over each.

    Args:
        model: As `finetune` returns it.
        data: N videos; filter a set with short ones by `long_enough` first. `shared_labels` checks that its
            labels match those of the training.
        how: Settings of clips and views.

    Returns:
        (N, K) float32.

    Raises:
        ValueError: A video is shorter than a clip.

    Example:
        >>> from cvrl_lite import data_path
        >>> from cvrl_lite.datasets import Entry
        >>> from cvrl_lite.models import TinyR2Plus1D
        >>> videos = VideoDataset([Entry(data_path("sample.mp4"), "sample", {})])
        >>> data = decode(videos, size=32, cells=4, cache=False)
        >>> predict(Classifier(TinyR2Plus1D(), classes=5), data, Finetuning(test_clips=2)).shape
        (1, 5)
    """
    rows = [
        clip_probabilities(model, evaluation_clips(video, how.sampling, how.test_clips), how)
        for video in data.videos
    ]
    return np.stack(rows)


@torch.no_grad()
def clip_probabilities(model: Classifier, clips: NDArray[np.uint8], how: Finetuning) -> NDArray[np.float32]:
    """Class probabilities (K,), averaged over a video's clips (C, T, S, S, 3)."""
    model.eval()
    on_device = torch.from_numpy(clips).to(next(model.parameters()).device)
    views = how.augmentation
    logits = model(eval_transform(on_device, views.size, views.mean, views.std))
    found: NDArray[np.float32] = logits.softmax(1).mean(0).cpu().numpy()
    return found


def accuracy(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """The share of videos (N, K) whose most probable class is their label (N,).

    Example:
        >>> accuracy(np.array([[0.9, 0.1], [0.4, 0.6]], np.float32), np.array([0, 0]))
        0.5
    """
    return float((probabilities.argmax(1) == labels).mean())
