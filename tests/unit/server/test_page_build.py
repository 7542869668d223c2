"""The committed page is what web/ builds; told from the digests that the build writes down, so no Node is needed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from leadline.server.page import page_folder

WEB = Path(__file__).parents[3] / "web"
PAGE = page_folder()
REMEDY = "run npm ci && npm run build in web/ and commit src/leadline/server/page"


def digests(paths, folder):
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


@pytest.fixture(scope="module")
def record():
    return json.loads((PAGE / "build.json").read_text("utf-8"))


def test_the_page_was_built_from_the_sources_as_they_are(record) -> None:
    if not WEB.is_dir():
        pytest.skip("no web/ in this copy: the page's sources are in the repository alone")
    tops = {name.split("/")[0] for name in record["sources"]}
    files = [
        path for top in tops for path in ([WEB / top] if (WEB / top).is_file() else (WEB / top).rglob("*")) if path.is_file()
    ]

    assert {"src", "public", "index.html", "package-lock.json"} <= tops
    assert digests(files, WEB) == record["sources"], REMEDY


def test_no_file_of_the_built_page_was_changed_by_hand(record) -> None:
    files = [path for path in PAGE.rglob("*") if path.is_file() and path.name != "build.json"]

    assert digests(files, PAGE) == record["built"], REMEDY


def test_index_loads_only_files_that_are_there(record) -> None:
    text = (PAGE / "index.html").read_text("utf-8")
    loaded = [part.split('"')[0].lstrip("./") for key in ("src=", "href=") for part in text.split(f'{key}"')[1:]]

    assert any(name.endswith(".js") for name in loaded)
    assert [name for name in loaded if name not in record["built"]] == []
