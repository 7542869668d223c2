from __future__ import annotations

from dataclasses import replace

import pytest

from leadline.errors import LeadlineError
from leadline.recipes import load_recipe, recipe_names
from leadline.training.config import TrainConfig, describe, from_json, keys, override, to_json

CONFIG = TrainConfig("leadline-tiny.test", "runs/test")


def test_values_are_read_by_the_type_of_their_field() -> None:
    changed = override(
        CONFIG,
        [
            "seed=3", "optimiser.lr=2e-4", "model.imagenet=false", "data.sources=a/b,hololens@c", "data.weights=1,0.5",
            "data.shapes=256x320,64x64", "data.augmentation.area=0.5,0.9", "trainer.precision=32-true",
        ],
    )  # fmt: skip
    assert (changed.seed, changed.optimiser.lr, changed.model.imagenet) == (3, 2e-4, False)
    assert changed.data.sources == ("a/b", "hololens@c")
    assert changed.data.weights == (1.0, 0.5)
    assert changed.data.shapes == ((256, 320), (64, 64))
    assert changed.data.augmentation.area == (0.5, 0.9)
    assert override(CONFIG, ["data.shapes=64x96"]).data.shapes == ((64, 96),)
    assert override(CONFIG, ["data.sources=extra"]).data.sources == ("extra",)


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("optimizer.lr=1", "did you mean optimiser.lr?"),
        ("data.batchsize=3", "did you mean data.batch_size?"),
        ("data=3", "did you mean data."),
        ("seed.x=3", "did you mean seed?"),
        ("seed=three", "seed=three: expected an integer"),
        ("model.imagenet=1", "expected true or false"),
        ("data.shapes=256", "expected pairs like 256x256"),
        ("trainer.precision=fp16", "expected one of bf16-mixed, 32-true"),
        ("seed", "expected KEY=VALUE"),
    ],
)
def test_a_wrong_assignment_is_refused_with_what_was_expected(assignment: str, message: str) -> None:
    with pytest.raises(LeadlineError) as caught:
        override(CONFIG, [assignment])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_describe_prints_can_be_set_again() -> None:
    changed = override(CONFIG, ["data.sources=a,b", "optimiser.clip=0.5", "model.imagenet=false"])
    lines = [line.replace(" = ", "=") for line in describe(changed).splitlines()]
    assert override(CONFIG, lines) == changed
    assert len(lines) == len(keys(changed))


def test_a_configuration_survives_its_file() -> None:
    changed = replace(CONFIG, seed=9, data=replace(CONFIG.data, sources=("x",), weights=(2.0,)))
    assert from_json(to_json(changed)) == changed
    with pytest.raises(LeadlineError, match="not a training configuration"):
        from_json('{"name": "x", "unknown": 1}')


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_opens_with_its_command_and_returns_a_configuration(name: str) -> None:
    from importlib import import_module

    config = load_recipe(name)
    assert isinstance(config, TrainConfig)
    text = import_module(f"leadline.recipes.{name}").__doc__ or ""
    assert f"leadline train {name}" in text
    assert "Hardware:" in text
    assert "Expected" in text


def test_an_unknown_recipe_is_refused_with_the_known_ones() -> None:
    with pytest.raises(LeadlineError, match="default"):
        load_recipe("defualt")
