import json
from dataclasses import replace
from math import isnan, nan

import pytest
from tests.unit.evaluation.known_answers import Answers, depth_of, sample_of

from leadline.errors import LeadlineError
from leadline.evaluation.protocols.general import disparity_scale_shift
from leadline.evaluation.result import DatasetRecord, ModelRecord, Result, Row, read_result
from leadline.evaluation.runner import evaluate

TEN = disparity_scale_shift(10.0)


def result_of(*rows, averaging="per_image"):
    protocol = {**TEN.record(), "averaging": averaging}
    return Result(ModelRecord("m.v1", "disparity/affine_invariant"), DatasetRecord("rooms", images=len(rows)), protocol, rows)


@pytest.fixture
def scored():
    return evaluate(
        Answers(lambda seed: 1 / depth_of(seed)), [sample_of(seed) for seed in range(3)], TEN, "rooms", root="/data"
    )


def test_the_file_has_the_format_that_other_tools_read(scored, tmp_path):
    path = tmp_path / "r.json"
    scored.write(path)
    content = json.loads(path.read_text())
    assert content["format"] == "leadline-evaluation/1"
    assert content["model"] == {
        "name": "test.v1",
        "kind": "disparity/affine_invariant",
        "sha256": "ab" * 32,
        "licence": "unknown",
    }
    assert content["dataset"] == {"name": "rooms", "root": "/data", "version": scored.dataset.version, "images": 3}
    assert len(scored.dataset.version) == 8
    assert content["protocol"] == TEN.record()
    assert content["counts"] == {"scored": 3, "failed": 0, "skipped": 0, "upside_down": 0, "degenerate": 0}
    assert content["metrics"]["all"]["abs_rel"] == scored.mean("abs_rel")
    assert set(content["machine"]) == {"cpu", "cores", "platform"}
    image = content["images"][0]
    assert set(image) == {"name", "metrics", "pixels", "scale", "shift", "note", "failure", "skipped"}
    assert image["pixels"] == {"all": 768}


def test_what_is_written_is_read_back_whole(scored, tmp_path):
    scored.write(tmp_path / "r.json")
    again = read_result(tmp_path / "r.json")
    assert again == scored
    assert again.metrics == scored.metrics


def test_the_version_of_a_data_set_follows_names_and_their_order():
    perfect = Answers(lambda seed: 1 / depth_of(seed))
    a, b = sample_of(0), sample_of(1)
    versions = {evaluate(perfect, samples, TEN).dataset.version for samples in ([a, b], [b, a], [a], [a, b])}
    assert len(versions) == 3


def test_a_class_without_pixels_in_an_image_stays_out_of_its_mean_and_becomes_null():
    row = Row("a", {"all": {"abs_rel": 0.5}, "tom": {"abs_rel": nan}}, {"all": 9, "tom": 0})
    result = result_of(row, Row("b", {"all": {"abs_rel": 0.1}, "tom": {"abs_rel": 0.3}}, {"all": 9, "tom": 4}))
    assert result.mean("abs_rel", "tom") == 0.3
    assert result.values("abs_rel", "tom") == (0.3,)
    assert result.mean("abs_rel") == pytest.approx(0.3)
    assert json.loads(result.to_json())["images"][0]["metrics"]["tom"]["abs_rel"] is None
    assert isnan(Result.from_json(result.to_json()).rows[0].metrics["tom"]["abs_rel"])


def test_failures_enter_the_mean_and_skipped_images_do_not():
    result = result_of(
        Row("a", {"all": {"delta1": 1.0}}, {"all": 5}),
        Row("b", {"all": {"delta1": 0.0}}, {"all": 5}, failure="missing"),
        Row("c", skipped="no truth"),
    )
    assert result.mean("delta1") == 0.5
    assert result.counts == {"scored": 2, "failed": 1, "skipped": 1, "upside_down": 0, "degenerate": 0}


def test_fits_that_are_upside_down_and_degenerate_are_told_apart():
    rows = (Row("a", scale=-1.0, note="negative scale"), Row("b", scale=0.0, note="constant prediction"), Row("c", scale=1.0))
    counts = result_of(*rows).counts
    assert (counts["upside_down"], counts["degenerate"]) == (1, 1)


def test_an_unknown_metric_is_a_key_error(scored):
    with pytest.raises(KeyError):
        scored.mean("abs_rle")
    with pytest.raises(KeyError):
        scored.mean("abs_rel", "glass")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "no result"),
        ("[]", "no result"),
        ('{"format": "x"}', "format 'x'"),
        ('{"format": "leadline-evaluation/1"}', "model"),
    ],
)
def test_a_file_that_is_no_result_is_one_line(tmp_path, text, message):
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(LeadlineError, match=message) as caught:
        read_result(tmp_path / "r.json")
    assert "\n" not in str(caught.value)
    with pytest.raises(LeadlineError, match="can't read the result"):
        read_result(tmp_path / "missing.json")


def test_sums_are_kept_where_the_protocol_pools(scored):
    pooled = evaluate(Answers(lambda seed: 1 / depth_of(seed)), [sample_of(0)], replace(TEN, averaging="pooled"))
    assert pooled.rows[0].sums["all"]["abs_rel"][0] == 768
    assert Result.from_json(pooled.to_json()) == pooled
    assert not scored.rows[0].sums
