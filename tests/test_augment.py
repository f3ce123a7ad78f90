"""One geometry for pixels and vectors."""

import dataclasses

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from cvrl_lite.datasets import VECTOR_STEPS, Batch
from cvrl_lite.transforms import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Augmentation,
    Geometry,
    augment,
    color_matrix,
    eval_transform,
    gaussian_blur,
)

STILL = Augmentation(min_scale=1.0, hflip=0.0, brightness=0.0, hue=0.0, saturation=0.0, grayscale_prob=0.0)


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
    assert torch.allclose(views.clip[0], eval_transform(noise()[None], 72)[0], atol=1e-3)
    assert views.mask.all() and views.valid_points((1, 3, 3)).all()


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
    view = Geometry.random(random, 0.4, 0.5)
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


def test_color_changes_are_the_identity_at_no_strength_and_keep_gray_gray():
    matrix, offset = color_matrix(torch.rand(5, 15), STILL)
    assert torch.allclose(matrix, torch.eye(3).expand(5, 3, 3), atol=1e-6) and not offset.any()
    matrix, offset = color_matrix(torch.rand(50, 15), Augmentation())
    gray = matrix @ torch.full((3, 1), 0.5) + offset[:, :, None]
    assert torch.allclose(gray, gray.mean(1, keepdim=True).expand_as(gray), atol=1e-5)


def test_a_point_needs_a_quarter_of_its_cells():
    batch = batch_of(noise())
    mask = torch.ones(4, 2, 8, 9, 9, dtype=torch.bool)
    mask[0, 0] = False
    mask[1, 1, :, :3, :3] = False
    mask[1, 1, :2, :3, :3] = True  # two of eight maps: just enough
    mask[2, 0, :, 6:, 6:] = False
    mask[2, 0, 0, 6:, 6:] = True  # one of eight
    batch = dataclasses.replace(batch, motion_mask=mask)
    valid = augment(batch, dataclasses.replace(STILL, cells=9)).valid_points((1, 3, 3))
    assert valid.shape == (4, 2, 9)
    assert not valid[0, 0].any() and valid[0, 1].all() and valid[1].all() and valid[3].all()
    assert valid[2, 0].tolist() == [True] * 8 + [False]


FAITHFUL = dataclasses.replace(STILL, size=72, cells=9, faithful=True)


def moving_right() -> Batch:
    vectors = torch.zeros(8, 2, 9, 9)
    vectors[:, 0, :, :4], vectors[:, 1] = 3.0, 1.0
    return batch_of(noise(), vectors)


def test_the_faithful_flip_mirrors_the_map_and_leaves_the_sign():
    how = dataclasses.replace(FAITHFUL, hflip=1.0)
    views = augment(moving_right(), how)
    right = augment(moving_right(), dataclasses.replace(how, faithful=False))
    assert views.motion.shape[2] == 2 and right.motion.shape[2] == 3
    assert torch.equal(views.motion[:, :, 0], -right.motion[:, :, 0])
    assert torch.equal(views.motion[:, :, 1], right.motion[:, :, 1])
    assert (views.motion[0, 0, 0, 0, :, 5:] > 0).all()  # mirrored: it was on the left
    assert torch.equal(views.clip, right.clip)


def test_faithful_key_frames_come_in_the_order_bgr():
    ours, theirs = (augment(moving_right(), dataclasses.replace(FAITHFUL, faithful=f)) for f in (False, True))
    assert torch.allclose(theirs.keyframe, ours.keyframe.flip(1), atol=1e-5)
    assert not torch.allclose(theirs.keyframe, ours.keyframe, atol=0.1)


def test_faithful_crops_leave_the_length_of_vectors_and_differ_from_window_to_window():
    vectors = torch.zeros(8, 2, 9, 9)
    vectors[:, 0] = torch.arange(9) / 4  # tells where a crop lies
    batch = batch_of(noise(), vectors)
    windows = batch.motion[:, :1].expand(4, 3, 8, 2, 9, 9)
    batch = dataclasses.replace(
        batch, motion=windows, motion_mask=torch.ones(4, 3, 8, 9, 9, dtype=torch.bool)
    )
    how = dataclasses.replace(FAITHFUL, min_scale=0.3)
    theirs, ours = (augment(batch, dataclasses.replace(how, faithful=f)) for f in (True, False))
    assert theirs.motion.max() <= vectors.max() / how.vector_scale + 1e-6 < ours.motion[:, :, 0].max()
    assert torch.equal(ours.motion[:, 1], ours.motion[:, 2])
    assert not torch.allclose(theirs.motion[:, 1], theirs.motion[:, 2], atol=0.05)


