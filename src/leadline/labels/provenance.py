"""A folder of labels says how it was made, and takes no others in."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from leadline.errors import LeadlineError
from leadline.io.atomic import atomic_write
from leadline.io.header import software
from leadline.predictor import ModelCard

RECORD = "labels.json"
FORMAT = "leadline-labels/1"
_MOST_NAMED = 1000  # failures that a run names; the number counts all


class LabelRecord:
    """The record of a folder of labels, ``labels.json``: method, settings, model and every run.

    Args:
        out: the folder; made if absent.
        method: "virtual" or "stereo-merge".
        settings: what decides on the labels, plain values by name.
        model: card of the network, if one was run.

    Raises:
        LeadlineError: the folder holds labels of another method, of other settings or another model, or can't be written.
    """

    def __init__(self, out: Path, method: str, settings: dict[str, Any], model: ModelCard | None = None) -> None:
        self.path = out / RECORD
        card = None if model is None else json.loads(model.to_json())
        self._content: dict[str, Any] = {
            "format": FORMAT, "method": method, "settings": settings, "model": card, "runs": []
        }  # fmt: skip
        before = self._read()
        if before is not None:
            self._refuse_others(before)
            self._content["runs"] = before.get("runs", [])
        self.is_new = before is None
        self._begun = time.time()
        self._write()

    def close(self, inputs: dict[str, str], done: int, kept: int, failures: dict[str, str]) -> None:
        """Add a run: where its inputs lay, how many labels were written and kept, and why others failed."""
        self._content["runs"].append({
            "begun": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._begun)),
            "seconds": round(time.time() - self._begun, 2),
            "software": software(),
            "inputs": inputs,
            "done": done,
            "kept": kept,
            "failed": len(failures),
            "failures": dict(list(failures.items())[:_MOST_NAMED]),
        })  # fmt: skip
        self._write()

    def _read(self) -> dict[str, Any] | None:
        try:
            content = json.loads(self.path.read_text("utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise LeadlineError(f"can't read {self.path} ({error}): choose another folder with --out") from None
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise LeadlineError(f"{self.path} is no record of labels ({FORMAT}): choose another folder with --out")
        return content

    def _refuse_others(self, before: dict[str, Any]) -> None:
        there, here = _flat(before), _flat(self._content)
        for name in here | there:
            if there.get(name) != here.get(name):
                raise LeadlineError(
                    f"{self.path.parent} holds labels with {name} = {there.get(name)!r}, not {here.get(name)!r}: choose "
                    "another folder with --out, or delete that one"
                )

    def _write(self) -> None:
        with atomic_write(self.path) as temporary:
            temporary.write_text(json.dumps(self._content, indent=2, ensure_ascii=False) + "\n", "utf-8")


def refuse_foreign(outputs: list[Path], record: LabelRecord) -> None:
    """Raise if one of the files that a new folder is to hold is there already, made by nobody knows what."""
    if record.is_new and (found := next((path for path in outputs if path.exists()), None)):
        record.path.unlink(missing_ok=True)
        raise LeadlineError(f"{found} exists and no {RECORD} says how it was made: choose another folder with --out")


def plain_settings(options: Any, **more: Any) -> dict[str, Any]:
    """Return the fields of a dataclass and `more` as JSON has them."""
    settings: dict[str, Any] = json.loads(json.dumps({**asdict(options), **more}))
    return settings


def _flat(content: dict[str, Any]) -> dict[str, Any]:
    """Return what must agree between two runs of a folder."""
    model = content.get("model") or {}
    identity = {f"model {key}": model.get(key) for key in ("name", "kind", "sha256")}
    return {"method": content.get("method"), **content.get("settings", {}), **identity}
