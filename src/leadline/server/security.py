"""Who may ask, and what a browser may do with the answers.

A server on this machine is reachable from every page that its user opens: a page of another host may post to it, or take its
name by DNS rebinding. So the Host header must name this machine, and requests that another page sends are refused.
"""

from __future__ import annotations

import hmac
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from leadline.server.errors import Refusal
from leadline.server.settings import Settings

_ABOUT = "/v1/about"  # says that a token is wanted
_LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "connect-src 'self' blob:; worker-src 'self' blob:; font-src 'self'; manifest-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def check_request(method: str, path: str, headers: Headers, settings: Settings) -> None:
    """Refuse what comes under a foreign name, from a foreign page, or without the token.

    Raises:
        Refusal: 401 or 403.
    """
    host = headers.get("host", "")
    if settings.is_local and _host_name(host) not in _LOCAL_HOSTS:
        raise Refusal(403, "host", f"host {host[:100]!r}: expected localhost or 127.0.0.1; for another name start with --host")
    if method not in ("GET", "HEAD", "OPTIONS") and _is_foreign(headers, host):
        raise Refusal(403, "origin", "a request from another page: expected this server's own page, or a program")
    wants_token = path.startswith("/v1") and path != _ABOUT
    if settings.token is not None and wants_token and not _has_token(headers, settings.token):
        raise Refusal(401, "token", "no token, or a wrong one: expected the header 'Authorization: Bearer TOKEN'")


def _host_name(host: str) -> str:
    """Return the name in a Host header, without port and brackets."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _is_foreign(headers: Headers, host: str) -> bool:
    """Whether a browser says that a page of another origin sends the request; programs say nothing."""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return True
    origin = headers.get("origin")
    if origin is None:
        return False
    return origin not in (f"http://{host}", f"https://{host}")


def _has_token(headers: Headers, token: str) -> bool:
    scheme, _, given = headers.get("authorization", "").partition(" ")
    # Compared as bytes in a time that does not tell how much of it is right.
    return hmac.compare_digest(given.strip().encode(), token.encode()) and scheme.lower() == "bearer"
