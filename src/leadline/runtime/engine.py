"""One interface over the libraries that run ONNX files, and the choice between them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError

ENGINES = ("auto", "openvino", "onnxruntime")
PRECISIONS = ("auto", "fp32", "bf16")
# Of several outputs, the one with such a name is the map.
_MAP_NAMES = ("disparity", "depth", "predicted_depth", "inverse_depth", "output")
# More simultaneous calls than this hold more pictures in memory than they save time.
_MOST_STREAMS = 8


class Engine(Protocol):
    """A network that is ready to run. Calls from several threads at once are allowed.

    Attributes:
        name: "openvino" or "onnxruntime".
        device: where it runs, in the library's words: "CPU", "CUDA", ...
        precision: "fp32" or "bf16".
        streams: how many calls run at the same time without waiting for each other.
        input_hw: the only size of input that the file allows, or None if height and width are free.
    """

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def device(self) -> str: ...  # noqa: D102
    @property
    def precision(self) -> str: ...  # noqa: D102
    @property
    def streams(self) -> int: ...  # noqa: D102
    @property
    def input_hw(self) -> tuple[int, int] | None: ...  # noqa: D102

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the (n, h', w') maps of an (n, 3, h, w) batch of normalised pictures.

        Raises:
            LeadlineError: the network does not accept this size, or gives no map.
        """
        ...


@dataclass(frozen=True)
class EngineOptions:
    """How to run a network.

    Attributes:
        engine: one of `ENGINES`; "auto" takes an accelerator of ONNX Runtime if there is one, else OpenVINO, else ONNX Runtime.
        precision: one of `PRECISIONS`; "auto" is fp32: bf16 is faster and keeps about three digits, too few to choose unasked.
        device: None for automatic, "cpu", or a device of the engine: ONNX Runtime's "cuda", "tensorrt", "coreml", "directml",
            OpenVINO's "gpu", "npu".
        throughput: run several pictures at once on few threads each, rather than one picture on all of them.
        cache_dir: a folder where OpenVINO keeps what it compiled, for a quicker next start; None for none.
    """

    engine: str = "auto"
    precision: str = "auto"
    device: str | None = None
    throughput: bool = False
    cache_dir: Path | None = None

    def __post_init__(self) -> None:
        if self.engine not in ENGINES:
            raise LeadlineError(f"engine {self.engine!r}: expected one of {', '.join(ENGINES)}")
        if self.precision not in PRECISIONS:
            raise LeadlineError(f"precision {self.precision!r}: expected one of {', '.join(PRECISIONS)}")


def make_engine(path: Path, options: EngineOptions | None = None) -> Engine:
    """Load an ONNX file into the engine that `options` ask for.

    Raises:
        LeadlineError: the file is no network from one (n, 3, h, w) picture to one map, or the engine or device is not here.
    """
    options = options or EngineOptions()
    if _choose(options) == "openvino":
        from leadline.runtime.openvino_engine import OpenVinoEngine

        return OpenVinoEngine(path, options)
    from leadline.runtime.onnxruntime_engine import OnnxRuntimeEngine

    return OnnxRuntimeEngine(path, options)


def _choose(options: EngineOptions) -> str:
    present = find_spec("openvino") is not None
    if options.engine == "openvino" and not present:
        raise LeadlineError("engine 'openvino' is not installed: pip install openvino, or use --engine onnxruntime")
    if options.engine != "auto":
        return options.engine
    if not present:
        return "onnxruntime"
    if options.device is None:
        from leadline.runtime.onnxruntime_engine import accelerators

        return "onnxruntime" if accelerators() else "openvino"
    return "openvino" if options.device.lower() in ("cpu", "gpu", "npu") else "onnxruntime"


def usable_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def stream_count(throughput: bool) -> int:
    """Return how many pictures a CPU engine should run at once."""
    return min(usable_cores(), _MOST_STREAMS) if throughput else 1


class Port(NamedTuple):
    """An input or output of a network: None stands for a free dimension, a shape of None for a free rank."""

    name: str
    dtype: str
    shape: tuple[int | None, ...] | None


@dataclass(frozen=True)
class Signature:
    """What `check_signature` found: the picture's input and the map's output.

    Attributes:
        input_name, output_name: as the file calls them.
        input_dtype: "float32" or "float16".
        output_index: the map's place among the outputs.
        batch: the only batch size that the file allows, or None.
        hw: the only height and width that it allows, or None.
    """

    input_name: str
    input_dtype: str
    output_name: str
    output_index: int
    batch: int | None
    hw: tuple[int, int] | None


