"""The page of losses names every loss, and its pictures show what the code declares as forgiven."""

from __future__ import annotations

import inspect
import pkgutil
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import leadline.losses
from leadline.evaluation.losses_page import draw, sheets
from leadline.evaluation.planted_errors import EXACT, NOTHING, Objective, Sheet

DOCS = Path(__file__).parents[3] / "docs"
CASES = [pytest.param(sheet, objective, id=objective.name) for sheet in sheets() for objective in sheet.objectives]


def public_losses() -> set[str]:
    names = set()
    for module in pkgutil.iter_modules(leadline.losses.__path__, "leadline.losses."):
        members = inspect.getmembers(import_module(module.name), inspect.isfunction)
        names |= {name for name, f in members if f.__module__ == module.name and re.fullmatch("[a-z].*_loss", name)}
    return names


def test_every_loss_has_its_place_on_the_page() -> None:
    page = (DOCS / "losses.md").read_text(encoding="utf-8")
    assert len(public_losses()) > 20
    assert sorted(name for name in public_losses() if f"`{name}`" not in page) == []


def test_every_function_on_the_page_is_in_the_code() -> None:
    page = (DOCS / "losses.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`([a-z]\w*_loss)`", page)) - public_losses() == set()


def test_every_picture_of_the_page_is_there() -> None:
    page = (DOCS / "losses.md").read_text(encoding="utf-8")
    assert re.findall(r"\((assets/\S+)\)", page) == [f"assets/losses-{sheet.name}.png" for sheet in sheets()]
    assert all((DOCS / "assets" / f"losses-{sheet.name}.png").is_file() for sheet in sheets())


@pytest.mark.parametrize(("sheet", "objective"), CASES)
def test_exactly_what_is_declared_as_forgiven_costs_no_more_than_the_truth(
    sheet: Sheet[Any], objective: Objective[Any]
) -> None:
    responses = sheet.responses(objective)
    free = {error for error, response in responses.items() if response <= responses[EXACT] + NOTHING}
    assert free == {EXACT, *objective.forgives}
    assert responses[sheet.unit] == 1


def test_a_picture_is_drawn_whole(tmp_path: Path) -> None:
    sheet = sheets()[-1]
    draw(sheet, tmp_path / "features.png")
    assert [file.name for file in tmp_path.iterdir()] == ["features.png"]
    assert (tmp_path / "features.png").read_bytes().startswith(b"\x89PNG")
