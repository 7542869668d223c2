"""Functions that return a whole TrainConfig, by name."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from leadline.errors import LeadlineError
from leadline.training.config import TrainConfig

# Name -> module in this folder, whose function `recipe` returns the configuration.
_RECIPES = {
    name: name
    for name in (
        "default", "finetune", "metric_finetune", "midas_mix", "tom_finetune", "tom_segmenter",
        "leadline_stereo", "raft_stereo", "crestereo", "stereo_finetune",
        "teacher", "student_v1", "student_v2",
        "monodepth2", "sfmlearner", "ddvo", "geonet", "kuznietsov",
    )
}  # fmt: skip


def recipe_names() -> list[str]:
    """Return all names, sorted."""
    return sorted(_RECIPES)


def load_recipe(name: str) -> TrainConfig:
    """Return the configuration of a recipe.

    Raises:
        LeadlineError: no recipe has this name.
    """
    if name not in _RECIPES:
        raise LeadlineError(f"unknown recipe {name!r}: expected one of {', '.join(recipe_names())}")
    recipe: Callable[[], TrainConfig] = import_module(f"leadline.recipes.{_RECIPES[name]}").recipe
    return recipe()
