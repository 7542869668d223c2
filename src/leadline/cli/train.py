"""``leadline train``: run a recipe."""

from __future__ import annotations

import shlex
from importlib import import_module
from multiprocessing import active_children
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from leadline.cli.progress import say

if TYPE_CHECKING:
    from leadline.training.config import TrainConfig


def train(
    recipe: str | None = None,
    /,
    *,
    set_: Annotated[list[str] | None, Parameter(name="--set", consume_multiple=True, negative=())] = None,
    resume: Annotated[bool, Parameter(negative=())] = False,
    show: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Train a network by a recipe (needs pip install 'leadline[train]').

    The configuration is printed and kept in the run's folder, with its log and checkpoints.

    Ctrl-C stops after the step at hand; --resume goes on from there, or after a crash from the last whole checkpoint.

    Example: leadline train default --set data.sources=worlds/rooms optimiser.minutes=30

    Parameters
    ----------
    recipe
        Name of a recipe, for instance default; without one, all recipes are listed.
    set_
        Changes of single values: --set key=value key2=value2; an unknown key is refused with the nearest known one.
    resume
        Go on from the last checkpoint of the run's folder; repeat the same --set.
    show
        Print the whole configuration, one key = value a line, and stop.
    """
    from leadline.recipes import load_recipe, recipe_names
    from leadline.runtime.malloc import keep_freed_memory

    if recipe is None:
        print("\n".join(f"{name}: {_about(name)}" for name in recipe_names()))
        return 0
    keep_freed_memory()  # before torch allocates anything
    from leadline.models.stereo.registry import is_stereo
    from leadline.models.tom_segmenter import is_segmenter
    from leadline.training import override, train
    from leadline.training.config import describe
    from leadline.training.summary import read_summary

    config = override(load_recipe(recipe), set_ or [])
    print(describe(config), flush=True)
    if show:
        return 0
    try:
        train(config, resume=resume)
    except KeyboardInterrupt:
        _wait_for_processes()
        say(_how_to_go_on(config, recipe, set_ or []))
        return 130
    summary = read_summary(Path(config.run_dir))
    network = shlex.quote(f"{summary.checkpoint}/{config.name}.onnx")
    print(summary)
    architecture = config.model.architecture
    use = "stereo LEFT RIGHT --model" if is_stereo(architecture) else "predict PHOTO --model"
    use = "predict PHOTO --tom" if is_segmenter(architecture) else use
    print(f"next: leadline export {shlex.quote(summary.checkpoint)}; leadline {use} {network}", flush=True)
    return 0


def _how_to_go_on(config: TrainConfig, recipe: str, assignments: list[str]) -> str:
    from leadline.errors import LeadlineError
    from leadline.training.checkpoint import latest_checkpoint

    try:
        step = int(latest_checkpoint(Path(config.run_dir)).name.removeprefix("step-"))
    except LeadlineError:
        return "stopped before the first step: nothing to resume, start again"
    again = ["leadline", "train", recipe, "--resume", *(["--set", *assignments] if assignments else [])]
    return f"stopped after step {step}, which is saved; go on with: {shlex.join(again)}"


def _wait_for_processes() -> None:
    """Wait until the processes that train together have saved what they have."""
    for process in active_children():
        process.join()


def _about(recipe: str) -> str:
    """Return the first line of a recipe's description."""
    text = import_module(f"leadline.recipes.{recipe}").__doc__ or ""
    return text.strip().partition("\n")[0].replace("`", "")