def check_signature(path: Path, inputs: Sequence[Port], outputs: Sequence[Port]) -> Signature:
    """Check that a network takes one (n, 3, h, w) picture and gives one (n, h', w') or (n, 1, h', w') map.

    Raises:
        LeadlineError: it does not; the message says what it has.
    """
    wanted = "expected one picture (n, 3, h, w) of float32 or float16; export the network so"
    if len(inputs) != 1:
        raise LeadlineError(f"{path.name} has {len(inputs)} inputs ({_names(inputs)}): {wanted}")
    picture = inputs[0]
    shape = picture.shape or (None, None, None, None)
    if len(shape) != 4 or shape[1] not in (None, 3) or picture.dtype not in ("float32", "float16"):
        raise LeadlineError(f"{path.name} takes {_described(picture)}: {wanted}")
    batch, _, height, width = shape
    if (height is None) != (width is None):
        raise LeadlineError(f"{path.name} takes {_described(picture)}: expected height and width both fixed or both free")
    index = _map_index(path, outputs)
    hw = (height, width) if height is not None and width is not None else None
    return Signature(picture.name, picture.dtype, outputs[index].name, index, batch, hw)


def _map_index(path: Path, outputs: Sequence[Port]) -> int:
    named = [i for i, port in enumerate(outputs) if port.name.lower() in _MAP_NAMES]
    if len(outputs) != 1 and len(named) != 1:
        raise LeadlineError(
            f"{path.name} has {len(outputs)} outputs ({_names(outputs)}): expected one map, or one named {_MAP_NAMES[0]!r}"
        )
    index = 0 if len(outputs) == 1 else named[0]
    port = outputs[index]
    rank_fits = port.shape is None or len(port.shape) == 3 or (len(port.shape) == 4 and port.shape[1] in (None, 1))
    if not rank_fits or not port.dtype.startswith(("float", "bfloat")):
        raise LeadlineError(f"{path.name} gives {_described(port)}: expected a map (n, h, w) or (n, 1, h, w) of floats")
    return index


def _as_maps(path: Path, output: NDArray[Any], count: int) -> NDArray[np.float32]:
    """Return an output as (n, h', w') float32.

    Raises:
        LeadlineError: its shape turned out to be no stack of `count` maps.
    """
    maps = output[:, 0] if output.ndim == 4 and output.shape[1] == 1 else output
    if maps.ndim != 3 or len(maps) != count or 0 in maps.shape:
        raise LeadlineError(
            f"{path.name} gave an output of shape {output.shape}: expected {count} map(s), (n, h, w) or (n, 1, h, w)"
        )
    return np.asarray(maps, dtype=np.float32)


def run_in_parts(
    path: Path, signature: Signature, batch: NDArray[np.float32], run: Callable[[NDArray[Any]], NDArray[Any]]
) -> NDArray[np.float32]:
    """Run a batch in the type and in the batch size that the file asks for, and return (n, h', w') maps.

    A file with a fixed batch size gets its parts one after the other, the last one filled up with repeats of its last picture.

    Args:
        path: for messages.
        signature: of the network.
        batch: (n, 3, h, w) normalised pictures.
        run: the engine's call, from a contiguous batch to the output.
    """
    size = signature.batch or len(batch)
    maps = []
    for start in range(0, len(batch), size):
        part = np.ascontiguousarray(batch[start : start + size], dtype=signature.input_dtype)
        if len(part) < size:
            part = np.concatenate([part, np.repeat(part[-1:], size - len(part), axis=0)])
        maps.append(_as_maps(path, run(part), size))
    return maps[0][: len(batch)] if len(maps) == 1 else np.concatenate(maps)[: len(batch)]


def refused_input(path: Path, shape: tuple[int, ...], error: Exception) -> LeadlineError:
    """Return the error of a network that failed on an input of a size that its file seemed to allow."""
    size = " x ".join(str(n) for n in shape)
    return LeadlineError(
        f"{path.name} failed on an input of {size} ({one_line(error)}): "
        "give its card the right input_size and size_multiple, or export it again with free height and width"
    )


def one_line(error: BaseException, limit: int = 160) -> str:
    """Return the last telling line of a library's message, shortened."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[-1] if lines else type(error).__name__
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _names(ports: Sequence[Port]) -> str:
    return ", ".join(port.name for port in ports) or "none"


def _described(port: Port) -> str:
    shape = "any shape" if port.shape is None else "(" + ", ".join("?" if n is None else str(n) for n in port.shape) + ")"
    return f"{port.name} {shape} of {port.dtype}"
