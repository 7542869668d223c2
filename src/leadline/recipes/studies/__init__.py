"""Experiments behind docs/results: many short trainings that differ in one thing, several seeds each.

    python -m leadline.recipes.studies run  losses --worlds runs/worlds --data ../shared/data
    python -m leadline.recipes.studies page losses

`run` may be stopped and started again: what is done is kept, a training goes on where it was.
"""
