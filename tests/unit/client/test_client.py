"""The client and a whole leadline server, talking over loopback."""

import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from tests.unit.evaluation.known_answers import sample_of
from tests.unit.server.job_server import HW, picture, png, serving, video, zipped

from leadline.camera import Camera
from leadline.client import DepthClient
from leadline.depth_map import RELATIVE_DISPARITY, DepthMap
from leadline.errors import LeadlineError
from leadline.evaluation.protocols.general import disparity_scale_shift
from leadline.evaluation.runner import evaluate
from leadline.io.depth import decode_depth
from leadline.predictor import ModelCard, Prediction
from leadline.runtime.predictor import load_card, load_predictor
from leadline.server.app import make_app
from leadline.server.settings import Settings

TOKEN = "a secret word"


class Exact:
    """A number for each pixel that float32 holds exactly and a coarser format would not; some pixels have none."""

    streams = 2

    def __init__(self, name="exact.v1", factor=1.0):
        self.card = ModelCard(name, RELATIVE_DISPARITY, "MIT", notes="made for a test")
        self.factor = factor
        self.let_go = threading.Event()
        self.let_go.set()

    def __call__(self, image, camera=None):
        assert self.let_go.wait(20)
        rng = np.random.default_rng(int(image.astype(np.int64).sum()))
        values = (image.mean(axis=2) + rng.random(image.shape[:2])).astype(np.float32) * np.float32(self.factor)
        return Prediction(
            DepthMap(values, rng.random(values.shape) < 0.9, self.card.kind, camera, self.card.name), notes=("ünïcode",)
        )


@pytest.fixture(scope="module")
def predictors():
    return {"exact.v1": Exact(), "other.v1": Exact("other.v1", 3.0)}


@pytest.fixture(scope="module")
def url(predictors, tmp_path_factory):
    settings = Settings(token=TOKEN, job_dir=tmp_path_factory.mktemp("jobs"), max_pixels=1_000_000)
    with serving(make_app(settings, predictors)) as url:
        yield url


@pytest.fixture
def client(url):
    with DepthClient(url, TOKEN) as client:
        yield client


def noise(seed=0, hw=HW):
    return np.random.default_rng(seed).integers(0, 256, (*hw, 3), dtype=np.uint8)


def same(answer, expected):
    np.testing.assert_array_equal(answer.depth.values, expected.depth.values)
    np.testing.assert_array_equal(answer.depth.valid, expected.depth.valid)
    assert answer.depth.kind == expected.depth.kind
    assert answer.depth.camera == expected.depth.camera
    assert answer.depth.source == expected.depth.source


def test_the_answer_is_that_of_the_servers_network_to_the_last_bit(client, predictors):
    answer = client(noise())
    same(answer, predictors["exact.v1"](noise()))
    assert not answer.depth.valid.all()
    assert answer.notes == ("ünïcode",)


CENTRED = Camera.from_focal_px(40.5, HW)
CROPPED = Camera(48, 32, 40.0, 40.0, 20.0, 17.0)
SQUEEZED = Camera(48, 32, 40.0, 44.0, 24.0, 16.0)
SHORT = Camera(48, 32, 5.0, 5.0, 24.0, 16.0)


@pytest.mark.parametrize("camera", [CENTRED, CROPPED, SQUEEZED, SHORT])
def test_the_camera_comes_back_as_it_was_given(client, camera):
    assert client(noise(), camera).depth.camera == camera


def test_the_card_says_what_the_server_says(client):
    assert (client.card.name, client.card.kind, client.card.licence) == ("exact.v1", RELATIVE_DISPARITY, "MIT")
    assert client.card.notes == "made for a test"


def test_the_models_are_listed(client):
    models = {model.name: model for model in client.models()}
    assert models["exact.v1"].default
    assert not models["other.v1"].default
    assert models["sgm"].task == "stereo"


def test_another_model_is_taken_by_its_name(url, predictors):
    with DepthClient(url, TOKEN, "other.v1") as client:
        assert client.card.name == "other.v1"
        same(client(noise()), predictors["other.v1"](noise()))


def test_an_unknown_model_names_those_that_are_there(url):
    with DepthClient(url, TOKEN, "third.v1") as client:
        with pytest.raises(LeadlineError, match=r"no model 'third.v1': expected one of exact.v1, other.v1"):
            client.card  # noqa: B018
        with pytest.raises(LeadlineError, match="no model"):
            client(noise())


def test_answers_to_many_threads_are_not_mixed_up(client, predictors):
    pictures = [noise(seed) for seed in range(24)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(client, pictures))
    for answer, image in zip(answers, pictures, strict=True):
        same(answer, predictors["exact.v1"](image))


def test_a_file_is_sent_as_it_is(client, predictors, tmp_path):
    path = tmp_path / "photo.jpg"
    cv2.imwrite(str(path), noise()[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])
    from leadline.io.image import read_image

    same(client.predict_file(path), predictors["exact.v1"](read_image(path).pixels))


def test_a_file_that_servers_do_not_decode_is_decoded_here(client, predictors, tmp_path):
    path = tmp_path / "picture.ppm"
    cv2.imwrite(str(path), noise()[..., ::-1])
    same(client.predict_file(path), predictors["exact.v1"](noise()))


