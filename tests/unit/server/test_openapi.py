from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.unit.server.predictors import client, png, ramp, served

from leadline.server.encode import TYPES
from leadline.server.openapi import depth_replies
from leadline.server.options import DepthOptions
from leadline.server.settings import Settings


@pytest.fixture(scope="module")
def document():
    return client().get("/openapi.json").json()


def test_every_address_has_a_name_and_a_sentence(document):
    operations = [about for methods in document["paths"].values() for about in methods.values()]
    names = [about["operationId"] for about in operations]
    assert len(set(names)) == len(names)
    assert all(about["summary"] for about in operations)


def test_binary_replies_and_their_headers_are_declared(document):
    reply = document["paths"]["/v1/depth"]["post"]["responses"]["200"]
    assert {"application/octet-stream", "image/png", "image/tiff", "image/x-exr", "model/gltf-binary"} == set(reply["content"])
    assert {"Leadline-Kind", "Leadline-Unit", "Leadline-Scale", "Leadline-Fit"} <= set(reply["headers"])


def test_all_refusals_are_declared(document):
    for path in ("/v1/depth", "/v1/stereo", "/v1/mask"):
        declared = set(document["paths"][path]["post"]["responses"])
        assert {"400", "401", "403", "404", "411", "413", "415", "422", "429", "503", "504"} <= declared


def test_all_options_are_listed_with_their_limits(document):
    listed = {parameter["name"]: parameter["schema"] for parameter in document["paths"]["/v1/depth"]["post"]["parameters"]}
    assert set(listed) == set(DepthOptions.model_fields)
    assert listed["output"]["enum"][0] == "float32"
    assert (listed["tom_colours"]["minimum"], listed["tom_colours"]["maximum"]) == (1, 20)


def test_replies_carry_only_declared_headers(document):
    reply = client().post("/v1/depth?output=preview", content=png(ramp()), headers={"Content-Type": "image/png"})
    declared = {name.lower() for name in document["paths"]["/v1/depth"]["post"]["responses"]["200"]["headers"]}
    assert {name for name in reply.headers if name.startswith("leadline-")} <= declared


def test_the_list_of_addresses_needs_no_script():
    page = client().get("/docs").text
    assert "/v1/depth" in page
    assert "tom_colours" in page
    assert "<script" not in page
    assert not re.search(r"https?://", page)


def test_models_and_limits_are_told():
    at = client()
    models = at.get("/v1/models").json()["models"]
    assert [(row["name"], row["task"], row["default"]) for row in models] == [
        ("brightness.v1", "depth", True), ("sgm", "stereo", True), ("red.v1", "mask", True)
    ]  # fmt: skip
    about = at.get("/v1/about").json()
    assert about["model"] == "brightness.v1"
    assert about["tom_auto"] is about["stereo"] is True
    assert about["limits"] == {"bytes": 64_000_000, "pixels": 64_000_000, "seconds": 60, "queue": 64}


def test_what_is_not_there_is_said_in_json():
    at = client()
    for reply, status in ((at.get("/v1/nothing"), 404), (at.get("/../../etc/passwd"), 404), (at.get("/v1/depth"), 405)):
        assert reply.status_code == status
        assert set(reply.json()) == {"error", "code"}


def test_the_numbers_for_prometheus_count_requests_by_address_and_status():
    at = client()
    at.post("/v1/depth", content=png(ramp()), headers={"Content-Type": "image/png"})
    at.post("/v1/depth", content=b"", headers={"Content-Type": "image/gif"})
    text = at.get("/metrics").text
    assert 'leadline_requests_total{route="/v1/depth",status="200"} 1' in text
    assert 'leadline_requests_total{route="/v1/depth",status="415"} 1' in text
    assert 'leadline_stage_seconds_count{stage="predict"} 1' in text
    assert re.search(r"^leadline_queue_length 0$", text, re.MULTILINE)
    buckets = [int(n) for n in re.findall(r'leadline_request_seconds_bucket\{route="/v1/depth",le="[^"]+"\} (\d+)', text)]
    assert buckets == sorted(buckets)
    assert buckets[-1] == 2


def test_the_guide_names_every_option_header_format_and_status():
    guide = (Path(__file__).parents[3] / "docs" / "how-to" / "serve.md").read_text("utf-8")
    replies = depth_replies()
    headers = set(replies[200]["headers"]) - {"Leadline-Colours"}  # told in words
    for name in (*DepthOptions.model_fields, *headers, *TYPES, *map(str, set(replies) - {200})):
        assert name in guide, name


@pytest.mark.slow
def test_nothing_that_the_document_allows_breaks_the_server(tmp_path):
    schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed: pip install schemathesis")
    from hypothesis import HealthCheck, Phase, given, settings

    app = served(settings=Settings(job_dir=tmp_path))
    seen: dict[str, set[int]] = {}

    def judged(case):
        reply = case.call(headers={"Host": "localhost"})
        seen.setdefault(case.operation.label, set()).add(reply.status_code)
        declared = case.operation.definition.raw["responses"]
        assert str(reply.status_code) in declared, (reply.status_code, reply.text)
        assert reply.status_code != 500

    schema = schemathesis.openapi.from_asgi("/openapi.json", app, headers={"Host": "localhost"})
    budget = settings(
        max_examples=60, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
    )  # fmt: skip
    for result in schema.get_all_operations():
        budget(given(result.ok().as_strategy())(judged))()
    assert 200 in seen["GET /v1/about"]
    assert {400, 415, 422} & seen["POST /v1/depth"]
    assert app.state.metrics.in_flight == 0
