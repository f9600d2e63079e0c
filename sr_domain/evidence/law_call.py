"""Calling a hashing law: what the view raised is the world's, whatever else is raised is the law's own fault."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from sr_domain.evidence.bundle import Bundle, BundleAbsent, is_hex64
from sr_domain.evidence.provided_law import ProvidedLaw
from sr_ports import EvidenceFault, FileFact, IndexEntry, ReasonCode, Unreachable, VerificationMethod
from sr_ports.errors import described, foreseen
from sr_ports.laws import PathBase

T = TypeVar("T")


class _View:
    """Implements `sr_ports.BundleView`, and remembers the last error that the bundle raised."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self.raised: BaseException | None = None

    @property
    def method(self) -> VerificationMethod:
        return self._bundle.method

    def files(self) -> Sequence[FileFact]:
        return self._asked(self._bundle.files)

    def index(self) -> Sequence[IndexEntry]:
        return self._asked(self._bundle.index)

    def sha256(self, paths: Iterable[str], *, base: PathBase = "bundle_root") -> str:
        named = tuple(paths)  # the law's own iterable: what it raises is the law's
        return self._asked(lambda: self._bundle.sha256(named, base=base))

    def _asked(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except BaseException as error:
            self.raised = error
            raise


def law_digest(provided: ProvidedLaw, bundle: Bundle) -> str:
    """The law's digest of a bundle, lower-case hex64.

    Raises what the view raised (`EvidenceFault`, `BundleAbsent`, `Unreachable`, `LeaseLost`), an
    `EvidenceFault` or `Unreachable` of the law's own, and `EvidenceFault(LAW_FAILED)` for all else.
    """
    view = _View(bundle)
    try:
        digest: Any = provided.law.digest(view)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        if isinstance(error, EvidenceFault | Unreachable) and foreseen(error):
            raise
        world = view.raised
        if error is world:
            raise
        if world is not None and not isinstance(world, EvidenceFault | BundleAbsent):
            raise world from error
        raise _failed(provided, bundle, described(error)) from error
    if not is_hex64(digest):
        raise _failed(provided, bundle, "it gave no sha256 digest")
    return str(digest).lower()


def _failed(provided: ProvidedLaw, bundle: Bundle, why: str) -> EvidenceFault:
    who = f"the law {bundle.method.kind} of {provided.distribution} {provided.version}"
    return EvidenceFault(ReasonCode.LAW_FAILED, f"{who} failed: {why}")
