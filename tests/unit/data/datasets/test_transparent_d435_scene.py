import numpy as np
import pytest
from tests.unit.data.datasets.test_images_and_depths import save

from leadline.data.datasets import transparent_d435_scene
from leadline.errors import LeadlineError

H, W = 60, 90
YAML = """image_width: 90
image_height: 60
camera_matrix: [80.0, 0.0, 44.5, 0.0, 80.0, 29.5, 0.0, 0.0, 1.0]
"""


def write(root, with_sensor=True):
    """A table at 1 m that the sensor sees through a container at 0.8 m."""
    label = np.zeros((H, W), np.uint8)
    label[20:40, 30:60] = 1
    save(root / "001/rgb/000001.jpg", np.full((H, W, 3), 90, np.uint8))
    save(root / "001/label/000001.png", label)
    save(root / "001/object_depth/000001.png", np.where(label > 0, 800, 0).astype(np.uint16))
    sensor = np.full((H, W), 1000, np.uint16)
    sensor[0, 0] = 0
    if with_sensor:
        save(root / "001/sensor_depth/000001.png", sensor)
    (root / "camera_d435.yaml").write_text(YAML)
    return label > 0


def test_containers_have_their_own_depth_the_table_the_sensors_and_outlines_none(tmp_path):
    glass = write(tmp_path)
    sample = next(transparent_d435_scene.iter_samples(tmp_path))
    depth = sample.depth
    assert str(depth.kind) == "depth/metric"
    np.testing.assert_allclose(depth.values[glass], 0.8, rtol=1e-6)
    assert depth.valid[glass].all()
    assert depth.values[5, 5] == pytest.approx(1)
    assert not depth.valid[0, 0]
    assert not depth.valid[20 - transparent_d435_scene.RIM_PX, 45]
    assert depth.valid[20 - transparent_d435_scene.RIM_PX - 1, 45]
    np.testing.assert_array_equal(sample.masks["material"] > 0, glass)


def test_a_missing_sensor_map_is_named(tmp_path):
    write(tmp_path, with_sensor=False)
    with pytest.raises(LeadlineError, match=r"sensor_depth/000001\.png"):
        next(transparent_d435_scene.iter_samples(tmp_path))
