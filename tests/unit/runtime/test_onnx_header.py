import pytest

from leadline.errors import LeadlineError
from leadline.runtime.onnx_header import read_metadata


def test_metadata_is_read_back(mean_onnx):
    path = mean_onnx(metadata={"leadline_card": '{"name": "ä"}', "author": "us"})
    assert read_metadata(path) == {"leadline_card": '{"name": "ä"}', "author": "us"}


def test_a_file_without_metadata_has_none(mean_onnx):
    assert read_metadata(mean_onnx()) == {}


@pytest.mark.parametrize("content", [b"", b"hello, this is a text", b"\x00" * 64, b"\xff" * 64, b"\x08\x09"])
def test_what_is_not_onnx_is_refused_by_name(tmp_path, content):
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    with pytest.raises(LeadlineError, match=r"broken\.onnx.* is not an ONNX model"):
        read_metadata(path)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_cut_file_is_refused(mean_onnx, share):
    path = mean_onnx()
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(LeadlineError, match="cut short"):
        read_metadata(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(LeadlineError, match=r"nothing\.onnx.*No such file"):
        read_metadata(tmp_path / "nothing.onnx")
