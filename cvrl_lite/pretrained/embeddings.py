"""A table of features, one row per clip or per file, with names, labels and times.

Axes: N rows, D features.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cvrl_lite.errors import counted
from cvrl_lite.files import replacing
from cvrl_lite.folders import name_below

_FORMAT = 3  # of the files written
_ARRAYS = ("features", "names", "sources", "start", "stop", "file")


@dataclass(frozen=True, eq=False, repr=False)
class Embeddings:
    """Features of clips or of whole files, with metadata for each row.

    Attributes:
        features: (N, D) float32.
        names: (N,) str, file names relative to the folder that was embedded.
        sources: (N,) str, the video that a file was cut from; files of one source are not independent.
        start: (N,) float64 seconds, where in its file a row begins.
        stop: (N,) float64 seconds, where it ends: the time of the last frame read.
        file: (N,) int64, the same for all clips of one file.
        labels: For each label the (N,) int64 class numbers.
        classes: For each label its class names, in the order of their numbers.
        skipped: Name and reason of each file that gave no row.
        parts: Columns of the "context" and of the "motion" part; empty if the features have no parts.
            A table of a single part has only that entry.
        network: A digest of the network that made the features; "" if unknown.
        folder: Absolute path of the folder that `names` are relative to; "" if unknown.

    Raises:
        ValueError: Features and metadata differ in the number of rows.

    Example:
        >>> table = Embeddings.from_arrays(np.eye(2, 4), {"way": np.array([0, 1])}, {"way": ("up", "down")})
        >>> len(table), table.features.shape, table.names.tolist()
        (2, (2, 4), ['0', '1'])
    """

    features: NDArray[np.float32]
    names: NDArray[np.str_]
    sources: NDArray[np.str_]
    start: NDArray[np.float64]
    stop: NDArray[np.float64]
    file: NDArray[np.int64]
    labels: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    classes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    skipped: tuple[tuple[str, str], ...] = ()
    parts: dict[str, slice] = field(default_factory=dict)
    network: str = ""
    folder: str = ""

    def __post_init__(self) -> None:
        if self.features.ndim != 2:
            raise ValueError(f"features have the shape (N, D), not {self.features.shape}")
        columns = {name: getattr(self, name) for name in _ARRAYS[1:]} | self.labels
        for name, values in columns.items():
            if np.shape(values) != (len(self),):
                raise ValueError(f"{name}: {len(self)} rows of features, and the shape {np.shape(values)}")
        if self.labels.keys() != self.classes.keys():
            raise ValueError(f"labels are {', '.join(self.labels)}; classes are {', '.join(self.classes)}")

    @classmethod
    def from_arrays(
        cls,
        features: NDArray[Any],
        labels: dict[str, NDArray[np.int64]] | None = None,
        classes: dict[str, tuple[str, ...]] | None = None,
        *,
        parts: dict[str, slice] | None = None,
    ) -> Embeddings:
        """Makes a table of existing features: one row per file, named by its number.

        Args:
            features: (N, D).
            labels: As above.
            classes: As above; if None, the numbers themselves.
            parts: As above.
        """
        numbers = np.arange(len(features))
        names, times = numbers.astype(str), np.zeros(len(features))
        labels = labels or {}
        if classes is None:
            classes = {name: tuple(map(str, range(max(y, default=-1) + 1))) for name, y in labels.items()}
        rows = np.asarray(features, np.float32)
        return cls(rows, names, names, times, times, numbers, labels, classes, parts=parts or {})

    def __len__(self) -> int:
        return len(self.features)

    def __repr__(self) -> str:
        """Its size, labels and parts.

        Example:
            >>> Embeddings.from_arrays(np.eye(2, 4), {"way": np.array([0, 1])})
            Embeddings(2 rows of 2 files, 4 features; labels: way (2 classes))
        """
        files = len(np.unique(self.file))
        of_files = "" if files == len(self) == 1 else f" of {counted(files, 'file')}"
        text = f"{counted(len(self), 'row')}{of_files}, {counted(self.features.shape[1], 'feature')}"
        if self.classes:
            names = (f"{name} ({counted(len(k), 'class')})" for name, k in self.classes.items())
            text += f"; labels: {', '.join(names)}"
        if self.parts:
            text += f"; parts: {', '.join(self.parts)}"
        if self.skipped:
            text += f"; {len(self.skipped)} skipped"
        return f"Embeddings({text})"

    def __getitem__(self, rows: int | slice | Sequence[int] | NDArray[Any]) -> Embeddings:
        """Selects rows by an index, a slice, a mask or indices, as a table; `skipped` is unchanged.

        Raises:
            IndexError: The row does not exist, or the index is not a number.

        Example:
            >>> table = Embeddings.from_arrays(np.eye(3))
            >>> len(table[0]), table[-1].names.tolist(), len(table[1:]), len(table[[0, 2]])
            (1, ['2'], 2, 2)
        """
        if isinstance(rows, int | np.integer):
            number = int(rows)
            if not -len(self) <= number < len(self):
                raise IndexError(f"row {number} of a table of {counted(len(self), 'row')}")
            rows = np.array([number])
        elif isinstance(rows, str):
            raise IndexError(f"rows are chosen by numbers, not by {rows!r}; part({rows!r}) chooses columns")
        columns = {name: getattr(self, name)[rows] for name in _ARRAYS}
        return replace(self, **columns, labels={name: y[rows] for name, y in self.labels.items()})

    def by_file(self) -> Embeddings:
        """Averages clips by file; a row spans from the first clip's start to the last clip's stop."""
        files, first, which, counts = np.unique(
            self.file, return_index=True, return_inverse=True, return_counts=True
        )
        sums = np.zeros((len(files), self.features.shape[1]))
        np.add.at(sums, which, self.features)
        start, stop = np.full(len(files), np.inf), np.full(len(files), -np.inf)
        np.minimum.at(start, which, self.start)
        np.maximum.at(stop, which, self.stop)
        means = (sums / counts[:, None]).astype(np.float32)
        return replace(
            self[first], features=_unit(means) if self._one_part() else means, start=start, stop=stop
        )

    def part(self, name: str | None) -> Embeddings:
        """The columns of one part, each row of length 1.

        Args:
            name: "context", "motion", or None for the table as it is.

        Raises:
            ValueError: The table does not hold this part.

        Example:
            >>> parts = {"context": slice(0, 2), "motion": slice(2, 4)}
            >>> table = Embeddings.from_arrays(np.array([[2, 0, 0, 9]]), parts=parts)
            >>> table.part("context").features.tolist(), table.part("motion").features.tolist()
            ([[1.0, 0.0]], [[0.0, 1.0]])
        """
        if name is None or (self._one_part() and name in self.parts):
            return self
        columns = self.parts[check_part(name, self.parts, "these features")]
        rows = _unit(self.features[:, columns])
        return replace(self, features=rows, parts={name: slice(0, rows.shape[1])})

    def _one_part(self) -> bool:
        return len(self.parts) == 1

    def rows_of(self, path: str | os.PathLike[str]) -> NDArray[np.bool_]:
        """Which rows come from a file: (N,) bool.

        Args:
            path: Any path of the file. Files are located by the folder that was embedded, so none is found if
                that folder has been moved.
        """
        if not self.folder:
            return np.zeros(len(self), bool)
        pairs = (os.path.abspath(path), self.folder), (os.path.realpath(path), os.path.realpath(self.folder))
        names = [name_below(file, folder) for file, folder in pairs]
        return np.isin(self.names, names)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the table to an `.npz`, atomically.

        Raises:
            OSError: It cannot be written.
            ValueError: The name does not end in `.npz`.
        """
        if Path(path).suffix != ".npz":
            raise ValueError(f"{path}: a table is saved as .npz; to_parquet writes .parquet")
        header = {
            "format": _FORMAT,
            "classes": self.classes,
            "skipped": self.skipped,
            "network": self.network,
            "folder": self.folder,
            "parts": {name: [columns.start, columns.stop] for name, columns in self.parts.items()},
        }
        arrays = {f"row {name}": getattr(self, name) for name in _ARRAYS}
        arrays |= {f"label {name}": values for name, values in self.labels.items()}
        with replacing(path) as part, open(part, "wb") as file:
            np.savez(file, header=np.array(json.dumps(header)), **arrays)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Embeddings:
        """Reads what `save` wrote.

        Raises:
            OSError: The file cannot be read.
            ValueError: It is of another kind, or damaged.
        """
        if Path(path).suffix == ".parquet":
            raise ValueError(f"{path}: a Parquet file is for other programs; load reads what save wrote")
        try:
            with np.load(path, allow_pickle=False) as held:
                arrays = {name: held[name] for name in held.files}
            header = json.loads(str(arrays.pop("header")))
            return cls(
                **{name: arrays[f"row {name}"] for name in _ARRAYS},
                labels={name: arrays[f"label {name}"] for name in header["classes"]},
                classes={name: tuple(names) for name, names in header["classes"].items()},
                skipped=tuple((name, reason) for name, reason in header["skipped"]),
                parts={name: slice(*columns) for name, columns in header["parts"].items()},
                network=header["network"],
                folder=header["folder"],
            )
        except OSError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(f"{path}: not a table of embeddings, or damaged ({_told(error)})") from None

    def to_parquet(self, path: str | os.PathLike[str]) -> None:
        """Writes a Parquet file, atomically: names, places, `label_...` as text, and the features.

        Raises:
            ModuleNotFoundError: pyarrow is not installed.
            OSError: It cannot be written.
        """
        try:
            import pyarrow
            import pyarrow.parquet
        except ModuleNotFoundError:
            raise ModuleNotFoundError("to_parquet needs pyarrow: pip install pyarrow") from None

        columns: dict[str, Any] = {
            "name": self.names.tolist(),
            "source": self.sources.tolist(),
            "start": self.start,
            "stop": self.stop,
            "file": self.file,
        }
        for name, values in self.labels.items():
            columns[f"label_{name}"] = [self.classes[name][number] for number in values]
        flat = pyarrow.array(np.ascontiguousarray(self.features).ravel())
        columns["features"] = pyarrow.FixedSizeListArray.from_arrays(flat, self.features.shape[1])
        with replacing(Path(path)) as part:
            pyarrow.parquet.write_table(pyarrow.table(columns), part)


