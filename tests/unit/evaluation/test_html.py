"""The report: whole, safe, self-contained, and its pictures show what they say."""

import base64
import math
import re
import shutil
import subprocess
import time
from dataclasses import replace
from html.parser import HTMLParser
from io import BytesIO

import cv2
import numpy as np
import pytest
from PIL import Image
from tests.unit.evaluation.known_answers import Answers, depth_of, sample_of

from leadline.data.datasets.ordinal_sample import OrdinalSample
from leadline.data.datasets.registry import get_dataset
from leadline.depth_map import DepthMap
from leadline.errors import LeadlineError
from leadline.evaluation.figures import colour_bar, histogram, histogram_svg, map_uri, photo_uri, signed_colours
from leadline.evaluation.html import main_metrics, page, ranked, write_report
from leadline.evaluation.pictures import compared, panels_of, ssim_map
from leadline.evaluation.protocol import Protocol
from leadline.evaluation.result import DatasetRecord, ModelRecord, Result, Row
from leadline.evaluation.runner import evaluate_dataset
from leadline.evaluation.spread import outliers, spread_of

PROTOCOL = Protocol("test", 10.0)
HW = (48, 64)
VOID = {"meta", "img", "br", "line", "rect"}


class Reader(HTMLParser):
    """Collects tags with their attributes and text; fails on tags that are closed out of order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.text = [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open and "script" not in self.open:
            self.text.append(data)

    @property
    def said(self):
        return " ".join(" ".join(self.text).split())

    def attributes(self, tag, name):
        return [attrs[name] for t, attrs in self.tags if t == tag and name in attrs]


def rows_of(values, metric="abs_rel"):
    return tuple(Row(f"i{i}", {"all": {metric: v}}, {"all": 100}, 2.0, 0.5) for i, v in enumerate(values))


def result_of(rows, protocol=PROTOCOL):
    model = ModelRecord("net.v1", "disparity/affine_invariant", "ab" * 32, "Apache-2.0")
    return Result(model, DatasetRecord("tum", "nowhere", "1234abcd", len(rows)), protocol.record(), tuple(rows))


def of_test_model(result):
    return replace(result, model=replace(result.model, name="test.v1"))


def decoded(uri):
    kind, data = re.fullmatch(r"data:image/(png|jpeg);base64,(.*)", uri).groups()
    return kind, np.array(Image.open(BytesIO(base64.b64decode(data))).convert("RGB"))


@pytest.fixture
def tum(tmp_path):
    """Six TUM-like pictures, which carry the seed of their truth."""
    root = tmp_path / "tum"
    root.mkdir()
    for seed in range(6):
        picture = np.full((*HW, 3), 128, np.uint8)
        picture[0, 0] = seed
        cv2.imwrite(str(root / f"{seed}_color.png"), picture)
        cv2.imwrite(str(root / f"{seed}_depth.png"), np.rint(depth_of(seed, HW) * 5000).astype(np.uint16))
    return root


def worse_with_seed():
    """The larger the seed, the rougher the disparity."""
    return Answers(lambda seed: 1 / depth_of(seed, HW) + 0.05 * seed * np.random.default_rng(seed).random(HW))


# The page


def test_the_page_holds_the_protocol_the_counts_every_image_and_every_reason():
    rows = [
        *rows_of([0.11, 0.12, 0.13, 0.12, 0.11, 0.9, 0.12, 0.12]),
        Row("f0", {"all": {"abs_rel": 1.0}}, {"all": 50}, failure="no file f0"),
        Row("s0", skipped="3 valid pixels, fewer than 100"),
    ]
    read = Reader(page(result_of(rows)))
    for text in (
        "net.v1 on tum", PROTOCOL.fingerprint, "min_valid_pixels 100", "1234abcd", "ab" * 32, "no file f0", "3 valid pixels",
        "None: the report was written without a predictor", "9 images scored", "1 of them failed", "1 skipped",
    ):  # fmt: skip
        assert text in read.said, text
    for field in PROTOCOL.to_dict():
        assert field in read.said
    sorts = [attrs.get("data-v") for tag, attrs in read.tags if tag == "td" and "data-v" in attrs]
    assert "0.13" in sorts
    assert read.said.count("i3") == 1
    assert "abs_rel: 2 outside" in read.said  # i5 and the failed one


def test_the_page_loads_nothing_from_anywhere(tum, tmp_path):
    oracle = worse_with_seed()
    result = evaluate_dataset(oracle, get_dataset("tum"), tum, PROTOCOL)
    text = write_report(result, tmp_path / "report", predictor=oracle, pictures=2).read_text()
    read = Reader(text)
    assert not {"link", "iframe", "object", "base"} & {tag for tag, _ in read.tags}
    assert all(source.startswith("data:image/") for tag, _ in read.tags for source in read.attributes(tag, "src"))
    assert not re.search(r"https?:|url\(|@import", text)
    assert "default-src 'none'" in text
    assert read.attributes("meta", "content")[-1].startswith("width=device-width")
    assert "prefers-color-scheme: dark" in text


def test_names_and_reasons_are_text_and_never_markup():
    evil = "<script>alert(1)</script>"
    rows = [
        *rows_of([0.1] * 8),
        Row(evil, {"all": {"abs_rel": 9.0}}, {"all": 9}, failure=evil, note=evil),
        Row("s", skipped=evil),
    ]
    result = replace(result_of(rows), model=ModelRecord(evil, evil, evil, evil), dataset=DatasetRecord(evil, evil, evil, 2))
    read = Reader(page(result))
    assert [tag for tag, _ in read.tags].count("script") == 1  # the page's own
    assert evil in read.said


def test_a_result_without_a_scored_image_has_a_page_too():
    assert "No image was scored" in Reader(page(result_of([Row("s0", skipped="no truth")]))).said


def test_classes_are_lines_of_the_table_and_say_how_many_images_have_them():
    rows = [
        Row(f"i{i}", {"all": {"abs_rel": 0.2}, "tom": {"abs_rel": 0.4 if i else math.nan}}, {"all": 9, "tom": 5 * (i > 0)})
        for i in range(4)
    ]
    said = Reader(page(result_of(rows))).said
    assert "all 0.2000 4 36" in said
    assert "tom 0.4000 3 15" in said


def test_a_page_of_697_images_is_made_in_seconds():
    rng = np.random.default_rng(0)
    names = ("abs_rel", "sq_rel", "rmse", "rmse_log", "log10", "silog", "delta1", "delta2", "delta3")
    classes = ("all", "near", "far")
    rows = [
        Row(f"drive/{i:010d}", {of: dict(zip(names, rng.random(9).tolist(), strict=True)) for of in classes}, {"all": 9})
        for i in range(697)
    ]
    start = time.process_time()
    text = page(result_of(rows))
    assert time.process_time() - start < 3
    assert text.count("drive/") >= 697


def test_the_worst_image_comes_first_whichever_way_the_metric_gets_better():
    for metric, worst in (("abs_rel", "i1"), ("delta1", "i0")):
        rows = [*rows_of([0.1, 0.9, 0.5, math.nan], metric), Row("f", {"all": {metric: 0.99}}, failure="broken")]
        assert ranked(result_of(rows))[0].name == worst
        assert len(ranked(result_of(rows))) == 3  # a failed image has no picture, and NaN no rank
    assert main_metrics(result_of(rows_of([1.0], "odd"))) == ["odd"]


def test_wrong_wishes_are_refused(tmp_path):
    with pytest.raises(LeadlineError, match="pictures -1"):
        write_report(result_of(rows_of([0.1])), tmp_path, pictures=-1)
    (tmp_path / "file").write_text("")
    with pytest.raises(LeadlineError, match="can't write"):
        write_report(result_of(rows_of([0.1])), tmp_path / "file")
    with pytest.raises(LeadlineError, match="'nowhere' is not a folder: expected the root of tum"):
        write_report(of_test_model(result_of(rows_of([0.1]))), tmp_path, predictor=worse_with_seed())
    with pytest.raises(LeadlineError, match=r"name 'test\.v1' for a result of 'net\.v1'"):
        write_report(result_of(rows_of([0.1])), tmp_path, predictor=worse_with_seed())
    other = replace(of_test_model(result_of(rows_of([0.1]))).model, sha256="cd" * 32)
    with pytest.raises(LeadlineError, match="sha256"):
        write_report(replace(result_of(rows_of([0.1])), model=other), tmp_path, predictor=worse_with_seed())


# Pictures


def test_the_worst_and_the_best_are_shown_with_all_five_pictures(tum, tmp_path):
    oracle = worse_with_seed()
    result = evaluate_dataset(oracle, get_dataset("tum"), tum, PROTOCOL)
    path = write_report(result, tmp_path / "report", "tum", tum, oracle, pictures=2)
    text = path.read_text()
    read = Reader(text)
    order = [re.sub(r"\W.*", "", name) for name in re.findall(r"<h3>(.*?)</h3>", text)]
    assert order == ["5", "4", "0", "1"]
    assert len(read.attributes("img", "src")) == 20
    for alt in ("photo", "prediction, as compared", "truth", "error of the depth", "SSIM of the fitted disparity"):
        assert sum(a.startswith(alt) for a in read.attributes("img", "alt")) == 4, alt


def test_few_images_are_shown_once_each(tum, tmp_path):
    oracle = worse_with_seed()
    result = evaluate_dataset(oracle, get_dataset("tum"), tum, PROTOCOL, limit=3)
    text = write_report(result, tmp_path, predictor=oracle, pictures=4).read_text()
    assert text.count("<h3>") == 3


def test_wide_pictures_get_more_room():
    from leadline.evaluation.html import _case
    from leadline.evaluation.pictures import Panel

    result = result_of(rows_of([0.1]))
    cases = [_case(result.rows[0], [Panel("photo", "data:,", hw=hw)], result) for hw in ((375, 1242), (480, 640))]
    assert ['class="panels wide"' in case for case in cases] == [True, False]
    assert 'width="1242" height="375"' in cases[0]


def test_a_report_of_failures_alone_says_why_there_is_no_picture(tum, tmp_path):
    class Raises:
        card = Answers({}).card

        def __call__(self, image, camera=None):
            raise LeadlineError("no idea")

    result = evaluate_dataset(Raises(), get_dataset("tum"), tum, PROTOCOL)
    said = Reader(write_report(result, tmp_path, predictor=Raises()).read_text()).said
    assert "Pictures None: no image has a prediction and a score." in said
    assert "Predicted again" not in said


def test_a_picture_that_fails_now_says_so_and_the_others_are_drawn(tum, tmp_path):
    oracle = worse_with_seed()
    result = evaluate_dataset(oracle, get_dataset("tum"), tum, PROTOCOL)

    def sometimes(seed):
        if seed == 5:
            raise RuntimeError("out of memory")
        return oracle.answer(seed)

    text = write_report(result, tmp_path, predictor=Answers(sometimes), pictures=1).read_text()
    assert "no prediction to draw: RuntimeError: out of memory" in text
    assert len(Reader(text).attributes("img", "src")) == 1 + 5


def test_a_perfect_affine_disparity_has_no_error_and_ssim_one():
    both = compared(sample_of(0), Answers(lambda seed: 3 * (1 / depth_of(seed)) - 0.1), PROTOCOL)
    assert np.abs(both.error).max() < 1e-5
    assert ssim_map(both)[2] == pytest.approx(1, abs=1e-6)
    panels = panels_of(sample_of(0), Answers(lambda seed: 1 / depth_of(seed)), PROTOCOL)
    error = decoded(next(p.uri for p in panels if p.title.startswith("error")))[1]
    assert (error == signed_colours()[127]).all()


def test_too_far_is_positive_and_red_and_the_caption_counts_what_lies_beyond():
    metric = replace(PROTOCOL, space="none", solver="none", clamp="range")
    too_far = Answers(lambda seed: 2.2 * depth_of(seed), "depth/metric")
    too_far.kind = DepthMap(np.ones((1, 1))).kind
    sample = sample_of(0, valid=np.arange(24 * 32).reshape(24, 32) % 32 < 16)
    both = compared(sample, too_far, replace(metric, cap_m=100.0))
    assert both.error[:, :16] == pytest.approx(1.2, abs=1e-3)
    assert (both.error[:, 16:] == 0).all()
    panel = panels_of(sample, too_far, replace(metric, cap_m=100.0))[3]
    picture = decoded(panel.uri)[1].astype(int)
    assert (picture[:, :16, 0] > picture[:, :16, 2] + 60).all()  # red where it is too far
    assert (picture[:, 16:] == 118).all()  # grey where there is no truth
    assert "100.0% of the pixels lie beyond" in panel.title


def test_a_protocol_that_compares_disparity_shows_the_error_of_disparity():
    protocol = replace(PROTOCOL, compared="disparity")
    both = compared(sample_of(0), Answers(lambda seed: 1 / depth_of(seed) + (np.arange(32) > 15)), protocol)
    pred, target = both.pred.values.astype(float), both.target.values.astype(float)
    assert both.error == pytest.approx((target - pred) / target)
    panel = panels_of(sample_of(0), Answers(lambda seed: 1 / depth_of(seed)), protocol)[3]
    assert panel.title.startswith("error of the disparity, (d* − d) / d*")


def test_the_ssim_of_the_picture_is_that_of_scikit_image():
    metrics = pytest.importorskip("skimage.metrics")
    rough = Answers(lambda seed: 1 / depth_of(seed) + 0.1 * np.random.default_rng(9).random((24, 32)))
    both = compared(sample_of(0), rough, PROTOCOL)
    p, t = both.pred.values.astype(float), both.target.values.astype(float)
    scale, shift = np.linalg.lstsq(np.stack([p.ravel(), np.ones(p.size)], 1), t.ravel(), rcond=None)[0]
    low, high = t.min(), t.max()
    p, t = np.clip(scale * p + shift, low, high) - low, t - low  # both from 0, as SSIM sees a shift
    assert ssim_map(both)[2] == pytest.approx(metrics.structural_similarity(p, t, data_range=high - low), abs=1e-6)


def test_sparse_truth_is_thickened_in_the_picture_and_has_no_ssim():
    valid = np.zeros((48, 64), bool)
    valid[::8, ::8] = True
    sample = sample_of(0, values=depth_of(0, HW), valid=valid)
    panels = panels_of(sample, Answers(lambda seed: 1 / depth_of(seed, HW)), replace(PROTOCOL, min_valid_pixels=10))
    truth = decoded(panels[2].uri)[1]
    shown = (truth != 118).any(axis=-1)
    assert valid.mean() < 0.03
    assert 0.3 < shown.mean() < 0.6
    assert panels[4].title == "no SSIM map: no window of 7 x 7 pixels has truth throughout"


def test_stereo_shows_pixels_and_the_order_of_points_nothing():
    stereo = Protocol("s", None, space="pixel_disparity", solver="none", clamp="positive", metrics=("epe",))
    kind = DepthMap(np.ones((1, 1)), kind="pixel_disparity/metric").kind
    both = compared(sample_of(0, "pixel_disparity/metric"), Answers(lambda seed: depth_of(seed) - 2, kind), stereo)
    assert both.unit == "px"
    assert both.error == pytest.approx(2, abs=1e-5)  # a smaller disparity is too far
    panels = panels_of(sample_of(0, "pixel_disparity/metric"), Answers(lambda seed: depth_of(seed) + 1, kind), stereo)
    assert panels[3].title.startswith("error of the disparity in pixels; 0.0%")
    assert "5 px too near" in panels[3].legend
    order = Protocol("o", None, space="order", solver="none", metrics=("whdr",))
    xy = np.array([[1.0, 1.0]])
    points = OrdinalSample(
        "p", np.zeros((24, 32, 3), np.uint8), xy_a=xy, xy_b=xy + 5, relation=np.array([1]), weight=np.ones(1)
    )
    (_, why) = panels_of(points, Answers(lambda seed: depth_of(seed)), order)
    assert "order of points" in why.title


def test_a_large_picture_is_shrunk_and_its_holes_stay_holes():
    hw = (300, 960)
    valid = np.ones(hw, bool)
    valid[:, :480] = False
    sample = sample_of(0, values=depth_of(0, hw), valid=valid)
    panels = panels_of(sample, Answers(lambda seed: 1 / depth_of(seed, hw)), PROTOCOL)
    assert all(decoded(p.uri)[1].shape == (150, 480, 3) for p in panels)
    truth = decoded(panels[2].uri)[1]
    assert (truth[:, :240] == 118).all()
    assert not (truth[:, 240:] == 118).all(axis=-1).any()


def test_a_sample_that_is_gone_is_named_and_the_report_is_written(tum, tmp_path):
    oracle = worse_with_seed()
    result = evaluate_dataset(oracle, get_dataset("tum"), tum, PROTOCOL)
    (tum / "5_color.png").unlink()
    text = write_report(result, tmp_path, predictor=oracle, pictures=1).read_text()
    assert "can&#x27;t be read again: no file" in text
    assert len(Reader(text).attributes("img", "src")) == 5


# Figures


def test_a_map_comes_back_from_its_uri_in_exactly_its_colours():
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    table = np.random.default_rng(0).integers(0, 256, (256, 3), dtype=np.uint8)
    kind, picture = decoded(map_uri(levels, table))
    assert kind == "png"
    assert (picture == table[levels]).all()
    assert decoded(photo_uri(np.full((8, 9, 3), 200, np.uint8)))[1].shape == (8, 9, 3)


def test_the_signed_colours_are_as_dark_at_both_ends_and_change_evenly():
    lab = cv2.cvtColor((signed_colours()[None] / 255).astype(np.float32), cv2.COLOR_RGB2Lab)[0]
    assert lab[0, 0] == pytest.approx(lab[-1, 0], abs=1)
    assert np.argmax(lab[:, 0]) == pytest.approx(127, abs=1)
    steps = np.linalg.norm(np.diff(lab, axis=0), axis=1)
    assert steps[:126].mean() == pytest.approx(steps[128:].mean(), rel=0.2)
    assert steps.max() < 3  # no visible edge anywhere
    blue, red = signed_colours()[0].astype(int), signed_colours()[-1].astype(int)
    assert blue[2] > blue[0] + 60
    assert red[0] > red[2] + 60
    assert "linear-gradient" in colour_bar(signed_colours(), ["a", "<b>"])
    assert "<b>" not in colour_bar(signed_colours(), ["a", "<b>"])


@pytest.mark.parametrize("seed", range(5))
def test_a_histogram_counts_every_value_once(seed):
    rng = np.random.default_rng(seed)
    values = [*rng.gamma(2, 0.1, 50 * seed + 1).tolist(), *[1e3] * seed]
    counts, edges, (below, above) = histogram(values)
    assert counts.sum() + below + above == len(values)
    assert len(edges) == len(counts) + 1
    assert above >= seed * (seed > 0)  # failed images don't stretch the axis
    assert edges[-1] < 10 or seed == 0
    assert Reader(histogram_svg(values, "abs_rel <&>")).tags[0][0] == "svg"


@pytest.mark.parametrize("values", [[0.5], [0.0] * 9, [1.0, 1.0 + 1e-15], [0.0, 1e-300]])
def test_values_that_hardly_differ_have_a_histogram_too(values):
    counts, edges, beyond = histogram(values)
    assert counts.sum() + sum(beyond) == len(values)
    assert (np.diff(edges) > 0).all()


def test_outliers_are_those_beyond_one_and_a_half_interquartile_ranges():
    values = [1.0, 2.0, 3.0, 4.0, 5.0, 9.0, 8.9, -3.0]
    spread = spread_of(values)  # quartiles 1.75 and 5.975: fences at -4.5875 and 12.3125
    assert (spread.q1, spread.median, spread.q3) == pytest.approx((1.75, 3.5, 5.975))
    assert spread.fences == pytest.approx((-4.5875, 12.3125))
    assert outliers(values) == []
    assert outliers([*values, 40.0, -20.0]) == [9, 8]
    assert outliers([]) == []


# In a browser


@pytest.mark.browser
def test_pressing_a_heading_sorts_by_the_numbers_and_keeps_missing_ones_last(tmp_path):
    browser = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "google-chrome"))), None)
    if browser is None:
        pytest.skip("no Chromium on this machine")
    path = write_report(result_of([*rows_of([0.5, 10.0, 9.0, 0.25]), Row("s", skipped="no truth")]), tmp_path)
    press = "<script>document.querySelectorAll('table.sortable th button')[1].click()</script></body>"
    path.write_text(path.read_text().replace("</body>", press))
    command = [browser, "--no-sandbox", "--disable-gpu", "--headless", "--dump-dom", path.resolve().as_uri()]
    dom = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    table = dom[dom.index('class="sortable"') :]
    assert re.findall(r"<tr><td>(\w+)</td>", table) == ["i3", "i0", "i2", "i1", "s"]
    assert 'aria-sort="ascending"' in table
