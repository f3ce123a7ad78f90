"""Packs a folder of labeled clips into one small file that a GPU benchmark reads without PyAV.

    python benchmarks/pack.py ../shared/ucf11 runs/ucf11.npz

Each clip gives one training sample: 16 JPEG frames, the JPEG of a key frame, and windows of 8 vector maps,
the near future first, then three others of the same clip. The folder's sub-folders are the classes, and file
names end in `_gNN_cNN`, as UCF101's do. The packed file holds frames of UCF101: it is not for sharing.

Axes: N clips, T frames of a clip, V windows, W vector maps of a window, G cells a side.
"""

from __future__ import annotations

import argparse
import io
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cvrl_lite.datasets import ClipSampling

SIZE, CELLS = 128, 24  # of the central square: pixels and vector cells along its side
UNITS = 4  # a packed vector is in quarters of a pixel of that square
# Every second frame, as clips of 46 frames have no room for the released stride of 4; the rest as released.
SAMPLING = ClipSampling(
    frames=16, stride=2, gap=3, window=8, num_negative_windows=3, max_keyframe_distance=5, in_frames=True
)
_NAME = re.compile(r"(.+_g(\d+))_c\d+")


@dataclass(frozen=True)
class Packed:
    """What a packed file holds.

    Attributes:
        images: (N, T + 1, S, S, 3) uint8 RGB; the clip's frames, then the key frame.
        motion: (N, V, W, 2, G, G) int8, in 1/4 pixel of the S x S square.
        mask: (N, V, W, G, G) bool.
        labels: (N,) int64.
        classes: Their names.
        groups: (N,) int64, the number in the file's name.
        sources: (N,) int64; equal where two clips were cut from one video.
    """

    images: NDArray[np.uint8]
    motion: NDArray[np.int8]
    mask: NDArray[np.bool_]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    groups: NDArray[np.int64]
    sources: NDArray[np.int64]


def pack(folder: Path, target: Path, quality: int, seed: int = 0) -> None:
    """Reads every clip of a folder once and writes the packed file.

    Args:
        folder: Holds a sub-folder for each class.
        target: The `.npz` to write.
        quality: Of the JPEGs, 1 to 95.
        seed: Of the place in each clip that is sampled.

    Raises:
        ValueError: No clip is there, a name has no group, or a clip is too short.
    """
    from cvrl_lite import CompressedVideo
    from cvrl_lite.datasets.clip_sampling import Timeline
    from cvrl_lite.datasets.loaders.memory import windows_of
    from cvrl_lite.datasets.samples import VECTOR_STEPS, key_frames, read_square, read_vectors

    paths = sorted(path for path in folder.glob("*/*") if path.suffix in (".avi", ".mp4"))
    if not paths:
        raise ValueError(f"{folder}: no clips")
    jpegs: list[bytes] = []
    motion, masks, groups, sources = [], [], [], []
    for number, path in enumerate(paths):
        name = _NAME.fullmatch(path.stem)
        if name is None:
            raise ValueError(f"{path}: its name does not end in _gNN_cNN")
        with CompressedVideo(path) as video:
            timeline = Timeline(video.times, key_frames(video.info.gop_lengths), SAMPLING)
            if timeline.lacks:
                raise ValueError(f"{path}: {timeline.lacks}")
            cut = timeline.cut((seed, number))
            wanted, places = np.unique([*cut.clip, cut.key], return_inverse=True)
            images = read_square(video, SIZE, indices=wanted.tolist())[places]
            vectors, mask = read_vectors(video, 0, video.info.frames, SIZE, CELLS)
        windows = windows_of(cut, SAMPLING.window)
        quarters = np.rint(vectors[windows] / (VECTOR_STEPS / UNITS))
        motion.append(quarters.clip(-127, 127).astype(np.int8))
        masks.append(np.packbits(mask[windows]))
        jpegs += [_jpeg(image, quality) for image in images]
        groups.append(int(name[2]))
        sources.append(name[1])
    classes, labels = np.unique([path.parent.name for path in paths], return_inverse=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        target,
        jpegs=np.frombuffer(b"".join(jpegs), np.uint8),
        lengths=np.array([len(jpeg) for jpeg in jpegs], np.int64),
        motion=np.stack(motion),
        mask=np.stack(masks),
        labels=labels,
        classes=classes,
        groups=np.array(groups, np.int64),
        sources=np.unique(sources, return_inverse=True)[1],
    )


def unpack(path: Path) -> Packed:
    """Reads a packed file; needs NumPy and Pillow alone."""
    with np.load(path, allow_pickle=False) as held:
        arrays = {name: held[name] for name in held.files}
    count, windows, maps = arrays["motion"].shape[:3]
    ends = np.cumsum(arrays["lengths"])
    data = arrays["jpegs"].tobytes()
    images = np.empty((len(ends), SIZE, SIZE, 3), np.uint8)
    for image, start, end in zip(images, ends - arrays["lengths"], ends, strict=True):
        image[:] = np.asarray(Image.open(io.BytesIO(data[start:end])))
    shape = (windows, maps, CELLS, CELLS)
    mask = np.unpackbits(arrays["mask"], axis=1, count=int(np.prod(shape)))
    return Packed(
        images.reshape(count, -1, *images.shape[1:]),
        arrays["motion"],
        mask.reshape(count, *shape).astype(bool),
        arrays["labels"],
        tuple(arrays["classes"].tolist()),
        arrays["groups"],
        arrays["sources"],
    )


def _jpeg(image: NDArray[np.uint8], quality: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality, optimize=True)
    return file.getvalue()


def main() -> None:
    """Packs a folder and says how large the file is."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    options.add_argument("folder", type=Path, help="class folders of clips named ..._gNN_cNN")
    options.add_argument("target", type=Path, help="the .npz to write")
    options.add_argument("--quality", type=int, default=60, help="of the JPEGs (default: %(default)s)")
    arguments = options.parse_args()
    pack(arguments.folder, arguments.target, arguments.quality)
    print(f"{arguments.target}: {arguments.target.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
