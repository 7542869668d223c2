"""``python -m leadline.training RECIPE [key=value ...] [--resume]``: what ``leadline train`` does, without the command line's comfort."""

import sys

from leadline.runtime.malloc import keep_freed_memory


def main() -> None:
    """Run the recipe named on the command line."""
    keep_freed_memory()  # before torch allocates anything
    from leadline.recipes import load_recipe
    from leadline.training import override, train
    from leadline.training.config import describe

    recipe, *assignments = [argument for argument in sys.argv[1:] if argument != "--resume"]
    config = override(load_recipe(recipe), assignments)
    print(describe(config), flush=True)
    print(train(config, resume="--resume" in sys.argv))


if __name__ == "__main__":
    main()
