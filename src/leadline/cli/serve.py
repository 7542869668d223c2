"""``leadline serve``: depth in the browser and over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter, validators

if TYPE_CHECKING:
    from leadline.predictor import Predictor

Positive = Annotated[float, Parameter(validator=validators.Number(gt=0))]
Count = Annotated[int, Parameter(validator=validators.Number(gte=1))]


def serve(
    *,
    host: str = "127.0.0.1",
    port: Annotated[int, Parameter(validator=validators.Number(gte=0, lte=65535))] = 8765,
    model: Annotated[list[str] | None, Parameter(negative=())] = None,
    stereo_model: str = "sgm",
    token_file: Path | None = None,
    max_megabytes: Positive = 64,
    max_megapixels: Positive = 64,
    max_seconds: Positive = 60,
    queue: Count = 64,
    job_dir: Path | None = None,
) -> int:
    """Open a page where photos become depth, and answer programs over HTTP, on this machine until Ctrl-C.

    The page is at http://127.0.0.1:8765, the addresses for programs are at /docs. Nothing is sent to other hosts.

    Parameters
    ----------
    host
        The address to listen on; 0.0.0.0 lets other machines in, and wants --token-file.
    port
        The port; 0 for any free one.
    model
        A network for pictures, as in leadline predict; several can be given, the first is the default.
    stereo_model
        sgm, or an ONNX file of a stereo network.
    token_file
        A file with a secret that requests must carry (Authorization: Bearer ...); else the variable LEADLINE_TOKEN.
    max_megabytes
        The largest upload.
    max_megapixels
        The largest picture.
    max_seconds
        How long a request may take.
    queue
        How many requests may wait; more are told to come again.
    job_dir
        Where videos and zips are kept while their jobs live; by default in a temporary folder.
    """
    from dataclasses import replace

    from leadline.cli.progress import say
    from leadline.runtime.malloc import keep_freed_memory
    from leadline.runtime.predictor import DEFAULT_MODEL
    from leadline.server.app import make_app
    from leadline.server.serve import listen, run
    from leadline.server.settings import Settings

    settings = Settings(
        host=host,
        port=port,
        models=tuple(model or [DEFAULT_MODEL]),
        matcher=stereo_model,
        token=_token(token_file),
        max_bytes=round(max_megabytes * 1e6),
        max_pixels=round(max_megapixels * 1e6),
        max_seconds=max_seconds,
        queue=queue,
    )
    if job_dir is not None:
        settings = replace(settings, job_dir=job_dir)
    keep_freed_memory()
    listening = listen(settings)
    settings = replace(settings, port=listening.getsockname()[1])
    with listening:
        app = make_app(settings, _predictors(settings.models))
        if not settings.is_local and settings.token is None:
            say(f"leadline: {host} is open to other machines and there is no token: give --token-file")
        shown = f"[{host}]" if ":" in host else host
        say(f"leadline: http://{shown}:{settings.port} with {', '.join(settings.models)}; Ctrl-C stops it")
        run(app, settings, listening)
    return 0


def _token(path: Path | None) -> str | None:
    """Return the token, or None.

    Raises:
        LeadlineError: the file can't be read, or is empty.
    """
    import os

    from leadline.errors import LeadlineError

    if path is None:
        return os.environ.get("LEADLINE_TOKEN") or None
    try:
        token = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise LeadlineError(f"can't read the token file {path} ({error}): expected a text file") from None
    if not token:
        raise LeadlineError(f"the token file {path} is empty: write a long random word into it")
    return token


def _predictors(names: tuple[str, ...]) -> dict[str, Predictor]:
    from leadline.cli.load import load

    return {name: load(name) for name in names}