def test_options_of_a_file_reach_the_server(client, tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(png())
    answer = client.predict_file(path, focal_px=40.0, longest=24)
    assert answer.depth.hw == (16, 24)
    assert answer.depth.camera == Camera.from_focal_px(20.0, (16, 24))
    with pytest.raises(LeadlineError, match="unknown option 'colour'"):
        client.predict_file(path, colour=1)


def test_a_pair_gives_pixels_and_with_a_rig_metres(client):
    rng = np.random.default_rng(0)
    wide = cv2.GaussianBlur(rng.integers(0, 256, (96, 160, 3), dtype=np.uint8), (0, 0), 1.0)
    left, right = np.ascontiguousarray(wide[:, :128]), np.ascontiguousarray(wide[:, 8:136])
    pixels = client.stereo(left, right)
    assert str(pixels.depth.kind) == "pixel_disparity/metric"
    assert np.median(pixels.depth.values[pixels.depth.valid]) == pytest.approx(8, abs=0.3)
    camera = Camera.from_focal_px(100.0, (96, 128))
    metres = client.stereo(left, right, camera, 0.2)
    assert str(metres.depth.kind) == "depth/metric"
    assert np.median(metres.depth.values[metres.depth.valid]) == pytest.approx(100 * 0.2 / 8, rel=0.05)
    with pytest.raises(LeadlineError, match="camera"):
        client.stereo(left, right, None, 0.2)


def test_scores_against_a_server_are_exactly_those_of_the_local_predictor(url, predictors, monkeypatch):
    monkeypatch.setenv("LEADLINE_TOKEN", TOKEN)
    samples = [sample_of(seed) for seed in range(6)]
    # known_answers paints flat pictures: their own noise makes every prediction another
    protocol = disparity_scale_shift(10.0)
    remote = evaluate(load_predictor(url), samples, protocol, "rooms")
    local = evaluate(predictors["exact.v1"], samples, protocol, "rooms")
    assert remote.rows == local.rows
    assert len(local.scored) == 6
    assert remote.model == local.model
    assert evaluate(load_predictor(f"{url}#other.v1"), samples, protocol).model.name == "other.v1"


def test_an_address_is_a_models_name_everywhere(url, monkeypatch):
    from leadline.cli.load import load

    monkeypatch.setenv("LEADLINE_TOKEN", TOKEN)
    assert isinstance(load(url), DepthClient)
    assert load_card(f"{url}#other.v1").name == "other.v1"
    with pytest.raises(LeadlineError, match="leave it out"):
        load_predictor(url, kind="depth/metric")


def test_a_wrong_token_says_what_to_do(url):
    for token in (None, "wrong"):
        with DepthClient(url, token) as client, pytest.raises(LeadlineError, match="Authorization: Bearer TOKEN"):
            client.card  # noqa: B018


def test_a_zip_goes_through_as_a_job(client, tmp_path):
    sent = tmp_path / "pictures.zip"
    sent.write_bytes(zipped({"a.png": png(80), "b.png": b"damaged"}))
    job = client.submit(sent, "npz")
    heard = []
    record = job.wait(heard.append)
    assert (record.state, record.done, record.failed) == ("done", 1, 1)
    assert heard[-1] == record == job.record
    with zipfile.ZipFile(job.save(tmp_path / "out" / "maps.zip")) as archive:
        assert sorted(archive.namelist()) == ["a.npz", "report.json"]
        same_numbers = decode_depth(archive.read("a.npz"), "npz").values
    np.testing.assert_array_equal(same_numbers, client(picture(80)[..., ::-1]).depth.values)
    assert client.job(job.id).record.state == "done"


def test_a_video_goes_through_as_a_job(client, tmp_path):
    sent = tmp_path / "film.mp4"
    sent.write_bytes(video(tmp_path, 4))
    job = client.submit(sent, colormap="grey", side_by_side=True)
    assert job.wait().done == 4
    from leadline.io.video import VideoReader

    assert VideoReader(job.save(tmp_path / "depth.mp4")).hw == (HW[0], 2 * HW[1])


def test_a_job_can_be_cancelled_from_within_its_progress(client, predictors, tmp_path):
    predictors["exact.v1"].let_go.clear()
    sent = tmp_path / "pictures.zip"
    sent.write_bytes(zipped({f"{i}.png": png() for i in range(5)}))
    job = client.submit(sent)

    def stop(record):
        if record.state == "running":
            job.cancel()
            predictors["exact.v1"].let_go.set()

    with pytest.raises(LeadlineError, match="the job ended cancelled"):
        job.wait(stop)
    with pytest.raises(LeadlineError, match="the job is cancelled"):
        job.save(tmp_path / "never.zip")
    assert not (tmp_path / "never.zip").exists()
    assert job.cancel().state == "cancelled"
    with pytest.raises(LeadlineError, match="no job"):
        job.record  # noqa: B018


def test_a_job_that_fails_says_why(client, tmp_path):
    sent = tmp_path / "pictures.zip"
    sent.write_bytes(zipped({"a.txt": b""}))
    with pytest.raises(LeadlineError, match="the zip has no pictures"):
        client.submit(sent).wait()


def test_what_is_no_picture_is_refused_here(client):
    with pytest.raises(LeadlineError, match="expected \\(height, width, 3\\) of uint8"):
        client(np.zeros((4, 4), np.uint8))


@pytest.mark.parametrize("name", ["missing.jpg", "missing.zip"])
def test_a_missing_file_is_named(client, tmp_path, name):
    with pytest.raises(LeadlineError, match=name):
        client.submit(tmp_path / name) if name.endswith("zip") else client.predict_file(tmp_path / name)
