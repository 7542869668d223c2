"""The table of protocols in the documentation is that of the registry."""

import re
from pathlib import Path

import pytest

from leadline.errors import LeadlineError
from leadline.evaluation.protocol_table import BEGIN, END, main, table, with_table
from leadline.evaluation.protocols.registry import all_protocols

PAGE = Path(__file__).parents[3] / "docs/how-to/evaluate.md"


def test_the_page_holds_the_table_of_today():
    text = PAGE.read_text("utf-8")
    assert text == with_table(text), f"python -m leadline.evaluation.protocol_table {PAGE}"


def test_every_protocol_is_listed_once():
    listed = re.findall(r"^\| `([^`]+)`", table(), re.MULTILINE)
    assert listed == [protocol.name for protocol in all_protocols()]


def test_a_row_says_what_is_fitted_compared_and_counted():
    rows = {line.split("`")[1]: line for line in table().splitlines() if line.startswith("| `")}
    assert rows["midas-nyu"].startswith("| `midas-nyu` | scale and shift in disparity | depth | to 10 m | `nyu_labelled`")
    assert "| – | metres, crop garg | to 80 m |" in rows["kitti-eigen-raw-garg"]
    assert "| – | who is closer | – | `da2k` |" in rows["da-2k"]
    assert "| stereo disparity, px, by class | – |" in rows["kitti-stereo-2015"]
    assert "| edges of depth | all |" in rows["depth-pro-boundary"]
    assert "| 0.6 m to 350 m |" in rows["marigold-diode"]
    assert rows["metric-10m"].endswith("| any |")


def test_a_page_without_markers_is_refused(tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text("nothing")
    with pytest.raises(LeadlineError, match="without the lines"):
        with_table("nothing")
    assert main([str(page)]) == 1
    assert "put them where the table belongs" in capsys.readouterr().err
    page.write_text(f"a\n{BEGIN}old\n{END}b\n")
    assert main([str(page)]) == 0
    assert page.read_text() == f"a\n{BEGIN}\n{table()}\n{END}b\n"
