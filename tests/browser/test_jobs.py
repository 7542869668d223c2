"""Videos on the page: sent, watched, cancelled, played."""

from __future__ import annotations

import zipfile

import pytest

from leadline.io.depth import read_depth
from tests.browser.visit import expect
from tests.unit.server.job_server import Brightness, png, video, zipped


@pytest.fixture(scope="module")
def held(browser, serve):
    """A server whose predictor waits at each picture until its `go` is set."""
    predictor = Brightness(held=True)
    yield serve({predictor.card.name: predictor}), predictor
    predictor.go.set()


@pytest.fixture(scope="module")
def quick(browser, serve):
    predictor = Brightness()
    return serve({predictor.card.name: predictor})


def film(tmp_path, frames):
    return {"name": "walk.mp4", "mimeType": "video/mp4", "buffer": video(tmp_path, frames)}


def test_a_video_is_cancelled_while_it_runs(visit, held, tmp_path):
    url, predictor = held
    tab = visit(url)
    tab.get("mode-video").click()
    tab.get("job-file").set_input_files(film(tmp_path, 60))
    assert predictor.entered.acquire(timeout=30)  # the first frame is at the network, and stays there
    expect(tab.get("job-words")).to_contain_text("0 of 60 frames")

    tab.get("job-cancel").click()

    expect(tab.get("job-words")).to_have_text("Cancelled.")
    id = tab.get("job").get_attribute("data-job")
    predictor.go.set()
    assert tab.context.request.get(f"{url}/v1/jobs/{id}").status in (200, 404)
    assert predictor.calls < 10
    tab.get("job-remove").click()
    expect(tab.get("job")).to_have_count(0)


def test_a_video_ends_as_a_video_that_plays(visit, quick, tmp_path):
    tab = visit(quick)
    tab.get("mode-video").click()
    tab.get("job-side").check()
    tab.get("job-file").set_input_files(film(tmp_path, 12))

    expect(tab.get("job-words")).to_contain_text("Done: 12 of 12 frames")

    played = tab.get("job-video")
    expect(played).to_have_js_property("videoWidth", 2 * 48)
    expect(played).to_have_js_property("videoHeight", 32)
    played.evaluate("video => { video.muted = true; return video.play(); }")
    expect(played).not_to_have_js_property("currentTime", 0)
    with tab.page.expect_download() as downloading:
        tab.get("job-download").click()
    assert downloading.value.suggested_filename == "walk_depth.mp4"


def test_a_zip_of_pictures_comes_back_as_a_zip_of_maps(visit, quick, tmp_path):
    tab = visit(quick)
    tab.get("mode-video").click()
    tab.get("job-output").select_option("npz")
    pictures = zipped({"a.png": png(100), "b/c.png": png(160), "broken.png": b"no picture"})
    tab.get("job-file").set_input_files({"name": "photos.zip", "mimeType": "application/zip", "buffer": pictures})

    expect(tab.get("job-words")).to_contain_text("Done: 2 of 3 pictures")
    with tab.page.expect_download() as downloading:
        tab.get("job-download").click()
    downloading.value.save_as(tmp_path / "maps.zip")

    with zipfile.ZipFile(tmp_path / "maps.zip") as archive:
        maps = [archive.extract(name, tmp_path) for name in archive.namelist() if name.endswith(".npz")]
    assert len(maps) == 2
    assert {read_depth(path).hw for path in maps} == {(32, 48)}
