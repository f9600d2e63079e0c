"""Whether this replica lives, and whether it can work: asked of the wired servers, kept for a stated time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sr_adapters.http.answer import Answer, document
from sr_adapters.http.operations import Operation
from sr_domain.encoding.times import format_instant
from sr_domain.record.layout import store_identity_key
from sr_ports import NotFound, ReasonCode, SrError

if TYPE_CHECKING:
    from sr_domain.runner import ScenarioRunner

KEPT_S = 5.0
"""Seconds for which what the wired servers said is told again, so that nobody can ask them any faster."""
OK, UNREADY = 200, 503

LIVE = Operation("healthz", "GET", "/healthz", "Whether this replica lives. Needs no identity.", None, "health")
READY = Operation(
    "readyz", "GET", "/readyz", f"Whether this replica can work; asked of the servers at most every {KEPT_S:g} s."
    " Needs no identity.", None, "health", statuses=(200, 503),
)  # fmt: skip
METRICS = Operation(
    "metrics", "GET", "/metrics", "What this replica counted, in Prometheus's text format. Needs no identity.", None,
    "", media="text/plain", errors=(404,),
)  # fmt: skip


def live() -> Answer:
    """That the process answers."""
    return document(OK, {"ok": True})


class Readiness:
    """Asks store and authority, one asker at a time. `looks`: whether the loop that works on what is due does."""

    def __init__(
        self, runner: ScenarioRunner, looks: Callable[[], bool], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._runner, self._looks, self._clock, self._lock = runner, looks, clock, threading.Lock()
        self._kept: tuple[float, Answer] | None = None

    def fresh(self) -> Answer | None:
        """What was said last, where that is young enough."""
        kept = self._kept
        return kept[1] if kept is not None and self._clock() - kept[0] < KEPT_S else None

    def asked(self) -> Answer:
        """What they say now, or a moment ago."""
        with self._lock:
            answer = self.fresh()
            if answer is None:
                answer = self._ask()
                self._kept = (self._clock(), answer)
            return answer

    def _ask(self) -> Answer:
        ports = self._runner.ports
        checks = [
            _check("object_store", lambda: ports.store.stat(store_identity_key())),
            _check("authority", lambda: ports.authority.find("")),
            {"name": "background", "ok": self._looks()},
        ]
        ok = all(one["ok"] for one in checks)
        at = format_instant(ports.clock.now())
        return document(OK if ok else UNREADY, {"ok": ok, "asked_at_utc": at, "checks": checks})


def stopping() -> Answer:
    """That the replica ends: nobody is to be sent to it."""
    return document(UNREADY, {"ok": False, "checks": [{"name": "service", "ok": False, "reason_code": "INTERRUPTED"}]})


def _check(name: str, ask: Callable[[], object]) -> dict[str, Any]:
    """Whether a server answers, and by which code it does not: who may ask this without a name learns no more."""
    try:
        ask()
    except NotFound:  # nothing was ever submitted here
        return {"name": name, "ok": True}
    except SrError as error:
        return {"name": name, "ok": False, "reason_code": error.code.value}
    except Exception:  # noqa: BLE001 - a driver's own: no more is said to anybody
        return {"name": name, "ok": False, "reason_code": ReasonCode.INTERNAL.value}
    return {"name": name, "ok": True}
