import json
from dataclasses import replace

import numpy as np
import pytest
from tests.unit.data.small_tom_world import COLOURS, draw, write_tom_world

from leadline.data.class_views import ClassSource, ClassViews, class_map, make_class_view
from leadline.data.transforms import Augmentation
from leadline.errors import LeadlineError
from leadline.sample import Sample

PLAIN = Augmentation(
    exposure=0, contrast=0, gamma=0, channels=0, saturation=0, hue_deg=0, grey=0, blur=0, noise=0, jpeg=0, coarse=0, cutout=0
)


def open_views(folder, augmentation=PLAIN, seed=0):
    views = ClassViews(
        [ClassSource.parse(str(folder / "tom"))], [1.0], folder / "cache", ((32, 64),), 2, augmentation, seed, longest=64
    )
    views.ingest()
    return views


def test_material_and_sky_become_one_map_and_glass_wins():
    material, sky = np.array([[0, 1, 2, 0]], np.uint8), np.array([[1, 1, 0, 0]], bool)
    sample = Sample("s", np.zeros((1, 4, 3), np.uint8), masks={"material": material, "sky": sky})
    assert class_map(sample).tolist() == [[3, 1, 2, 0]]
    assert material.tolist() == [[0, 1, 2, 0]]
    assert class_map(replace(sample, masks={"material": material})).tolist() == [[0, 1, 2, 0]]


@pytest.mark.parametrize(("masks", "line"), [({}, "no mask 'material'"), ({"material": np.full((1, 4), 255)}, "material 255")])
def test_a_sample_without_classes_is_refused(masks, line):
    with pytest.raises(LeadlineError, match=line):
        class_map(Sample("s", np.zeros((1, 4, 3), np.uint8), masks=masks))


def test_shrinking_a_view_invents_no_class():
    image, classes = draw(0)
    material = np.where(classes == 2, 2, 0)
    view = make_class_view(Sample("s", image, masks={"material": material}), 32)
    assert view.image.shape == (24, 32, 3)
    assert set(np.unique(view.disparity)) == {0, 2}


def test_picture_and_classes_of_a_batch_stay_together(tmp_path):
    write_tom_world(tmp_path / "tom")
    batch = open_views(tmp_path).batch(3)
    assert batch.image.shape == (2, 32, 64, 3)
    assert batch.classes.dtype == np.uint8
    nearest = np.abs(batch.image[..., None, :].astype(int) - COLOURS).sum(-1).argmin(-1)
    assert (nearest == batch.classes)[batch.valid].mean() > 0.93  # colours mix at edges, classes don't
    assert batch.names[0].startswith(str(tmp_path / "tom"))


def test_a_batch_is_a_function_of_the_seed_and_its_number(tmp_path):
    write_tom_world(tmp_path / "tom")
    views = open_views(tmp_path, Augmentation())
    stream = views.iter_batches(1, 2)
    second = [next(stream), next(stream)][1]
    stream.close()
    np.testing.assert_array_equal(second.image, views.batch(3).image)
    np.testing.assert_array_equal(second.classes, open_views(tmp_path, Augmentation()).batch(3).classes)
    assert (open_views(tmp_path, seed=1).batch(3).image != views.batch(3).image).any()


def test_scenes_of_one_name_are_held_out_in_every_world(tmp_path):
    names = write_tom_world(tmp_path / "tom")
    write_tom_world(tmp_path / "tom-opaque")
    sources = [ClassSource.parse(str(tmp_path / world)) for world in ("tom", "tom-opaque")]
    views = ClassViews(sources, [1.0, 1.0], tmp_path / "cache", ((32, 64),), 2, PLAIN, 0, longest=64)
    assert views.ingest() == 2 * len(names)
    found = views.validation_views(10)
    assert len(found) == 2
    np.testing.assert_array_equal(found[0][1], found[1][1])
    assert views.ingest() == 0


def test_the_cache_is_not_that_of_depths(tmp_path):
    write_tom_world(tmp_path / "tom")
    open_views(tmp_path)
    assert all("classes" in path.name for path in (tmp_path / "cache").iterdir())


def test_a_scene_that_does_not_know_its_materials_is_refused(tmp_path):
    (name, *_) = write_tom_world(tmp_path / "tom")
    camera = tmp_path / "tom" / name / "camera.json"
    content = json.loads(camera.read_text())
    content["views"][0]["unknown"] = ["normals", "material"]
    camera.write_text(json.dumps(content))
    source = ClassSource.parse(str(tmp_path / "tom"))
    with pytest.raises(LeadlineError, match="does not know its materials"):
        source.ingest(source.open_store(tmp_path / "cache", 64), 64)


def test_sources_of_depths_and_missing_folders_are_refused(tmp_path):
    with pytest.raises(LeadlineError, match="which speaks of depths"):
        ClassSource.parse("worlds/tom#film")
    source = ClassSource.parse(str(tmp_path / "no"))
    with pytest.raises(LeadlineError, match=r"no folder .*no of training views: render one with leadline synth tom"):
        source.ingest(source.open_store(tmp_path / "cache", 64), 64)