def check_part(name: str, parts: dict[str, slice], owner: str) -> str:
    """The name, if it is one of the parts.

    Raises:
        ValueError: It is not; the message says what `owner` has instead.
    """
    if name not in parts:
        have = f"have {' and '.join(parts)}" if parts else "do not come in parts"
        raise ValueError(f"there is no {name!r} part: {owner} {have}")
    return name


def joined(tables: list[Embeddings]) -> Embeddings:
    """Concatenates tables of different files of one data set and renumbers the files.

    Raises:
        ValueError: There is none.
    """
    if not tables:
        raise ValueError("there is no table to join")
    arrays: dict[str, Any] = {}
    for name in _ARRAYS:
        arrays[name] = np.concatenate([getattr(table, name) for table in tables])
    counts = np.cumsum([0] + [max(table.file, default=-1) + 1 for table in tables])
    arrays["file"] = np.concatenate(
        [table.file + before for table, before in zip(tables, counts, strict=False)]
    )
    labels = {name: np.concatenate([table.labels[name] for table in tables]) for name in tables[0].labels}
    skipped = tuple(row for table in tables for row in table.skipped)
    return replace(tables[0], **arrays, labels=labels, skipped=skipped)


def _told(error: Exception) -> str:
    """A short reason; NumPy's message suggests unsafe loading of files that are not tables."""
    reason = str(error)
    return "it holds no arrays" if "allow_pickle" in reason else reason


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    unit: NDArray[np.float32] = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return unit
