"""The networks that come with the package know what their cards say, and can be made again."""

import re
from pathlib import Path

import pytest
import torch

import cvrl_lite
from cvrl_lite import evaluate, train
from cvrl_lite.datasets import MovingScenes, decode
from cvrl_lite.files import sha256

ROOT = Path(__file__).resolve().parents[1]
NAMES = sorted(path.stem for path in (ROOT / "data/checkpoints").glob("*.safetensors"))


def test_every_network_has_a_card_and_a_sum() -> None:
    cards = (ROOT / "docs/model_cards.md").read_text(encoding="utf-8")
    data = (ROOT / "data/README.md").read_text(encoding="utf-8")
    assert (
        {"context", "joint", "motion", "ucf11_joint"}
        <= set(NAMES)
        == set(re.findall(r"^\| `(\w+)` \|", cards, re.M))
    )
    for name in NAMES:
        for file in (ROOT / "data/checkpoints").glob(f"{name}.*"):
            assert f"| `checkpoints/{file.name}` |" in data and sha256(file) in data


@pytest.mark.parametrize("name", NAMES)
def test_a_network_is_ready_to_use(name: str) -> None:
    model = cvrl_lite.load(name)
    backbone, recipe = model.backbone, model.recipe
    assert not backbone.training
    size, frames = recipe.augmentation.size, recipe.sampling.frames
    with torch.no_grad():
        vectors = backbone(torch.randn(2, 3, frames, size, size))
    assert vectors.shape == (2, backbone.width) and vectors.dtype == torch.float32
    several = {"joint": {"context", "motion"}, "three": set(train.TASKS)}
    assert set(recipe.tasks) == several.get(name.removeprefix("ucf11_"), {name})


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(FileNotFoundError, match=r"giant: .* not a shipped network \(context, joint, motion"):
        cvrl_lite.load("giant")


@pytest.fixture(scope="module")
def splits():
    parts = []
    for split, count in (("train", 400), ("val", 192)):
        whole = MovingScenes(split)
        parts.append(decode(whole.subset(range(count)), vectors=split == "train"))
    return parts


@pytest.mark.slow
def test_they_know_what_they_were_trained_for_and_little_else(splits) -> None:
    found = {}
    for name in ("context", "motion", "joint"):
        found[name] = evaluate.scores(*splits, model=cvrl_lite.load(name))
    assert found["context"]["scene"]["R@1"] > 0.75 > 0.25 > found["context"]["action"]["R@1"]
    assert found["motion"]["action"]["R@1"] > 0.75 > 0.25 > found["motion"]["scene"]["R@1"]
    assert found["joint"]["scene"]["R@1"] > 0.55 and found["joint"]["action"]["R@1"] > 0.55


@pytest.mark.slow
def test_a_shortened_training_goes_the_same_way(splits) -> None:
    """120 steps of the shipped context recipe, narrower: above an untrained network, as far as they go."""
    recipe = train.recipes.laptop_fast(("context",)).replace(precision="float32", steps=120)
    torch.manual_seed(recipe.seed)
    fresh = cvrl_lite.Pretrained.from_recipe(train.Pretraining(recipe).backbone, recipe)
    before = evaluate.scores(*splits, model=fresh)
    trained = cvrl_lite.Pretrained.from_recipe(train.pretrain(recipe, data=splits[0]).backbone, recipe)
    after = evaluate.scores(*splits, model=trained)
    assert after["scene"]["linear"] > before["scene"]["linear"] + 0.05
    assert after["scene"]["R@1"] > before["scene"]["R@1"]
