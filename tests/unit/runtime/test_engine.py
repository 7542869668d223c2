import numpy as np
import pytest

from leadline.errors import LeadlineError
from leadline.runtime import engine as engines
from leadline.runtime.engine import EngineOptions, make_engine

BOTH = pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])


def pictures(n=1, h=16, w=24, seed=0):
    return np.random.default_rng(seed).uniform(0, 255, (n, 3, h, w)).astype(np.float32)


@pytest.fixture(autouse=True)
def _needs_openvino_if_named(request):
    if "openvino" in str(getattr(request.node, "callspec", "")):
        pytest.importorskip("openvino")


@BOTH
@pytest.mark.parametrize("keep_channel", [False, True])
def test_an_engine_gives_one_map_per_picture(mean_onnx, engine, keep_channel):
    network = make_engine(mean_onnx(keep_channel=keep_channel), EngineOptions(engine))
    batch = pictures(3)
    np.testing.assert_allclose(network.run(batch), batch.mean(axis=1), rtol=1e-5)
    assert (network.name, network.device, network.precision, network.streams) == (engine, "CPU", "fp32", 1)
    assert network.input_hw is None


@BOTH
def test_one_engine_takes_many_shapes(mean_onnx, engine):
    network = make_engine(mean_onnx(), EngineOptions(engine))
    for h in range(8, 8 + 8 * 12, 8):  # more shapes than stay compiled, the first one again at the end
        batch = pictures(h=h)
        np.testing.assert_allclose(network.run(batch), batch.mean(axis=1), rtol=1e-5)
    batch = pictures(h=8)
    np.testing.assert_allclose(network.run(batch), batch.mean(axis=1), rtol=1e-5)


@BOTH
def test_a_network_with_a_fixed_batch_gets_its_parts(mean_onnx, engine):
    network = make_engine(mean_onnx(shape=(2, 3, 16, 24)), EngineOptions(engine))
    assert network.input_hw == (16, 24)
    batch = pictures(5)
    np.testing.assert_allclose(network.run(batch), batch.mean(axis=1), rtol=1e-5)


@BOTH
def test_float16_inputs_are_converted(mean_onnx, engine):
    network = make_engine(mean_onnx(half=True), EngineOptions(engine))
    batch = pictures()
    result = network.run(batch)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, batch.mean(axis=1), rtol=4e-3)


@BOTH
def test_an_engine_may_be_called_from_many_threads(mean_onnx, engine):
    from concurrent.futures import ThreadPoolExecutor

    network = make_engine(mean_onnx(), EngineOptions(engine, throughput=True))
    batches = [pictures(h=16 + 8 * (seed % 3), seed=seed) for seed in range(40)]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(network.run, batches))
    for batch, result in zip(batches, results, strict=True):
        np.testing.assert_allclose(result, batch.mean(axis=1), rtol=1e-5)


@BOTH
def test_first_runs_that_meet_in_two_threads_end(mean_onnx, engine):
    """OpenVINO's own tables would hang every second process here."""
    import subprocess
    import sys

    code = f"""
import threading, numpy
from pathlib import Path
from leadline.runtime.engine import EngineOptions, make_engine
network = make_engine(Path({str(mean_onnx())!r}), EngineOptions({engine!r}, throughput=True))
threads = [threading.Thread(target=network.run, args=(numpy.zeros((1, 3, 64, 64), numpy.float32),)) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=30).returncode == 0


@BOTH
@pytest.mark.parametrize(
    ("variation", "message"),
    [
        ({"extra_input": True}, r"2 inputs \(image, hint\): expected one picture"),
        ({"shape": ("n", 1, "h", "w")}, r"image \(\?, 1, \?, \?\) of float32: expected one picture"),
        ({"shape": ("n", 3, 16, "w")}, "both fixed or both free"),
        ({"outputs": ("left", "right")}, r"2 outputs \(left, right\): expected one map"),
    ],
)
def test_a_network_that_is_not_picture_to_map_is_refused_in_one_line(mean_onnx, engine, variation, message):
    with pytest.raises(LeadlineError, match=message) as error:
        make_engine(mean_onnx("net.onnx", **variation), EngineOptions(engine))
    assert "\n" not in str(error.value)
    assert "net.onnx" in str(error.value)


@BOTH
def test_the_map_is_found_among_several_outputs_by_name(mean_onnx, engine):
    network = make_engine(mean_onnx(outputs=("confidence", "predicted_depth")), EngineOptions(engine))
    assert network.run(pictures()).shape == (1, 16, 24)


@BOTH
def test_a_damaged_graph_is_refused_in_one_line(tmp_path, engine):
    # A whole protocol buffer with a graph that says nothing.
    path = tmp_path / "net.onnx"
    path.write_bytes(b"\x08\x09\x3a\x04\xff\xff\xff\xff")
    with pytest.raises(LeadlineError, match=r"net\.onnx") as error:
        make_engine(path, EngineOptions(engine))
    assert "\n" not in str(error.value)


@BOTH
def test_a_size_that_the_network_refuses_names_the_card(mean_onnx, engine):
    network = make_engine(mean_onnx(baked_hw=(32, 32)), EngineOptions(engine))
    with pytest.raises(LeadlineError, match=r"1 x 3 x 16 x 24.*size_multiple") as error:
        network.run(pictures())
    assert "\n" not in str(error.value)


def test_an_unknown_engine_or_precision_is_refused():
    with pytest.raises(LeadlineError, match="engine 'tflite': expected one of auto, openvino, onnxruntime"):
        EngineOptions("tflite")
    with pytest.raises(LeadlineError, match="precision 'int8': expected one of auto, fp32, bf16"):
        EngineOptions(precision="int8")


def test_a_device_that_is_not_here_is_refused(mean_onnx):
    with pytest.raises(LeadlineError, match="device 'tensorrt': this ONNX Runtime offers"):
        make_engine(mean_onnx(), EngineOptions("onnxruntime", device="tensorrt"))
    pytest.importorskip("openvino")
    with pytest.raises(LeadlineError, match="device 'npu': OpenVINO finds"):
        make_engine(mean_onnx(), EngineOptions("openvino", device="npu"))


def test_bf16_on_onnxruntime_is_refused_with_the_way_out(mean_onnx):
    with pytest.raises(LeadlineError, match="use --engine openvino"):
        make_engine(mean_onnx(), EngineOptions("onnxruntime", precision="bf16"))


def test_the_choice_is_an_accelerator_then_openvino_then_onnxruntime(mean_onnx, monkeypatch):
    from leadline.runtime import onnxruntime_engine

    path = mean_onnx()
    monkeypatch.setattr(onnxruntime_engine, "accelerators", lambda: [])
    if engines.find_spec("openvino") is not None:
        assert make_engine(path).name == "openvino"
    monkeypatch.setattr(engines, "find_spec", lambda name: None)
    assert make_engine(path).name == "onnxruntime"
    with pytest.raises(LeadlineError, match="'openvino' is not installed"):
        make_engine(path, EngineOptions("openvino"))
    monkeypatch.undo()
    monkeypatch.setattr(onnxruntime_engine, "accelerators", lambda: ["cuda"])
    assert engines._choose(EngineOptions()) == "onnxruntime"
    if engines.find_spec("openvino") is not None:
        assert engines._choose(EngineOptions(device="cpu")) == "openvino"
