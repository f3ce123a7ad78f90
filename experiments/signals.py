"""Other maps of what changes, in the place of vectors or residuals: for the experiment on modalities."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from cvrl_lite.datasets import RESIDUAL_STEPS, VECTOR_STEPS, DecodedSet, DecodedVideo

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def _luma(video: DecodedVideo) -> NDArray[np.float32]:
    """(T, S, S) gray levels."""
    return video.frames @ _LUMA


def _cells(maps: NDArray[np.float32], cells: int) -> NDArray[np.float32]:
    """Means (T, G, G) over the cells of (T, S, S), each pixel in the cell that holds its center."""
    size = maps.shape[-1]
    starts = np.arange(cells) * size // cells
    counts = np.diff(np.append(starts, size))
    sums = np.add.reduceat(np.add.reduceat(maps, starts, 1), starts, 2)
    return sums / (counts[:, None] * counts)


def with_differences(data: DecodedSet) -> DecodedSet:
    """Frame minus last frame, in the place of the residuals: its mean and its mean size by cells."""

    def changed(video: DecodedVideo) -> DecodedVideo:
        luma, cells = _luma(video), video.mask.shape[-1]
        difference = np.diff(luma, axis=0, prepend=luma[:1]).astype(np.float32)
        maps = np.stack([_cells(difference, cells), _cells(np.abs(difference), cells)], 1)
        mask = np.ones_like(video.mask)
        mask[0] = False  # nothing came before the first frame
        return dataclasses.replace(
            video, residuals=np.rint(maps * RESIDUAL_STEPS).astype(np.int16), residual_mask=mask
        )

    return dataclasses.replace(data, videos=tuple(changed(video) for video in data.videos))


def with_flow(data: DecodedSet) -> DecodedSet:
    """Dense optical flow (DIS, OpenCV) back to the last frame, in the place of the vectors."""
    import cv2

    finder = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def changed(video: DecodedVideo) -> DecodedVideo:
        luma, cells = _luma(video).astype(np.uint8), video.mask.shape[-1]
        fields = np.zeros((len(luma), 2, *luma.shape[1:]), np.float32)
        for place in range(1, len(luma)):
            fields[place] = finder.calc(luma[place], luma[place - 1], None).transpose(2, 0, 1)
        maps = np.stack([_cells(fields[:, axis], cells) for axis in (0, 1)], 1)
        mask = np.ones_like(video.mask)
        mask[0] = False
        return dataclasses.replace(video, vectors=np.rint(maps * VECTOR_STEPS).astype(np.int16), mask=mask)

    return dataclasses.replace(data, videos=tuple(changed(video) for video in data.videos))
