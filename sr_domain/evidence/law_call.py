"""Calling a hashing law: what the view raised is the world's, whatever else is raised is the law's own fault."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from sr_domain.evidence.bundle import Bundle, BundleAbsent, is_hex64
from sr_domain.evidence.provided_law import ProvidedLaw
from sr_ports import (
    BundleFile,
    BundleView,
    EvidenceFault,
    HashingLaw,
    IndexEntry,
    Params,
    PartsLaw,
    ReasonCode,
    Unreachable,
    VerificationMethod,
)
from sr_ports.errors import described, foreseen
from sr_ports.laws import PathBase

T = TypeVar("T")


def law_view(bundle: Bundle, heard: Callable[[BaseException], None]) -> BundleView:
    """All that a law is given of a bundle. `heard` is told of every error that the bundle raises.

    No attribute of the view, nor of what it returns, leads to the bundle, its root or a port. That holds against
    code that takes what it is given, not against code that takes Python apart (closures, frames, the garbage
    collector): what is to be kept from that runs in a process of its own.
    """

    def asked(work: Callable[[], T]) -> T:
        try:
            return work()
        except PermissionError:
            raise  # what the law may not ask is its own fault
        except BaseException as error:
            heard(error)
            raise

    class View:
        """A bundle, as a law sees it."""

        __slots__ = ()

        @property
        def method(self) -> VerificationMethod:
            return bundle.method

        @property
        def params(self) -> Params:
            return bundle.method.params

        def files(self) -> Sequence[BundleFile]:
            return asked(bundle.files)

        def index(self) -> Sequence[IndexEntry]:
            return asked(bundle.index)

        def stream(self, path: str, *, base: PathBase = "bundle_root") -> Iterator[bytes]:
            return _pulled(asked(lambda: bundle.stream(path, base=base)), asked)

        def sha256(self, paths: Iterable[str], *, base: PathBase = "bundle_root") -> str:
            named = tuple(paths)  # the law's own iterable: what it raises is the law's
            return asked(lambda: bundle.sha256(named, base=base))

    return View()


def _pulled(chunks: Iterator[bytes], asked: Callable[[Callable[[], bytes | None]], bytes | None]) -> Iterator[bytes]:
    """The chunks as a law sees them. An error ends them for good: whoever asks on is given it again."""
    ended: list[BaseException] = []

    def pull() -> bytes | None:
        if ended:
            raise ended[0]
        try:
            return asked(lambda: next(chunks, None))
        except BaseException as error:
            ended.append(error)
            raise

    return iter(pull, None)


def law_digest(provided: ProvidedLaw, bundle: Bundle) -> str:
    """The law's digest of a bundle, lower-case hex64.

    Raises what the view raised (`EvidenceFault`, `BundleAbsent`, `Unreachable`, `LeaseLost`), an
    `EvidenceFault` or `Unreachable` of the law's own, and `EvidenceFault(LAW_FAILED)` for all else.
    """
    raised: list[BaseException] = []
    view = law_view(bundle, raised.append)
    try:
        digest = _digest(provided.law, view, bundle, raised.append)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        if isinstance(error, EvidenceFault | Unreachable) and foreseen(error):
            raise
        if raised and error is raised[-1]:
            raise
        _of_the_world(raised, error)
        raise _failed(provided, bundle, described(error)) from error
    _of_the_world(raised, None)
    if not is_hex64(digest):
        raise _failed(provided, bundle, "it gave no sha256 digest")
    return str(digest).lower()


def _digest(law: HashingLaw, view: BundleView, bundle: Bundle, heard: Callable[[BaseException], None]) -> Any:
    """What the law says; one over parts is given those, which the bundle reads."""
    if not isinstance(law, PartsLaw):
        return law.digest(view)
    try:
        parts = tuple(bundle.parts())
    except BaseException as error:
        heard(error)
        raise
    return law.digest_parts(parts)


def _of_the_world(raised: Iterable[BaseException], after: BaseException | None) -> None:
    """Raise what the view raised and the law kept to itself, unless that is about the evidence."""
    for error in raised:
        if not isinstance(error, EvidenceFault | BundleAbsent):
            raise error from after


def _failed(provided: ProvidedLaw, bundle: Bundle, why: str) -> EvidenceFault:
    who = f"the law {bundle.method.kind} of {provided.distribution} {provided.version}"
    return EvidenceFault(ReasonCode.LAW_FAILED, f"{who} failed: {why}")