def test_the_released_vectors_are_tenths_of_ten_pixels_and_clamped():
    vectors = torch.zeros(8, 2, 9, 9)
    vectors[:, 0], vectors[:, 1] = 3.0, -30.0  # pixels of a square of 72, from videos 144 high
    how = dataclasses.replace(
        Augmentation.released(height=144, faithful=True), size=72, cells=9, min_scale=1.0, hflip=0.0
    )
    how = dataclasses.replace(how, vector_scale=10 * 72 / 144, vector_clamp=10 * 72 / 144)
    motion = augment(batch_of(noise(), vectors), how).motion
    assert torch.allclose(motion[:, :, 0], torch.tensor(0.6))
    assert (motion[:, :, 1] == -1).all()


@given(seed=st.integers(0, 1000), sigma=st.floats(0.1, 2.0))
def test_blur_equals_scipys(seed, sigma):
    from scipy.ndimage import gaussian_filter

    images = torch.rand(2, 3, 20, 24, generator=torch.Generator().manual_seed(seed))
    soft = gaussian_blur(images, torch.tensor([sigma, 0.0]))
    expected = gaussian_filter(images[0].double().numpy(), (0, sigma, sigma), mode="nearest", radius=6)
    assert np.allclose(soft[0], expected, atol=1e-5)
    assert torch.allclose(soft[1], images[1], atol=1e-6)


def test_all_of_a_clip_is_blurred_alike_and_some_clips_are_not():
    still = noise(1).expand(3, 72, 72, 3)
    batch = batch_of(still)
    batch = Batch(
        *(
            torch.cat([getattr(batch, n)] * 8)
            for n in ("clip", "keyframe", "motion", "motion_mask", "sources")
        ),
        seeds=torch.arange(32),
    )
    views = augment(batch, dataclasses.replace(STILL, size=72, cells=9, gaussian_blur_prob=0.5))
    assert torch.allclose(views.clip[:, :, 0], views.clip[:, :, 2], atol=1e-6)
    rough = views.clip[:, :, 0].flatten(1).std(1)
    sharp = rough > 0.95 * rough.max()
    assert 8 <= int(sharp.sum()) <= 26 and rough.min() < 0.5 * rough.max()
    frames = views.keyframe.flatten(1).std(1) > 0.95 * rough.max()
    assert (frames != sharp).any()  # the key frame draws its own


def test_jitter_spares_some_samples_and_gray_goes_on():
    how = dataclasses.replace(Augmentation.released(), grayscale_prob=0.0)
    random, chance = torch.rand(400, 15), torch.rand(400)
    matrix, offset = color_matrix(random, how, chance)
    same = ((matrix - torch.eye(3)).abs().amax((1, 2)) < 1e-6) & (offset.abs().amax(1) < 1e-6)
    assert torch.equal(same, chance >= 0.5)
    gray, _ = color_matrix(random, dataclasses.replace(how, grayscale_prob=1.0), torch.ones(400))
    assert torch.allclose(gray, torch.full((3, 3), 1 / 3).expand(400, 3, 3), atol=1e-6)


def test_pixels_can_be_normalized_as_imagenets():
    white = torch.full((2, 72, 72, 3), 255, dtype=torch.uint8)
    view = eval_transform(white[None], 8, IMAGENET_MEAN, IMAGENET_STD)[0, :, 0, 0, 0]
    assert np.allclose(view, [(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225], atol=1e-5)
    how = dataclasses.replace(STILL, size=72, cells=9, mean=IMAGENET_MEAN, std=IMAGENET_STD)
    assert np.allclose(augment(batch_of(white), how).clip[0, :, 0, 5, 5], view, atol=1e-5)


def test_the_released_views_have_the_released_sizes():
    views = augment(batch_of(noise(16)), Augmentation.released(faithful=True))
    assert views.clip.shape == (4, 3, 16, 112, 112) and views.keyframe.shape == (4, 3, 112, 112)
    assert views.motion.shape == (4, 2, 2, 8, 112, 112) and views.motion.abs().max() <= 1
