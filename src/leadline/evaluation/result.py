"""The score of a model on a data set, with all that it depends on, and the file that it is kept in."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from functools import cached_property
from math import fsum, isnan, nan
from pathlib import Path
from typing import Any

from leadline import __version__
from leadline.errors import LeadlineError
from leadline.evaluation.classes import ALL
from leadline.evaluation.measures import finish_pooled
from leadline.io.atomic import atomic_write

FORMAT = "leadline-evaluation/1"


@dataclass(frozen=True)
class Row:
    """The score of one image.

    Attributes:
        name: the sample's.
        metrics: class of pixels -> metric -> value, NaN where the class has no pixel; of the failure policy where `failure`
            is set, empty where `skipped` is.
        pixels: class -> how many were compared.
        scale, shift: of the fit, in the protocol's space; 0 where nothing was fitted.
        note: what the fit remarks ("negative scale", "constant prediction"), or "".
        failure: why there is no usable prediction, or "".
        skipped: why the truth can't be scored, or "".
        sums: class -> metric -> (count, sum, ...) for protocols that pool pixels over images, else empty.
    """

    name: str
    metrics: dict[str, dict[str, float]] = field(default_factory=dict)
    pixels: dict[str, int] = field(default_factory=dict)
    scale: float = 0.0
    shift: float = 0.0
    note: str = ""
    failure: str = ""
    skipped: str = ""
    sums: dict[str, dict[str, tuple[float, ...]]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the row JSON-ready: NaN becomes null, `sums` is left out where it is empty."""
        content = {name: _without_nan(value) for name, value in asdict(self).items()}
        return content if self.sums else {name: value for name, value in content.items() if name != "sums"}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Row:
        """Read what `to_dict` wrote.

        Raises:
            TypeError, KeyError, ValueError, AttributeError: it is no row.
        """
        known = {f.name for f in fields(cls)}
        row = {name: value for name, value in content.items() if name in known}
        row["metrics"] = {
            of: {m: nan if v is None else float(v) for m, v in values.items()} for of, values in content["metrics"].items()
        }
        sums = content.get("sums", {})
        row["sums"] = {of: {m: tuple(map(float, v)) for m, v in values.items()} for of, values in sums.items()}
        return cls(**row)


@dataclass(frozen=True)
class ModelRecord:
    """Who predicted: name, kind of its maps, checksum of its weights and licence, from the predictor's card."""

    name: str
    kind: str
    sha256: str = ""
    licence: str = "unknown"


@dataclass(frozen=True)
class DatasetRecord:
    """What was scored on.

    Attributes:
        name: of the data set.
        root: its folder, as given.
        version: eight hex digits of the ordered names of the samples.
        images: how many there are.
    """

    name: str
    root: str = ""
    version: str = ""
    images: int = 0


