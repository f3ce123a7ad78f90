"""One geometry for pixels and vectors."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cvrl_lite.augment import Augmentation, Geometry, augment, colour_matrix, plain
from cvrl_lite.datasets import VECTOR_STEPS, Batch

STILL = Augmentation(least_area=1.0, flip=0.0, brightness=0.0, hue=0.0, saturation=0.0, grey=0.0)


def batch_of(frames: torch.Tensor, vectors: torch.Tensor | None = None) -> Batch:
    """Four clips of the same frames (T, S, S, 3), with two windows of given vectors (W, 2, G, G)."""
    if vectors is None:
        vectors = torch.zeros(8, 2, 9, 9)
    motion = (vectors * VECTOR_STEPS).round().to(torch.int16)
    return Batch(
        frames.expand(4, *frames.shape),
        frames[0].expand(4, *frames.shape[1:]),
        motion.expand(4, 2, *motion.shape),
        torch.ones(4, 2, 8, 9, 9, dtype=torch.bool),
        torch.arange(4),
        torch.arange(4) + 7,
    )


def noise(steps: int = 2, side: int = 72) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (steps, side, side, 3), dtype=np.uint8))


def test_no_strength_changes_nothing():
    views = augment(batch_of(noise()), Augmentation(**{**STILL.__dict__, "size": 72, "cells": 9}))
    assert torch.allclose(views.clip[0], plain(noise()[None], 72)[0], atol=1e-3)
    assert views.valid.all()


def test_same_seed_same_views_and_other_seed_other_views():
    one, two = (augment(batch_of(noise()), Augmentation()) for _ in range(2))
    assert torch.equal(one.clip, two.clip) and torch.equal(one.motion, two.motion)
    assert not torch.allclose(one.clip[0], one.clip[1])


def test_a_sample_is_augmented_alike_in_any_batch():
    whole = batch_of(noise())
    names = ("clip", "keyframe", "motion", "motion_mask", "sources", "seeds")
    single = Batch(*(getattr(whole, name)[2:3] for name in names))
    assert torch.allclose(augment(whole, Augmentation()).clip[2], augment(single, Augmentation()).clip[0])


def test_a_flip_negates_x_and_mirrors_the_map():
    vectors = torch.zeros(1, 8, 2, 9, 9)
    vectors[:, :, 0, :, 0], vectors[:, :, 1] = 3.0, 1.0
    whole = torch.full((1, 2), 0.5), torch.ones(1, 2)
    flipped, mask = Geometry(*whole, torch.tensor([True])).sample_vectors(
        vectors, torch.ones(1, 8, 9, 9, dtype=torch.bool), 9
    )
    assert mask.all()
    assert torch.allclose(flipped[0, 0, 0, :, -1], torch.tensor(-3.0))
    assert torch.allclose(flipped[0, 0, 1], torch.tensor(1.0))
    again, _ = Geometry(*whole, torch.tensor([True])).sample_vectors(flipped, mask, 9)
    assert torch.allclose(again, vectors, atol=1e-5)


def test_an_enlarged_crop_enlarges_vectors_and_masked_cells_stay_out():
    vectors, mask = torch.ones(1, 8, 2, 8, 8), torch.ones(1, 8, 8, 8, dtype=torch.bool)
    mask[..., :4] = False
    vectors[..., :4] = 99.0  # whatever stands in a masked cell must not leak
    half = Geometry(torch.tensor([[0.5, 0.5]]), torch.tensor([[0.5, 1.0]]), torch.tensor([False]))
    values, kept = half.sample_vectors(vectors, mask, 8)
    assert kept[..., 4:].all() and not kept[..., :3].any()
    assert torch.allclose(values[0, 0, 0, :, 5:], torch.tensor(2.0))  # half the width fills all of it
    assert torch.allclose(values[0, 0, 1, :, 5:], torch.tensor(1.0))
    assert not values[..., :3].any()


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), dx=st.integers(-3, 3), dy=st.integers(-3, 3))
def test_augmented_vectors_still_align_augmented_frames(seed, dx, dy):
    """Content moves by (-dx, -dy); its backward vectors are (dx, dy). Warped by them, frames agree."""
    torch.manual_seed(0)
    side = 96
    smooth = torch.nn.functional.interpolate(
        torch.rand(1, 3, 14, 14), size=(side + 12, side + 12), mode="bicubic"
    )
    big = smooth.clamp(0, 1)[0]
    frames = torch.stack([big[:, 6:-6, 6:-6], big[:, 6 + dy : 6 + dy + side, 6 + dx : 6 + dx + side]])
    random = torch.rand(1, 5, generator=torch.Generator().manual_seed(seed))
    view = Geometry.draw(random, 0.4, 0.5)
    size = 64
    first, second = view.sample(frames.flatten(0, 1)[None], size)[0].unflatten(0, (2, 3))
    vectors = torch.tensor([float(dx), float(dy)])[None, None, :, None, None].expand(1, 1, 2, 12, 12)
    moved, _ = view.sample_vectors(vectors * size / side, torch.ones(1, 1, 12, 12, dtype=torch.bool), 12)
    shift = moved[0, 0, :, 6, 6] * 2 / size  # in grid units
    theta = torch.tensor([[[1.0, 0, shift[0]], [0, 1.0, shift[1]]]])
    grid = torch.nn.functional.affine_grid(theta, [1, 3, size, size], align_corners=False)
    warped = torch.nn.functional.grid_sample(first[None], grid, align_corners=False)[0]
    inner = (slice(None), slice(16, -16), slice(16, -16))
    right = (warped[inner] - second[inner]).abs().mean()
    assert right < 0.02
    if dx or dy:
        wrong = (first[inner] - second[inner]).abs().mean()
        assert right < 0.7 * wrong


def test_colour_changes_are_the_identity_at_no_strength_and_keep_grey_grey():
    matrix, offset = colour_matrix(torch.rand(5, 15), STILL)
    assert torch.allclose(matrix, torch.eye(3).expand(5, 3, 3), atol=1e-6) and not offset.any()
    matrix, offset = colour_matrix(torch.rand(50, 15), Augmentation())
    grey = matrix @ torch.full((3, 1), 0.5) + offset[:, :, None]
    assert torch.allclose(grey, grey.mean(1, keepdim=True).expand_as(grey), atol=1e-5)


def test_a_future_without_any_vector_is_not_valid():
    batch = batch_of(noise())
    mask = batch.motion_mask.clone()
    mask[1, 0] = False
    views = augment(Batch(batch.clip, batch.keyframe, batch.motion, mask, batch.sources, batch.seeds), STILL)
    assert views.valid.tolist() == [True, False, True, True]
