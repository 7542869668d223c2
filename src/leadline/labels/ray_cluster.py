"""A connection to a Ray cluster: found within bounded time or refused in one line, and given back as it was.

Ray itself waits minutes for an address where nothing answers, and can't be interrupted meanwhile. So the address is tried
before, and Ray is given its time in a thread.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
from collections.abc import Iterator
from threading import Thread
from typing import Any

from leadline.errors import LeadlineError
from leadline.runtime.engine import one_line, usable_cores

CONNECT_S = 30.0
_REACH_S = 5.0
_STORE_BYTES = 80 << 20  # a worker answers with a few numbers; Ray would take a third of the memory
_HINT = "expected HOST:PORT of `ray start --head`, from a machine of the cluster"


def import_ray() -> Any:
    """Return the package.

    Raises:
        LeadlineError: it is not installed.
    """
    try:
        import ray
    except ImportError:
        raise LeadlineError(
            "the engine 'ray' needs Ray: pip install 'leadline[cluster,labels]'; or use --engine local"
        ) from None
    return ray


@contextlib.contextmanager
def connected(address: str | None, connect_s: float = CONNECT_S) -> Iterator[Any]:
    """Connect to a cluster; yield the package `ray`. A connection that is there already is used, and left as it is.

    Args:
        address: HOST:PORT of the cluster's head, or "auto" for the one that this machine belongs to; None takes the variable
            RAY_ADDRESS, and without it starts Ray on this machine alone, which ends with the connection.
        connect_s: how long to wait.

    Raises:
        LeadlineError: Ray is not installed, or the address does not answer.
    """
    ray = import_ray()
    if ray.is_initialized():
        yield ray
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # of a Ray that is started here: tell nobody
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    address = address or os.environ.get("RAY_ADDRESS") or None
    if address is None:
        ray.init(address="local", num_cpus=usable_cores(), object_store_memory=_STORE_BYTES, include_dashboard=False, **quiet)
    else:
        _reach(_resolved(address))
        _bounded(lambda: ray.init(address=address, **quiet), address, connect_s)
    try:
        yield ray
    finally:
        ray.shutdown()


def node_cpus(ray: Any) -> list[int]:
    """Return the CPUs of every living node that has some."""
    found = (int(node.get("Resources", {}).get("CPU", 0)) for node in ray.nodes() if node.get("Alive", node.get("alive")))
    return sorted(cpus for cpus in found if cpus)


def _resolved(address: str) -> str:
    if address != "auto":
        return address
    from ray._private.services import canonicalize_bootstrap_address

    try:
        found = canonicalize_bootstrap_address(address)
    except Exception as error:  # ConnectionError, or whatever a file of an older Ray gives
        raise LeadlineError(f"no Ray runs on this machine ({one_line(error)}): {_HINT}, or leave the address out") from None
    return str(found)


def _reach(address: str) -> None:
    if address.startswith("ray://"):
        raise LeadlineError(f"{address} is an address for Ray clients: {_HINT}, which sees the folder of the labels")
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise LeadlineError(f"Ray address {address!r}: {_HINT}")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _REACH_S).close()
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise LeadlineError(f"no Ray cluster answers at {address} ({reason}): {_HINT}") from None


def _bounded(connect: Any, address: str, seconds: float) -> None:
    failures: list[BaseException] = []

    def run() -> None:
        try:
            connect()
        except BaseException as error:
            failures.append(error)

    thread = Thread(target=run, name="leadline-ray", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise LeadlineError(f"what answers at {address} was no Ray cluster within {seconds:.0f} s: {_HINT}")
    if failures:  # another version of Ray or Python, a password
        raise LeadlineError(f"can't join the Ray cluster at {address}: {one_line(failures[0])}") from None
