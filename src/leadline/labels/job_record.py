"""``labels.json`` of a label job: who labels what, with which settings, by which plan. Made once, the same for all workers."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from leadline.errors import LeadlineError
from leadline.io.atomic import TEMPORARY_PREFIX
from leadline.io.header import software
from leadline.labels.claims import Claims, create_whole
from leadline.labels.manifest import FOLDER as MANIFEST
from leadline.labels.options import LabelOptions
from leadline.labels.plan import Plan, read_plan, write_plan
from leadline.labels.provenance import FORMAT, RECORD
from leadline.labels.shard_files import FOLDER as SHARDS
from leadline.labels.sources import is_url, iter_entries
from leadline.predictor import ModelCard

_WAIT_S = 0.2


def teacher_of(card: ModelCard) -> dict[str, str]:
    """Return what tells one teacher from another."""
    return {"name": card.name, "kind": str(card.kind), "sha256": card.sha256}


def absolute_inputs(inputs: Sequence[str]) -> list[str]:
    """Return the inputs with full paths, so that labels say where a picture is wherever they are read."""
    return [text if is_url(text) else os.path.abspath(text) for text in inputs]  # noqa: PTH100, keeps a glob's stars


def open_record(
    inputs: Sequence[str], card: ModelCard, out: Path, options: LabelOptions, shard_images: int, sky: str, claims: Claims
) -> Plan:
    """Return the plan of a job: of the folder's record if it has one, else a new one. One of several workers makes it.

    Raises:
        LeadlineError: the folder belongs to another job or to none, can't be written, or an input can't be listed.
    """
    given = absolute_inputs(inputs)
    settings = {**asdict(options), "shard_images": shard_images, "sky": sky}
    content: dict[str, Any] = {
        "format": FORMAT, "method": "teacher", "inputs": given, "settings": settings, "model": json.loads(card.to_json())
    }  # fmt: skip
    while True:
        if (before := _read(out / RECORD)) is not None:
            _refuse_others(out, before, content)
            return read_plan(out / str(before["plan"]["folder"]))
        if claims.take("plan"):
            break
        time.sleep(_WAIT_S)
    try:
        if (before := _read(out / RECORD)) is None:  # else another has made it meanwhile
            for name in (SHARDS, MANIFEST):
                if any((out / name).glob("[!.]*")):
                    raise LeadlineError(
                        f"{out / name} holds files and no {RECORD} says how they were made: choose another folder"
                    )
            _clear(out)
            salt = json.dumps({key: content[key] for key in ("method", "settings")} | {"teacher": teacher_of(card)})
            plan = write_plan(iter_entries(given), out, shard_images, salt)
            content["plan"] = {"folder": plan.folder.name, **asdict(plan.summary)}
            content["made"] = {"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "software": software()}
            try:
                create_whole(out / RECORD, (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())
            except OSError as error:
                raise LeadlineError(f"can't write {out / RECORD}: {error.strerror or error}; choose another folder") from None
    finally:
        claims.release("plan")
    return open_record(inputs, card, out, options, shard_images, sky, claims)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise LeadlineError(f"can't read {path} ({error}): choose another folder for the labels") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise LeadlineError(f"{path} is no record of labels ({FORMAT}): choose another folder for the labels")
    return content


def _refuse_others(out: Path, before: dict[str, Any], now: dict[str, Any]) -> None:
    there, here = _flat(before), _flat(now)
    for name in [*here, *(set(there) - set(here))]:
        if there.get(name) != here.get(name):
            raise LeadlineError(
                f"{out} holds labels with {name} = {there.get(name)!r}, not {here.get(name)!r}: choose another folder, or "
                "delete that one"
            )
    if "plan" not in before:
        raise LeadlineError(f"{out / RECORD} has no plan: choose another folder for the labels")


def _flat(content: dict[str, Any]) -> dict[str, Any]:
    """Return what must agree between two runs; what is most telling first."""
    model = content.get("model") or {}
    identity = {f"model {key}": model.get(key) for key in ("name", "kind", "sha256")}
    return {"method": content.get("method"), **identity, "inputs": content.get("inputs"), **content.get("settings", {})}


def _clear(out: Path) -> None:
    """Remove what a worker that was killed while it planned has left."""
    import shutil

    for folder in out.glob(f"{TEMPORARY_PREFIX}plan-*"):
        shutil.rmtree(folder, ignore_errors=True)
