"""Recipes: what they hold, refuse, and keep as JSON."""

import pytest

from cvrl_lite import train
from cvrl_lite.pretext import ContextConfig, DenseConfig, RegressionConfig


def test_kinetics_has_the_cards_weight_decay():
    assert train.recipes.kinetics_r2plus1d26().optimization.weight_decay == 5e-3
    assert train.recipes.ucf101_r2plus1d26().optimization.weight_decay == 1e-3


def test_a_recipe_survives_its_json():
    changed = train.recipes.laptop(("motion",), seed=5)
    for recipe in (changed, *(make() for make in train.recipes.NAMED.values())):
        assert train.Recipe.from_json(recipe.to_json()) == recipe
        assert not recipe.differences(recipe.replace(precision="float32"))
        assert not recipe.replace(precision="float32").differences(recipe)


@pytest.mark.parametrize(
    "wrong",
    [
        {"tasks": {}},
        {"tasks": ("context", "motion")},
        {"tasks": "motion"},
        {"tasks": {"context": {"weight": 1.0}}},
        {"tasks": {"two words": ContextConfig()}},
        {"steps": 0},
        {"steps": "ten"},
        {"batch": -1},
        {"save_every": 0},
        {"keep": 0},
        {"seed": -1},
        {"tasks": {"context": ContextConfig(start=0.5)}},
        {"tasks": {"motion": DenseConfig(weight=0.0)}},
        {"precision": "float8"},
        {"optimization": train.Optimization(method="lion")},
    ],
)
def test_a_recipe_refuses_what_it_cannot_mean(wrong):
    with pytest.raises(ValueError) as said:
        train.Recipe(**wrong)
    assert "\n" not in str(said.value)


@pytest.mark.parametrize(
    ("config", "wrong"),
    [
        (ContextConfig, {"start": 1.0}),
        (ContextConfig, {"weight": -1.0}),
        (DenseConfig, {"source": "flow"}),
        (DenseConfig, {"negatives": ("points",)}),
        (RegressionConfig, {"target": "flow"}),
        (RegressionConfig, {"loss": "hinge"}),
        (train.Networks, {"backbone": "vgg"}),
        (train.Networks, {"encoders": "large"}),
    ],
)
def test_a_part_of_a_recipe_refuses_what_it_cannot_mean(config, wrong):
    with pytest.raises(ValueError, match=str(next(iter(wrong)))):
        config(**wrong)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stepz": 1}, "a recipe has no stepz"),
        ({"networks": {"heds": 1}}, "networks has no heds; it has backbone, backbone_kwargs"),
        ({"tasks": {"context": {"heat": 1}}}, "tasks.context has no heat; it has start"),
        ({"tasks": {"order": {"weight": 1}}}, "tasks.order is a TaskConfig"),
        ({"tasks": ("motion", "flow")}, "tasks are some of context, motion; got flow"),
    ],
)
def test_replacing_what_is_not_there_says_so(changes, message):
    with pytest.raises(ValueError, match=message):
        train.recipes.laptop().replace(**changes)


def test_a_recipe_of_lists_and_paths_is_the_same(tmp_path):
    words = {"tasks": {"motion": DenseConfig(negatives=("places",))}, "data": str(tmp_path)}
    lists = {"tasks": {"motion": DenseConfig(negatives=["places"])}, "data": tmp_path}
    made = train.Recipe(**lists, networks=train.Networks(widths=[4, 8, 8, 8]))
    assert made == train.Recipe(**words, networks=train.Networks(widths=(4, 8, 8, 8)))
    assert train.Recipe.from_json(made.to_json()) == made
