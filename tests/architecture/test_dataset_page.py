"""The page of data sets says what the readers say."""

from pathlib import Path

import pytest

from leadline.data.datasets.page import BEGIN, END, updated
from leadline.data.datasets.registry import dataset_names
from leadline.errors import LeadlineError

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "datasets.md"


def test_the_page_of_data_sets_is_in_step_with_the_readers():
    text = PAGE.read_text(encoding="utf-8")
    assert text == updated(text), "run: python -m leadline.data.datasets.page docs/how-to/datasets.md"


def test_every_data_set_has_a_row_and_a_section():
    text = updated(f"{BEGIN}{END}")
    for name in dataset_names():
        anchor = name.replace("_", "-")
        assert f"| [`{name}`](#{anchor}) |" in text
        assert f"{{#{anchor}}}\n\n`--dataset {name}`\n" in text


def test_what_markdown_would_take_for_markup_is_escaped():
    text = updated(f"before {BEGIN} old {END} after")
    assert text.startswith(f"before {BEGIN}\n")
    assert text.endswith(f"{END} after")
    assert " old " not in text
    assert r"\*\_10.png" in text


def test_a_page_without_its_marks_is_refused():
    with pytest.raises(LeadlineError, match="data sets: end"):
        updated(BEGIN)
