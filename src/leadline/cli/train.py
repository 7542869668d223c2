"""``leadline train``: run a recipe."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter


def train(
    recipe: str,
    /,
    *,
    set_: Annotated[list[str] | None, Parameter(name="--set", consume_multiple=True, negative=())] = None,
    resume: Annotated[bool, Parameter(negative=())] = False,
    show: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Train a network by a recipe (needs pip install 'leadline[train]').

    Parameters
    ----------
    recipe
        Name of a recipe, for instance default.
    set_
        Changes of single values: --set key=value key2=value2; an unknown key is refused with the nearest known one.
    resume
        Go on from the last checkpoint of the run's folder.
    show
        Print the whole configuration and stop.
    """
    from leadline.recipes import load_recipe
    from leadline.runtime.malloc import keep_freed_memory

    keep_freed_memory()  # before torch allocates anything
    from leadline.training import override, train
    from leadline.training.config import describe

    config = override(load_recipe(recipe), set_ or [])
    print(describe(config))
    if not show:
        train(config, resume=resume)
    return 0
