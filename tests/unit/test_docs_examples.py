"""The Python examples of the documentation run, page by page, each page in one namespace and in a folder of its own.

The folder holds what the pages speak of: a ``photo.jpg``, and the ``leadline_out/photo.depth.png`` that the command line makes
of it; ``pixels`` is that photo and ``depth`` a metric map of it, for pages that start with one in hand. A block is left out
where the line before its fence says why: ``<!-- not run: needs a network -->``.
"""

import re
import textwrap
from pathlib import Path

import cv2
import pytest

from leadline import DepthMap, LeadlineError, load_predictor, write_depth
from leadline.data.synthetic.analytic import make_sample

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^(?P<indent>[ \t]*)```[ ]?python\b[^\n]*\n(?P<code>.*?)^(?P=indent)```[ \t]*$", re.MULTILINE | re.DOTALL)
NOT_RUN = re.compile(r"<!-- not run: \S.* -->\s*\Z")
SHIPPED = "leadline-s"


def blocks(text: str) -> list[tuple[int, str]]:
    """Return (line of the first statement, code) of every block that runs."""
    found = []
    for match in FENCE.finditer(text):
        if not NOT_RUN.search(text[: match.start()]):
            found.append((text.count("\n", 0, match.start("code")) + 1, textwrap.dedent(match["code"])))
    return found


PAGES = sorted(p for p in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")] if p.is_file() and blocks(p.read_text("utf-8")))


def furnish(folder: Path) -> dict[str, object]:
    sample = make_sample(0)
    cv2.imwrite(str(folder / "photo.jpg"), sample.image[..., ::-1])
    assert sample.depth is not None
    relative = DepthMap(sample.depth.to_disparity().values, kind="disparity/affine_invariant", source=SHIPPED)
    (folder / "leadline_out").mkdir()
    write_depth(folder / "leadline_out" / "photo.depth.png", relative)
    return {"__name__": "docs", "pixels": sample.image, "depth": sample.depth}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_examples_of_a_page_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    examples = blocks(page.read_text(encoding="utf-8"))
    if any(SHIPPED in code and "load_predictor" in code for _, code in examples):
        try:
            load_predictor(SHIPPED)
        except LeadlineError as error:
            pytest.skip(f"the page uses the shipped network: {error}")
    namespace = furnish(tmp_path)
    monkeypatch.chdir(tmp_path)
    for line, code in examples:
        exec(compile("\n" * (line - 1) + code, str(page), "exec"), namespace)


def test_the_runner_finds_what_runs_and_leaves_out_what_is_marked() -> None:
    page = (
        "a\n```python\nx = 1\n```\n"
        "<!-- not run: slow -->\n```python\nboom\n```\n"
        "```bash\nls\n```\n"
        "    ```python\n    y = 2\n    ```\n"
    )  # fmt: skip
    assert blocks(page) == [(3, "x = 1\n"), (13, "y = 2\n")]


def test_an_example_that_fails_points_at_its_line() -> None:
    (line, code), *_ = blocks("text\n\n```python\nx = 1\nassert x == 2\n```\n")
    with pytest.raises(AssertionError) as caught:
        exec(compile("\n" * (line - 1) + code, "page.md", "exec"), {})
    assert caught.traceback[-1].lineno + 1 == 5
