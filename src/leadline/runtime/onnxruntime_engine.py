"""ONNX Runtime: every accelerator that has a provider, and any CPU."""

from __future__ import annotations

from pathlib import Path
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

# In order of preference. TensorRT is listed by builds that can't load it and compiles for minutes: only when asked for.
_PROVIDERS = {
    "cuda": "CUDAExecutionProvider",
    "migraphx": "MIGraphXExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "directml": "DmlExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}
_ERRORS_ONLY = 3


class OnnxRuntimeEngine:
    """An ONNX file on ONNX Runtime, at the precision of the file.

    Raises:
        LeadlineError: see `leadline.runtime.engine.make_engine`.
    """

    name = "onnxruntime"
    precision = "fp32"

    def __init__(self, path: Path, options: EngineOptions) -> None:
        import onnxruntime

        if options.precision == "bf16":
            raise LeadlineError("precision 'bf16': ONNX Runtime has no bf16 hint; use --engine openvino or --precision fp32")
        read_metadata(path)
        self._path = path
        providers = _providers(options.device)
        on_cpu = providers == ["CPUExecutionProvider"]
        self.streams = stream_count(options.throughput) if on_cpu else 1
        settings = onnxruntime.SessionOptions()
        settings.log_severity_level = _ERRORS_ONLY
        # Spinning workers would take the cores from decoding and encoding between two runs.
        settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if self.streams > 1:
            settings.intra_op_num_threads = 1
        try:
            self._session = onnxruntime.InferenceSession(str(path), settings, providers=providers)
        except Exception as error:  # its errors share no base but Exception
            raise LeadlineError(
                f"ONNX Runtime can't load {str(path)!r} ({one_line(error)}): export it again, or try --engine openvino"
            ) from None
        self.device = self._session.get_providers()[0].removesuffix("ExecutionProvider")
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        self._signature = check_signature(path, [_port(i) for i in inputs], [_port(o) for o in outputs])
        self.input_hw = self._signature.hw

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the (n, h', w') maps of an (n, 3, h, w) batch; see `leadline.runtime.engine.Engine.run`."""
        return run_in_parts(self._path, self._signature, batch, self._run_one)

    def _run_one(self, batch: NDArray[Any]) -> NDArray[Any]:
        try:
            (output,) = self._session.run([self._signature.output_name], {self._signature.input_name: batch})
        except Exception as error:  # see above
            raise refused_input(self._path, batch.shape, error) from None
        maps: NDArray[Any] = output
        return maps


def accelerators() -> list[str]:
    """Return the devices beside the CPU that this build of ONNX Runtime takes unasked, best first."""
    import onnxruntime

    available = onnxruntime.get_available_providers()
    return [device for device, provider in _PROVIDERS.items() if provider in available and device != "tensorrt"]


def _providers(device: str | None) -> list[str]:
    import onnxruntime

    if device is None:
        return [*(_PROVIDERS[name] for name in accelerators()), "CPUExecutionProvider"]
    if device.lower() == "cpu":
        return ["CPUExecutionProvider"]
    provider = _PROVIDERS.get(device.lower())
    if provider not in onnxruntime.get_available_providers():
        here = ["cpu", *(name for name, p in _PROVIDERS.items() if p in onnxruntime.get_available_providers())]
        raise LeadlineError(f"device {device!r}: this ONNX Runtime offers {', '.join(here)}; install the build for your device")
    return [str(provider), "CPUExecutionProvider"]


def _port(port: Any) -> Port:
    dtype = port.type.removeprefix("tensor(").removesuffix(")")
    shape = tuple(n if isinstance(n, int) else None for n in port.shape) if port.shape is not None else None
    return Port(port.name, {"float": "float32"}.get(dtype, dtype), shape)
