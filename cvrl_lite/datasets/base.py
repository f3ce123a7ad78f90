"""The base class of data sets: video files with labels and sources.

A data set is a `torch.utils.data.Dataset` of `Sample`s, and lists its files without opening them.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from cvrl_lite.datasets.samples import Sample, SampleConfig, draw_sample
from cvrl_lite.datasets.scan import Skipped, find_unusable
from cvrl_lite.errors import shown
from cvrl_lite.folders import first_names


@dataclass(frozen=True)
class Entry:
    """One file of a data set.

    Attributes:
        path: The file.
        source: Name of the video it was cut from; files of one source are never each other's negatives.
        labels: Class numbers by the name of the label; may be empty.

    Example:
        >>> clip = Entry(Path("videos/v_YoYo_g08_c01.avi"), source="v_YoYo_g08", labels={"class": 0})
        >>> clip.source, clip.labels["class"]
        ('v_YoYo_g08', 0)
    """

    path: Path
    source: str
    labels: dict[str, int]


class VideoDataset(Dataset[Sample]):
    """Video files with labels and sources: the base class of every data set, and a data set of its own.

    `len(dataset)` is the number of files, and `dataset[i]` is a `Sample` of file i at a random position,
    drawn from torch's generator: repeatable by `torch.manual_seed`, and seeded in `DataLoader` workers. A
    `DataLoader` gives a `Batch`, with or without `collate_fn=collate`. A file without samples raises and so
    ends the epoch of a plain `DataLoader`; `usable()` leaves such files out beforehand.

    Args:
        entries: The files.
        classes: For each label its class names, in the order of their numbers.
        missing: Files that the data set's lists name for this split, and that are not on disk.
        extra: Videos on disk that its lists name for no split; they are left out.
        samples: How `dataset[i]` reads a sample; the defaults if None.
        skipped: Files that `usable` left out, with the reason.

    Attributes:
        entries, classes, missing, extra, samples, skipped: The arguments.

    Example:
        >>> from cvrl_lite import data_path
        >>> files = ("sample.mp4", "README.md")
        >>> mixed = VideoDataset(Entry(data_path(name), name, {}) for name in files)
        >>> usable = mixed.usable()
        >>> len(usable), usable[0].clip.shape
        (1, torch.Size([8, 72, 72, 3]))
        >>> [(file.path.name, file.reason) for file in usable.skipped]
        [('README.md', 'no video format was recognized in it')]

        >>> entries = [Entry(Path(f"{name}.mp4"), name[0], {"class": 0}) for name in ("a1", "a2", "b1")]
        >>> dataset = VideoDataset(entries, {"class": ("walk",)})
        >>> train, held_out = dataset.split(holdout=0.5)
        >>> len(dataset), sorted({entry.source for entry in train.entries + held_out.entries})
        (3, ['a', 'b'])
        >>> {entry.source for entry in train.entries} & {entry.source for entry in held_out.entries}
        set()
    """

    def __init__(
        self,
        entries: Iterable[Entry],
        classes: Mapping[str, Sequence[str]] | None = None,
        *,
        missing: Iterable[Path] = (),
        extra: Iterable[Path] = (),
        samples: SampleConfig | None = None,
        skipped: Iterable[Skipped] = (),
    ) -> None:
        if not isinstance(samples, SampleConfig | None):
            raise TypeError(
                f"samples is a SampleConfig, such as SampleConfig(sampling=...), not {type(samples).__name__}"
            )
        self.entries = tuple(entries)
        self.classes = {label: tuple(names) for label, names in (classes or {}).items()}
        self.missing, self.extra = tuple(missing), tuple(extra)
        self.samples = samples or SampleConfig()
        self.skipped = tuple(skipped)

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: int) -> Sample:
        """A sample of one file.

        Raises:
            IndexError: The index is out of range.
            VideoError: It cannot be read, has no motion vectors, or is too short for a sample.
        """
        if isinstance(index, slice):
            raise TypeError(
                f"{self!r}: an index gives one sample; subset(range(...)) gives some of the files"
            )
        if not -len(self) <= index < len(self):
            raise IndexError(f"{self!r}: there is no file {index}")
        entry = self.entries[index]
        seed = int(torch.randint(2**62, ()))
        return draw_sample(entry.path, self.samples, seed, source=entry.source, labels=entry.labels)

    def __repr__(self) -> str:
        labels = ", ".join(f"{len(names)} {label}" for label, names in self.classes.items())
        return f"{type(self).__name__}({len(self)} files{f'; classes: {labels}' if labels else ''})"

    def labels(self, name: str) -> NDArray[np.int64]:
        """(number of files,) int64: the label called `name` of each file; ValueError if there is none."""
        if name not in self.classes:
            raise ValueError(f"no label named {name!r}: there are {', '.join(self.classes) or 'none'}")
        return np.array([entry.labels[name] for entry in self.entries], np.int64)

    @property
    def sources(self) -> tuple[str, ...]:
        """The source of each file."""
        return tuple(entry.source for entry in self.entries)

    def subset(self, indices: Iterable[int]) -> VideoDataset:
        """Some of the files, in the order of their indices; classes keep their numbers."""
        chosen = [self.entries[int(index)] for index in indices]
        return VideoDataset(chosen, self.classes, samples=self.samples)

    def usable(self, *, workers: int | None = None) -> VideoDataset:
        """The files that a sample can be read from.

        Files that cannot be opened, have no motion vectors (where `samples` asks for them), or are too short
        are left out. No frame is decoded, so damage inside a file shows only when it is read. Each file is
        scanned once: its index is cached by path, size and modification time.

        Args:
            workers: Processes that look at files; below 2, this one does. If None, as many as are worth
                their start.

        Returns:
            A data set with the same classes, in the same order; what was left out is in its `skipped`.

        Raises:
            ChildProcessError: A worker was killed.
        """
        reasons = find_unusable([entry.path for entry in self.entries], self.samples, workers)
        rest = self.subset(place for place in range(len(self)) if place not in reasons)
        rest.skipped = tuple(Skipped(self.entries[place].path, reason) for place, reason in reasons.items())
        return rest

    def split(
        self, holdout: float = 0.3, seed: int = 0, *, label: str | None = None
    ) -> tuple[VideoDataset, VideoDataset]:
        """Splits whole sources at random into a part to train on and a part that is held out.

        Files cut from one video look alike, so a source is never on both sides. The same share of sources is
        held out in each class, at least one if the class has two or more; a class with a single source is
        only trained on. A source belongs to the class of most of its files.

        Args:
            holdout: Share of the sources that is held out, above 0 and below 1.
            seed: Seeds the split, which depends on the names of the sources and not on the order of files.
            label: The label whose classes are shared evenly; the first one if None, and none if the
                data set has no labels.

        Returns:
            The part to train on and the held-out part; files keep their order.

        Raises:
            ValueError: `holdout` is out of range, the label does not exist, or no class has two sources.
        """
        if not 0 < holdout < 1:
            raise ValueError(f"holdout is above 0 and below 1, not {holdout:g}")
        if label is None:
            label = next(iter(self.classes), None)
        elif label not in self.classes:
            raise ValueError(f"no label named {label!r}: there are {', '.join(self.classes) or 'none'}")
        random = np.random.default_rng(seed)
        held_out: set[str] = set()
        for sources in self._sources_by_class(label):
            count = min(max(1, round(holdout * len(sources))), len(sources) - 1)
            held_out |= {sources[place] for place in random.permutation(len(sources))[:count]}
        if not held_out:
            raise ValueError("nothing can be held out: no class has files of two sources")
        inside = [entry.source in held_out for entry in self.entries]
        return self.subset(np.flatnonzero(~np.array(inside))), self.subset(np.flatnonzero(inside))

    def _sources_by_class(self, label: str | None) -> list[list[str]]:
        """The names of the sources of each class, sorted; of all if there is no label."""
        numbers: dict[str, list[int]] = {}
        for entry in self.entries:
            numbers.setdefault(entry.source, []).append(entry.labels[label] if label is not None else 0)
        classes: dict[int, list[str]] = {}
        for source, found in sorted(numbers.items()):
            classes.setdefault(int(np.bincount(found).argmax()), []).append(source)
        return [classes[number] for number in sorted(classes)]


def warn_of_gaps(videos: VideoDataset, folder: Path, *, stacklevel: int = 3) -> None:
    """Warns of files that are missing and of files left out, in one line each.

    Args:
        videos: What was found.
        folder: Where it was looked for; names in the warning are relative to it.
        stacklevel: Whose line the warning names, as in `warnings.warn`; 3 is the caller's caller.

    Example:
        >>> with warnings.catch_warnings(record=True) as caught:
        ...     warn_of_gaps(VideoDataset((), missing=(Path("v/a.avi"),)), Path("v"))
        >>> print(caught[0].message)
        v: 1 listed, but not on disk: a.avi
    """
    for paths, what in (
        (videos.missing, "listed, but not on disk"),
        (videos.extra, "on disk, but in no list, so left out"),
    ):
        if paths:
            text = f"{shown(folder)}: {len(paths)} {what}: {first_names(paths, folder)}"
            warnings.warn(text, stacklevel=stacklevel)
