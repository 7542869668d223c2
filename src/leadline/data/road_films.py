"""nuScenes as films: the front camera's recordings with their calibrations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from leadline.camera import Camera
from leadline.data.datasets.files import read_json
from leadline.data.film import FilmSource, Frame
from leadline.errors import LeadlineError
from leadline.io.image import read_image

CHANNEL = "CAM_FRONT"
LICENCE = "nuScenes is CC BY-NC-SA 4.0: weights that learnt from it are for research"


def nuscenes_films(root: Path, channel: str = CHANNEL) -> list[FilmSource]:
    """Return the films of a camera of nuScenes, key frames and the sweeps between them; none if the root is another's.

    Layout: ``v1.0-*/`` with ``sample_data.json``, ``calibrated_sensor.json`` and ``sensor.json``, ``samples/CAM_FRONT``,
    ``sweeps/CAM_FRONT``. A film follows the records' "next" and ends where a picture is not on the disk, so a part of the
    download will do. The intrinsics are taken to count from the first pixel's centre, as OpenCV does (not stated).

    Raises:
        LeadlineError: there are several versions, or the tables lack what is needed.
    """
    versions = sorted(path.parent for path in root.glob("v1.0-*/sample_data.json"))
    if not versions:
        return []
    if len(versions) > 1:
        raise LeadlineError(
            f"{root} holds {', '.join(path.name for path in versions)}: expected one version, move the others away"
        )
    tables = versions[0]
    try:
        sensors = {each["token"] for each in read_json(tables / "sensor.json") if each["channel"] == channel}
        calibrated = {
            each["token"]: each["camera_intrinsic"]
            for each in read_json(tables / "calibrated_sensor.json")
            if each["sensor_token"] in sensors
        }
        records = {
            each["token"]: each
            for each in read_json(tables / "sample_data.json")
            if each["calibrated_sensor_token"] in calibrated and (root / each["filename"]).is_file()
        }
        runs = _runs(records)
    except (KeyError, TypeError) as error:
        raise LeadlineError(f"{tables}: {error!r} missing; expected the tables of nuScenes") from None
    return [
        FilmSource(
            f"{tables.name}/{Path(run[0]['filename']).stem}",
            f"nuscenes {root.resolve()} {run[0]['token']} {len(run)}",
            partial(_frames, root, run, calibrated),
            notes=(LICENCE,),
        )
        for run in runs
    ]


def _runs(records: dict[str, dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Return the records in the order in which they were taken, a list for each recording."""
    runs = []
    for record in records.values():
        if record["prev"] in records:
            continue
        run = [record]
        while run[-1]["next"] in records:
            run.append(records[run[-1]["next"]])
        runs.append(run)
    return sorted(runs, key=lambda run: str(run[0]["filename"]))


def _frames(root: Path, run: Sequence[dict[str, Any]], calibrated: dict[str, Any]) -> Iterator[Frame]:
    for record in run:
        pixels = read_image(root / record["filename"]).pixels
        intrinsics = np.asarray(calibrated[record["calibrated_sensor_token"]], np.float64)
        camera = Camera.from_opencv(intrinsics, (pixels.shape[0], pixels.shape[1]))
        yield Frame(pixels, camera, time_s=record["timestamp"] / 1e6)
