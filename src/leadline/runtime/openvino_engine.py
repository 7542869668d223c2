"""OpenVINO, the fastest way to run a network on a CPU."""

from __future__ import annotations

import queue
from collections import OrderedDict
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError
from leadline.runtime.engine import (
    EngineOptions,
    Port,
    check_signature,
    one_line,
    refused_input,
    run_in_parts,
    stream_count,
)
from leadline.runtime.onnx_header import read_metadata

# Shapes that stay compiled. Each holds a copy of the weights; four sides times two orientations are enough for a photo album.
_KEPT_SHAPES = 8
# OpenVINO's name of the attribute that keeps a node out of constant folding; an unknown name would be ignored.
_NEVER_FOLD = "DisableConstantFolding_0"
_DTYPES = {"f16": "float16", "f32": "float32", "f64": "float64", "bf16": "bfloat16"}
# OpenVINO sets up its tables of types when they are first used, behind a lock of C++ that it takes while it holds Python's: two
# threads whose first runs meet would wait for each other for ever. So each engine uses them once, alone, before any run.
_first_tensor = Lock()
_HINTS = {"fp32": "f32", "bf16": "bf16"}


class OpenVinoEngine:
    """An ONNX file on OpenVINO, compiled once for each shape of input.

    A network that is compiled for one shape runs up to 1.8 times as fast as one with free shapes; compiling takes 0.2 s for
    a network of 6 million weights. The last few shapes stay compiled.

    Raises:
        LeadlineError: see `leadline.runtime.engine.make_engine`.
    """

    name = "openvino"

    def __init__(self, path: Path, options: EngineOptions) -> None:
        import openvino

        with _first_tensor:
            openvino.Tensor(np.zeros(1, np.float32)).element_type.to_dtype()
        read_metadata(path)  # refuses what is no ONNX, before OpenVINO's other readers print their own complaints
        self._path = path
        self._core = openvino.Core()
        self.device = (options.device or "cpu").upper()
        self.precision = "fp32" if options.precision == "auto" else options.precision
        self._check_device()
        self.streams = stream_count(options.throughput)
        self._settings: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": _HINTS[self.precision],
            "PERFORMANCE_HINT": "THROUGHPUT" if self.streams > 1 else "LATENCY",
            "NUM_STREAMS": str(self.streams),
        }
        if options.cache_dir is not None:
            self._settings["CACHE_DIR"] = str(options.cache_dir)
        model = self._read()
        self._signature = check_signature(path, [_port(i) for i in model.inputs], [_port(o) for o in model.outputs])
        self.input_hw = self._signature.hw
        self._compiled: OrderedDict[tuple[int, ...], queue.SimpleQueue[Any]] = OrderedDict()
        self._lock = Lock()

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the (n, h', w') maps of an (n, 3, h, w) batch; see `leadline.runtime.engine.Engine.run`."""
        return run_in_parts(self._path, self._signature, batch, self._run_one)

    def _run_one(self, batch: NDArray[Any]) -> NDArray[Any]:
        try:
            requests = self._requests(batch.shape)
            request = requests.get()
            try:
                outputs = request.infer([batch], share_inputs=True)
            finally:
                requests.put(request)
        except RuntimeError as error:
            raise refused_input(self._path, batch.shape, error) from None
        maps: NDArray[Any] = outputs[self._signature.output_index]
        return maps

    def _requests(self, shape: tuple[int, ...]) -> queue.SimpleQueue[Any]:
        """Return the idle infer requests of the network that is compiled for `shape`."""
        with self._lock:
            if shape not in self._compiled:
                model = self._read()
                if self._signature.hw is None or self._signature.batch is None:
                    model.reshape(list(shape))
                    _keep_big_resizes_unfolded(model)
                compiled = self._core.compile_model(model, self.device, self._settings)
                requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
                for _ in range(self.streams):
                    requests.put(compiled.create_infer_request())
                self._compiled[shape] = requests
                if len(self._compiled) > _KEPT_SHAPES:
                    self._compiled.popitem(last=False)
            self._compiled.move_to_end(shape)
            return self._compiled[shape]

    def _read(self) -> Any:
        try:
            return self._core.read_model(self._path)
        except RuntimeError as error:
            raise LeadlineError(
                f"OpenVINO can't read {str(self._path)!r} ({one_line(error)}): export it again, or try --engine onnxruntime"
            ) from None

    def _check_device(self) -> None:
        devices = self._core.available_devices
        if self.device not in [name.split(".")[0] for name in devices] and self.device not in devices:
            raise LeadlineError(f"device {self.device.lower()!r}: OpenVINO finds {', '.join(devices).lower() or 'none'} here")
        if self.precision == "bf16" and "BF16" not in self._core.get_property(self.device, "OPTIMIZATION_CAPABILITIES"):
            raise LeadlineError(f"precision 'bf16': this {self.device} has no bf16 arithmetic; use --precision fp32")


def _keep_big_resizes_unfolded(model: Any) -> None:
    """Leave cubic resizes of constants to the run.

    With a fixed shape, a vision transformer's position embedding is resized at compile time by OpenVINO's reference code:
    12 s at 518 x 686 against 4 ms when it runs as part of the network.
    """
    for node in model.get_ops():
        if node.get_type_name() == "Interpolate" and node.get_attributes().get("mode") == "cubic":
            node.get_rt_info()[_NEVER_FOLD] = True


def _port(port: Any) -> Port:
    shape = port.get_partial_shape()
    sizes = None if shape.rank.is_dynamic else tuple(n.get_length() if n.is_static else None for n in shape)
    dtype = port.get_element_type().get_type_name()
    return Port(port.get_any_name() if port.get_names() else "?", _DTYPES.get(dtype, dtype), sizes)