@dataclass(frozen=True)
class Result:
    """The score of a model on a data set.

    Attributes:
        model: who predicted.
        dataset: what was scored on.
        protocol: every field of the protocol, JSON-ready, and its "fingerprint".
        rows: one an image, in order.
        leadline: the version of this library.
        date: ISO 8601, when the scoring ended.
        machine: "cpu", "cores", "platform".
    """

    model: ModelRecord
    dataset: DatasetRecord
    protocol: Mapping[str, Any]
    rows: tuple[Row, ...]
    leadline: str = __version__
    date: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    machine: Mapping[str, Any] = field(default_factory=lambda: this_machine())

    @property
    def fingerprint(self) -> str:
        """Eight hex digits of the protocol."""
        return str(self.protocol["fingerprint"])

    @property
    def scored(self) -> tuple[Row, ...]:
        """The rows that enter the means: all but the skipped ones, failures included."""
        return tuple(row for row in self.rows if not row.skipped)

    @property
    def failures(self) -> tuple[Row, ...]:
        """The rows without a usable prediction; they enter the means by the protocol's failure policy."""
        return tuple(row for row in self.rows if row.failure)

    @property
    def skipped(self) -> tuple[Row, ...]:
        """The rows whose truth can't be scored."""
        return tuple(row for row in self.rows if row.skipped)

    @property
    def upside_down(self) -> int:
        """How many fits have a negative scale."""
        return sum(row.scale < 0 for row in self.rows)

    @property
    def degenerate(self) -> int:
        """How many fits are degenerate without being upside down: a constant prediction, say."""
        return sum(bool(row.note) and row.scale >= 0 for row in self.rows)

    @property
    def counts(self) -> dict[str, int]:
        """How many images were scored (failures included), failed, were skipped, upside down or degenerate."""
        return {
            "scored": len(self.scored),
            "failed": len(self.failures),
            "skipped": len(self.skipped),
            "upside_down": self.upside_down,
            "degenerate": self.degenerate,
        }

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of pixels, "all" first."""
        return tuple(dict.fromkeys(of for row in self.scored for of in row.metrics))

    @property
    def metric_names(self) -> tuple[str, ...]:
        """The metrics, in the protocol's order."""
        return tuple(dict.fromkeys(name for row in self.scored for values in row.metrics.values() for name in values))

    def values(self, metric: str, of: str = ALL) -> tuple[float, ...]:
        """Return one metric of the scored images that have pixels of a class, in order.

        Raises:
            KeyError: there is no such metric, or no such class.
        """
        if self.scored and (metric not in self.metric_names or of not in self.classes):
            raise KeyError(f"no metric {metric!r} of class {of!r}")
        found = (row.metrics.get(of, {}).get(metric, nan) for row in self.scored)
        return tuple(value for value in found if not isnan(value))

    def mean(self, metric: str, of: str = ALL) -> float:
        """Return one metric over the scored images as the protocol averages; NaN without images.

        Averaged per image, only the images that have pixels of the class count.
        """
        values = self.values(metric, of)
        if self.protocol.get("averaging") == "pooled":
            return finish_pooled(metric, [row.sums.get(of, {}).get(metric, ()) for row in self.scored])
        return fsum(values) / len(values) if values else nan

    @cached_property
    def metrics(self) -> dict[str, dict[str, float]]:
        """Every metric's mean, by class of pixels."""
        return {of: {name: self.mean(name, of) for name in self.metric_names} for of in self.classes}

    def to_json(self) -> str:
        """Return the result as indented JSON; `from_json` reads it back."""
        content = {
            "format": FORMAT,
            "model": asdict(self.model),
            "dataset": asdict(self.dataset),
            "protocol": dict(self.protocol),
            "leadline": self.leadline,
            "date": self.date,
            "machine": dict(self.machine),
            "counts": self.counts,
            "metrics": _without_nan(self.metrics),
            "images": [row.to_dict() for row in self.rows],
        }
        return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Result:
        """Read what `to_json` wrote. The means are computed again from the rows.

        Raises:
            LeadlineError: it is no result of this format.
        """
        try:
            content = json.loads(text)
            if content["format"] != FORMAT:
                raise LeadlineError(f"a result of format {content['format']!r}: expected {FORMAT!r}; score again")
            return cls(
                ModelRecord(**content["model"]),
                DatasetRecord(**content["dataset"]),
                content["protocol"],
                tuple(Row.from_dict(row) for row in content["images"]),
                content["leadline"],
                content["date"],
                content["machine"],
            )
        except LeadlineError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise LeadlineError(f"no result ({error}): expected the JSON that leadline evaluate --json writes") from None

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the JSON file; it appears whole or not at all.

        Raises:
            LeadlineError: the file can't be written.
        """
        with atomic_write(path) as temporary:
            temporary.write_text(self.to_json(), encoding="utf-8")


def read_result(path: str | os.PathLike[str]) -> Result:
    """Read a result's JSON file.

    Raises:
        LeadlineError: the file can't be read, or is no result.
    """
    try:
        return Result.from_json(Path(path).read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise LeadlineError(f"can't read the result {str(path)!r} ({error}): expected a JSON file") from None
    except LeadlineError as error:
        raise LeadlineError(f"{path}: {error}") from None


def this_machine() -> dict[str, Any]:
    """Return the processor's name, how many cores there are and the platform."""
    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", errors="replace").splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    except OSError:  # not Linux
        pass
    return {"cpu": name, "cores": os.cpu_count() or 1, "platform": platform.platform()}


def _without_nan(value: Any) -> Any:
    """Return nested dictionaries with None in place of NaN, which JSON has not."""
    if isinstance(value, Mapping):
        return {name: _without_nan(content) for name, content in value.items()}
    return None if isinstance(value, float) and isnan(value) else value
