"""A law of another distribution, as the parent has it: its kind, and where a worker finds it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from sr_domain.evidence.law_traits import LawTraits
from sr_domain.evidence.provided_law import LawStopped, Question
from sr_plugins.host.loading import Source
from sr_plugins.isolation.workers import LawWorkers
from sr_ports import BundleView


@attrs.frozen
class IsolatedLaw:
    """Implements `HashingLaw` and `WatchedLaw`: its code runs in a worker."""

    kind: str
    source: Source
    workers: LawWorkers
    traits: LawTraits = attrs.field(factory=LawTraits)

    def try_worker(self) -> None:
        """Raise `LawStopped` where no worker can be had that has the law."""
        if self.kind not in self.workers.offered(self.source).kinds:
            raise LawStopped("its plugin has no such law any more")

    def digest(self, bundle: BundleView) -> Any:
        return self.watched(bundle, lambda: None)

    def watched(
        self, bundle: BundleView, check: Callable[[], None], question: Question = "digest", flag: bytes = b""
    ) -> Any:
        return self.workers.judged(self.source, self.kind, bundle, check, question, flag)
