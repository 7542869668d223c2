"""The page and what it loads, from the package alone; and a plain list of addresses at /docs."""

from __future__ import annotations

from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.responses import FileResponse, HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

_MISSING = """<!doctype html><html lang="en"><meta charset="utf-8"><title>leadline</title>
<h1>leadline</h1><p>The server runs; the page is not built in this copy (npm run build in web/). See <a href="docs">the
addresses</a>.</p></html>"""
_YEAR = 365 * 24 * 3600


def page_folder() -> Path:
    """Return the folder of the built page."""
    return Path(str(resources.files("leadline"))) / "server" / "page"


class _Hashed(StaticFiles):
    """Files of a folder; those in assets/ carry their content's hash in their names and may be kept."""

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder)
        self._kept = folder.name == "assets"

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = f"public, max-age={_YEAR}, immutable" if self._kept else "no-cache"
        return response


def add_page(app: FastAPI, folder: Path | None = None) -> None:
    """Serve the files of the built page, index.html at /, or say how to build it.

    Each file and folder gets an address of its own: one for everything would turn a wrong method elsewhere into "not found".
    """

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(_docs(app.openapi()))

    folder = folder or page_folder()
    if not (folder / "index.html").is_file():

        @app.get("/", include_in_schema=False)
        async def missing() -> HTMLResponse:
            return HTMLResponse(_MISSING)

        return
    for entry in sorted(folder.iterdir()):
        if entry.is_dir():
            app.mount(f"/{entry.name}", _Hashed(entry), name=entry.name)
        else:
            _add_file(app, entry, *(["/"] if entry.name == "index.html" else []), f"/{entry.name}")


def _add_file(app: FastAPI, path: Path, *addresses: str) -> None:
    async def send() -> FileResponse:
        return FileResponse(path, headers={"Cache-Control": "no-cache"})

    for address in addresses:
        app.add_api_route(address, send, methods=["GET", "HEAD"], include_in_schema=False)


def _docs(document: dict[str, Any]) -> str:
    """Return the addresses and their options as one HTML page without scripts."""
    parts = ["<!doctype html><html lang='en'><meta charset='utf-8'><title>leadline: addresses</title><h1>leadline</h1>"]
    parts.append(f"<p>{escape(document['info']['description'])} All of it: <a href='openapi.json'>openapi.json</a>.</p>")
    for path, methods in document["paths"].items():
        for method, about in methods.items():
            parts.append(f"<h2><code>{method.upper()} {escape(path)}</code></h2><p>{escape(about.get('summary', ''))}</p>")
            rows = [_row(parameter) for parameter in about.get("parameters", ())]
            if rows:
                parts.append(f"<table><tr><th>option</th><th>values</th><th></th></tr>{''.join(rows)}</table>")
    return "\n".join([*parts, "</html>"])


def _row(parameter: dict[str, Any]) -> str:
    schema = parameter["schema"]
    values = schema.get("enum") or [kind.get("type", "") for kind in schema.get("anyOf", [schema])]
    shown = ", ".join(str(value) for value in values if value != "null")
    if "default" in schema and schema["default"] is not None:
        shown += f" (default {schema['default']})"
    return (
        f"<tr><td><code>{escape(parameter['name'])}</code></td><td>{escape(shown)}</td>"
        f"<td>{escape(parameter.get('description', ''))}</td></tr>"
    )
