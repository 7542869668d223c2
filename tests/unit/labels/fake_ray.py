"""As much of Ray as a label job uses, with actors that are objects and threads of this process, and that die when told."""

from __future__ import annotations

import os
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from types import SimpleNamespace
from typing import Any


class RayError(Exception):
    pass


class ActorUnavailableError(RayError):
    pass


class NodeDiedError(RayError):
    pass


class RayTaskError(RayError):
    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


class FakeRay:
    """One node.

    Args:
        room: actors that fit at once; others wait for ever.
        before: called with the number of an actor, a method's name and its arguments before each call; what it raises is
            the call's end: a `RayError` as the end of the actor, anything else as the method's own.
    """

    exceptions = SimpleNamespace(**{c.__name__: c for c in (RayError, ActorUnavailableError, NodeDiedError, RayTaskError)})

    def __init__(self, room: int = 2, before: Any = lambda number, method, arguments: None) -> None:
        self.room, self.before = room, before
        self.actors: list[_Actor] = []

    def nodes(self) -> list[dict[str, Any]]:
        return [{"Alive": True, "Resources": {"CPU": float(os.cpu_count() or 1)}}]

    def remote(self, made_of: type) -> Any:
        def make(*arguments: Any) -> _Actor:
            self.actors.append(_Actor(self, len(self.actors), made_of(*arguments)))
            return self.actors[-1]

        return SimpleNamespace(options=lambda **kept: SimpleNamespace(remote=make))

    def wait(self, answers: list[Any], num_returns: int = 1, timeout: float | None = None) -> tuple[list[Any], list[Any]]:
        came = wait(answers, timeout, FIRST_COMPLETED if num_returns == 1 else "ALL_COMPLETED").done
        return [answer for answer in answers if answer in came], [answer for answer in answers if answer not in came]

    def get(self, answer: Future[Any]) -> Any:
        try:
            return answer.result()
        except RayError:
            raise
        except Exception as error:
            raise RayTaskError(error) from error

    def bury(self) -> None:
        """End the threads of actors that died: a real worker's end with its process."""
        for actor in self.actors:
            actor.itself.leave()

    def kill(self, actor: _Actor) -> None:
        actor.alive = False
        actor.pool.shutdown(wait=False)


class _Actor:
    def __init__(self, ray: FakeRay, number: int, itself: Any) -> None:
        self._ray, self._number, self.itself = ray, number, itself
        self.alive = True
        self.pool = ThreadPoolExecutor(4)

    def __getattr__(self, method: str) -> Any:
        def remote(*arguments: Any) -> Future[Any]:
            if sum(actor.alive for actor in self._ray.actors[: self._number]) >= self._ray.room:
                return Future()
            return self.pool.submit(self._call, method, arguments)

        return SimpleNamespace(remote=remote)

    def _call(self, method: str, arguments: tuple[Any, ...]) -> Any:
        self._ray.before(self._number, method, arguments)
        return getattr(self.itself, method)(*arguments)
