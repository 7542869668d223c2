"""A label job makes every label once, says what became of every picture, and refuses what is not its own."""

import io
import json
import struct
import zlib
from collections import Counter

import numpy as np
import pytest
from PIL import Image
from tests.unit.labels.pictures_and_teachers import GreyTeacher, encoded, labels_in, noise, noise_tar, write_tar

from leadline import read_depth
from leadline.depth_map import METRIC_DEPTH
from leadline.errors import LeadlineError
from leadline.labels.dry_run import estimate
from leadline.labels.job import LabelJob
from leadline.labels.manifest import part_path, read_manifest, read_part
from leadline.labels.options import LabelOptions

pytest.importorskip("pyarrow")


def run(source, out, teacher=None, **settings):
    """The counts of a whole job."""
    settings.setdefault("shard_images", 10)
    counts = Counter()
    for done in LabelJob([str(source)], teacher or GreyTeacher(), out, **settings).run():
        counts.update(done.counts)
    return dict(counts)


def rows_of(out):
    return read_manifest(out).to_pylist()


def huge_png(width=50_000, height=20_000):
    """A PNG that claims a billion pixels: header alone, as of an attack or of a file of two gigabytes."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def test_every_picture_has_one_label_that_says_what_it_is(tmp_path):
    assert run(noise_tar(tmp_path / "in.tar", 25), tmp_path / "out") == {"labelled": 25}
    labels = labels_in(tmp_path / "out")
    assert len(labels) == 50
    (tmp_path / "a.depth.png").write_bytes(labels["000000013.depth.png"])
    depth = read_depth(tmp_path / "a.depth.png")
    np.testing.assert_allclose(depth.values, noise(13).mean(-1), atol=0.01)
    assert (str(depth.kind), depth.source) == ("disparity/affine_invariant", "grey.v1")
    record = json.loads(labels["000000013.json"])
    assert record["member"] == "00013.png"
    assert record["source"] == str(tmp_path / "in.tar")
    assert record["teacher"] == {"name": "grey.v1", "kind": "disparity/affine_invariant", "sha256": "0" * 64}
    assert record["software"].startswith("leadline ")
    rows = rows_of(tmp_path / "out")
    assert [row["index"] for row in rows] == list(range(25))
    assert {row["state"] for row in rows} == {"labelled"}
    assert rows[13]["mean"] == pytest.approx(noise(13).mean(), rel=1e-4)
    assert (rows[13]["height"], rows[13]["width"], rows[13]["shard"]) == (32, 32, 1)


def test_tars_group_into_samples_as_webdataset_reads_them(tmp_path):
    options = LabelOptions(write="npz", images="bytes")
    run(noise_tar(tmp_path / "in.tar", 3), tmp_path / "out", options=options)
    labels = labels_in(tmp_path / "out")
    samples = {}
    for name, data in labels.items():  # WebDataset: the key is what stands before the first dot
        key, _, suffix = name.partition(".")
        samples.setdefault(key, {})[suffix] = data
    assert [sorted(sample) for sample in samples.values()] == [["depth.npz", "json", "png"]] * 3
    assert samples["000000002"]["png"] == encoded(noise(2))
    values = np.load(io.BytesIO(samples["000000002"]["depth.npz"]))["values"]
    assert values.dtype == np.float16


def test_a_second_run_does_nothing_and_says_so(tmp_path):
    source = noise_tar(tmp_path / "in.tar", 25)
    run(source, tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*") if path.is_file()}
    teacher = GreyTeacher()
    done = list(LabelJob([str(source)], teacher, tmp_path / "out", shard_images=10).run())
    assert [one.by for one in done] == ["before"] * 3
    assert {path: path.stat().st_mtime_ns for path in before} == before


@pytest.mark.parametrize("harm", ["tar cut short", "tar gone", "part cut short", "part gone", "tar altered"])
def test_a_shard_that_is_not_whole_is_done_again_and_no_other(tmp_path, harm):
    source, out = noise_tar(tmp_path / "in.tar", 25), tmp_path / "out"
    run(source, out)
    labels, manifest = labels_in(out), rows_of(out)
    part, [tar] = part_path(out, 1), list((out / "shards").glob("shard-000001-*.tar"))
    if harm == "tar cut short":
        tar.write_bytes(tar.read_bytes()[:5000])
    elif harm == "tar altered":
        data = bytearray(tar.read_bytes())
        data[600] ^= 1
        tar.write_bytes(data)
    elif harm == "part cut short":
        part.write_bytes(part.read_bytes()[:-100])
    else:
        (tar if harm == "tar gone" else part).unlink()
    job = LabelJob([str(source)], GreyTeacher(), out, shard_images=10, verify=harm == "tar altered")
    assert sorted((done.shard, done.by) for done in job.run()) == [(0, "before"), (1, "this"), (2, "before")]
    assert labels_in(out) == labels
    assert rows_of(out) == manifest


def test_what_can_not_be_labelled_is_recorded_with_the_reason(tmp_path):
    files = {
        "0.png": encoded(noise(0)),
        "1.png": encoded(noise(1))[:300],
        "2.png": b"",
        "3.png": b"no picture at all",
        "4.png": huge_png(),
        "5.png": encoded(noise(5)),
    }
    out = tmp_path / "out"
    assert run(write_tar(tmp_path / "in.tar", files), out) == {"labelled": 2, "failed": 4}
    rows = rows_of(out)
    assert [row["state"] for row in rows] == ["labelled", "failed", "failed", "failed", "failed", "labelled"]
    for row, words in zip(rows[1:5], ["cut off", "empty", "no picture", "1000 million pixels"], strict=True):
        assert words in row["reason"]
        assert row["stage"] == "read"
        assert "\n" not in row["reason"]
    part = read_part(part_path(out, 0))
    assert part is not None
    assert part.counts == {"failed": 4, "labelled": 2}


def test_pictures_of_all_modes_are_labelled(tmp_path):
    pixels = Image.fromarray(noise(0, (40, 50)))
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"):
        image = pixels.convert("L").convert("I;16") if mode == "I;16" else pixels.convert(mode)
        image.save(tmp_path / f"{mode.replace(';', '')}.tif")
    assert run(tmp_path, tmp_path / "out") == {"labelled": 8}


def test_each_filter_is_counted_apart_and_names_its_reason(tmp_path):
    small, flat = noise(1, (20, 60)), np.full((40, 40, 3), 90, np.uint8)
    one_sided = np.zeros((40, 40, 3), np.uint8)
    one_sided[:, :20] = noise(3, (40, 20))
    files = {"0": noise(0, (40, 40)), "1": small, "2": flat, "3": one_sided, "4": noise(0, (40, 40)), "5": noise(5, (40, 40))}

    class Forgetful(GreyTeacher):
        """Sees the left half alone: a mirrored picture has another map."""

        def __call__(self, image, camera=None):
            prediction = super().__call__(image)
            values = prediction.depth.values.copy()
            if not image[:, 20:].any() or not image[:, :20].any():
                values[:, 20:] = np.random.default_rng(int(image.sum()) % 97).uniform(0, 255, (40, 20))
            return type(prediction)(type(prediction.depth)(values, None, self.card.kind))

    source = write_tar(tmp_path / "in.tar", {f"{name}.png": encoded(pixels) for name, pixels in files.items()})
    options = LabelOptions(min_side=30, duplicate_bits=4, min_spread=0.05, max_flip_difference=0.3)
    assert run(source, tmp_path / "out", Forgetful(), options=options) == {
        "labelled": 2, "left out: resolution": 1, "left out: flat": 1, "left out: flip": 1, "left out: near_duplicate": 1
    }  # fmt: skip
    rows = rows_of(tmp_path / "out")
    assert [row["stage"] for row in rows] == [None, "resolution", "flat", "flip", "near_duplicate", None]
    assert rows[4]["duplicate_of"] == 0
    assert "60 x 20 pixels" in rows[1]["reason"]


def test_near_duplicates_are_the_same_ones_whatever_the_threads(tmp_path):
    files = {f"{n:03d}.png": encoded(noise(n % 17)) for n in range(60)}
    source, options = write_tar(tmp_path / "in.tar", files), LabelOptions(duplicate_bits=0)
    assert run(source, tmp_path / "a", options=options, shard_images=30, threads=1) == {
        "labelled": 34, "left out: near_duplicate": 26
    }  # fmt: skip
    run(source, tmp_path / "b", options=options, shard_images=30, threads=8)
    assert labels_in(tmp_path / "a") == labels_in(tmp_path / "b")
    assert rows_of(tmp_path / "a") == rows_of(tmp_path / "b")


def test_sky_has_disparity_0_and_the_record_names_who_found_it(tmp_path):
    def upper_half(pixels):
        return np.arange(pixels.shape[0])[:, None].repeat(pixels.shape[1], 1) < pixels.shape[0] // 2

    source, out = noise_tar(tmp_path / "in.tar", 3), tmp_path / "out"
    run(source, out, sky=upper_half, sky_name="upper half")
    (tmp_path / "a.png").write_bytes(labels_in(out)["000000001.depth.png"])
    values = read_depth(tmp_path / "a.png").values
    np.testing.assert_allclose(values[:16], 0, atol=1e-3)
    np.testing.assert_allclose(values[16:], noise(1).mean(-1)[16:], atol=0.01)
    assert rows_of(out)[1]["sky_share"] == 0.5
    with pytest.raises(LeadlineError, match="holds labels with sky = 'upper half', not ''"):
        run(source, out)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"teacher": GreyTeacher("other.v2")}, "model name = 'grey.v1', not 'other.v2'"),
        ({"shard_images": 5}, "shard_images = 10, not 5"),
        ({"options": LabelOptions(write="npz")}, "write = 'png16', not 'npz'"),
    ],
)
def test_labels_of_another_teacher_or_of_other_settings_are_refused(tmp_path, change, line):
    source = noise_tar(tmp_path / "in.tar", 5)
    run(source, tmp_path / "out")
    with pytest.raises(LeadlineError, match=line):
        run(source, tmp_path / "out", **change)


def test_another_kind_other_weights_and_other_pictures_are_refused(tmp_path):
    source = noise_tar(tmp_path / "in.tar", 5)
    run(source, tmp_path / "out")
    other = GreyTeacher()
    for card in ({"sha256": "1" * 64}, {"kind": METRIC_DEPTH}):
        other.card = type(other.card)(**{**vars(GreyTeacher().card), **card})
        with pytest.raises(LeadlineError, match=f"model {next(iter(card))}"):
            run(source, tmp_path / "out", other)
    with pytest.raises(LeadlineError, match="holds labels with inputs"):
        run(noise_tar(tmp_path / "other.tar", 5), tmp_path / "out")


def test_a_part_of_another_job_among_the_shards_is_refused(tmp_path):
    source = noise_tar(tmp_path / "in.tar", 15)
    run(source, tmp_path / "a")
    run(source, tmp_path / "b", GreyTeacher("other.v2"))
    part_path(tmp_path / "a", 1).write_bytes(part_path(tmp_path / "b", 1).read_bytes())
    with pytest.raises(LeadlineError, match=r"belongs to another job \(labels by other.v2\)"):
        run(source, tmp_path / "a")


def test_a_folder_with_shards_of_unknown_origin_is_refused(tmp_path):
    (tmp_path / "out" / "shards").mkdir(parents=True)
    (tmp_path / "out" / "shards" / "x.tar").write_bytes(b"")
    with pytest.raises(LeadlineError, match=r"no labels.json says how they were made"):
        run(noise_tar(tmp_path / "in.tar", 5), tmp_path / "out")


def test_failed_pictures_are_tried_again_when_asked(tmp_path):
    for number in range(12):
        (tmp_path / f"{number:02d}.png").write_bytes(encoded(noise(number)))
    lists = tmp_path / "all.txt"
    lists.write_text("".join(f"{number:02d}.png\n" for number in range(13)))  # one more than there are
    assert run(lists, tmp_path / "out") == {"labelled": 12, "failed": 1}
    (tmp_path / "12.png").write_bytes(encoded(noise(12)))
    assert run(lists, tmp_path / "out") == {"labelled": 12, "failed": 1}
    assert run(lists, tmp_path / "out", retry_failed=True) == {"labelled": 13}
    assert len(labels_in(tmp_path / "out")) == 26
    assert len(list((tmp_path / "out" / "shards").iterdir())) == 2


def test_a_job_left_early_holds_no_claims_and_no_halves(tmp_path):
    source, out = noise_tar(tmp_path / "in.tar", 40), tmp_path / "out"
    running = LabelJob([str(source)], GreyTeacher(), out, LabelOptions(duplicate_bits=4), shard_images=10).run()
    next(running)
    running.close()
    assert [path.name for path in (out / "claims").glob("*.claim")] == []
    assert not list((out / "shards").glob(".*"))
    assert run(source, out, options=LabelOptions(duplicate_bits=4)) == {"labelled": 40}


def test_a_dry_run_counts_and_measures_and_writes_nothing(tmp_path):
    (tmp_path / "in").mkdir()
    for number in range(30):
        (tmp_path / "in" / f"{number}.png").write_bytes(encoded(noise(number)))
    (tmp_path / "in" / "x.png").write_bytes(b"no picture")
    before = sorted(tmp_path.rglob("*"))
    found = estimate([str(tmp_path / "in")], GreyTeacher(seconds=0.02), shard_images=7, sample=31)
    assert sorted(tmp_path.rglob("*")) == before
    assert (found.images, found.shards, found.sampled, found.sample_failed) == (31, 5, 31, 1)
    assert found.bytes_known == sum(path.stat().st_size for path in (tmp_path / "in").iterdir())
    assert found.images_per_s < 50 * 1.05  # one call of the network takes 20 ms
    assert found.hours == pytest.approx(31 / found.images_per_s / 3600)
    assert "no picture" in found.first_failure
    real = tmp_path / "out"
    run(tmp_path / "in", real)
    written = sum(len(data) for data in labels_in(real).values())
    assert written < found.label_bytes < 2.5 * written  # tar pads small files


def test_shards_made_after_the_files_were_listed_are_not_labelled_again(tmp_path, monkeypatch):
    source, out = noise_tar(tmp_path / "in.tar", 25), tmp_path / "out"
    run(source, out)
    made = {path: path.stat().st_mtime_ns for path in (out / "manifest").iterdir()}
    monkeypatch.setattr("leadline.labels.job.shard_sizes", lambda out: {})  # another worker's shards all came later
    by = [done.by for done in LabelJob([str(source)], GreyTeacher(), out, shard_images=10).run()]
    assert by == ["before"] * 3
    assert {path: path.stat().st_mtime_ns for path in (out / "manifest").iterdir()} == made
