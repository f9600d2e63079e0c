"""Calling a hashing law: what the view raised is the world's, whatever else is raised is the law's own fault."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Final, TypeVar
from weakref import proxy

import attrs

from sr_domain.evidence.bundle import Bundle, BundleAbsent, is_hex64
from sr_domain.evidence.index_reader import MAX_ENTRIES, MAX_ENTRY
from sr_domain.evidence.law_view import asked, law_view
from sr_domain.evidence.provided_law import LawStopped, ProvidedLaw, Question, WatchedLaw
from sr_ports import CutShort, EvidenceFault, IndexEntry, PartsLaw, ReasonCode, Unreachable, one_line
from sr_ports.errors import described, foreseen
from sr_ports.masking import redact

T = TypeVar("T")
MOST_NOTES: Final = 20
LONGEST_NOTE: Final = 300


class LawFault(Exception):
    """A law gave no judgement: a fault of this worker's, of which the evidence says nothing. Its `what` goes on
    record: a law may quote secrets, which are masked."""

    def __init__(self, code: ReasonCode, what: str) -> None:

        super().__init__(code, what)
        self.code = code
        self.what = redact(what)


@attrs.define(eq=False, repr=False)
class _Heard:
    """What the view raised: the last of it, and the first that is not about the evidence."""

    last: BaseException | None = None
    world: BaseException | None = None

    def __call__(self, error: BaseException) -> None:
        self.last = error
        if self.world is None and not isinstance(error, EvidenceFault | BundleAbsent):
            self.world = error

    def forget(self) -> None:
        """Let go. An error that is held by what it went through keeps that, and a runner's open files, for ever."""
        self.last = self.world = None


def law_digest(provided: ProvidedLaw, bundle: Bundle) -> str:
    """The law's digest of a bundle, lower-case hex.

    Raises what the view raised (`EvidenceFault`, `BundleAbsent`, `Unreachable`, `LeaseLost`), an
    `EvidenceFault` or `Unreachable` of the law's own, and `LawFault` for all else.
    """
    return _sound(provided, _told(provided, partial(_digest, provided, bundle), bundle))


def law_stated(provided: ProvidedLaw, bundle: Bundle, flag: bytes) -> str:
    """The digest that the law reads from the gate's flag. Raises as `law_digest`."""
    try:
        digest = _told(provided, partial(_asked, provided, bundle, "stated", flag))
    except EvidenceFault as fault:
        raise _of_flag(fault, bundle) from fault
    return _sound(provided, digest, "of the flag it gave ")


def members_of(provided: ProvidedLaw, bundle: Bundle, flag: bytes) -> Callable[[], Iterable[IndexEntry]]:
    """What the law finds listed in the gate's flag, at each call. Raises as `law_digest`, so may a walk over them.

    A law that is watched is asked now, once: it is not asked one thing while it is at another.
    """
    if isinstance(provided.law, WatchedLaw):
        entries = tuple(law_members(provided, bundle, flag))
        return lambda: entries
    return partial(law_members, provided, bundle, flag)


def law_members(provided: ProvidedLaw, bundle: Bundle, flag: bytes) -> Iterator[IndexEntry]:
    """What the law finds listed in the gate's flag, entry by entry. Raises as `law_digest`."""
    try:
        answer = _told(provided, partial(_asked, provided, bundle, "members", flag))
        for count, entry in enumerate(_pulled(provided, answer)):
            yield _entry(provided, entry, count)
    except EvidenceFault as fault:
        raise _of_flag(fault, bundle) from fault


def law_culprit(provided: ProvidedLaw, bundle: Bundle) -> str | None:
    """The first file at fault, as far as the law can tell: it says so in a word, or by the fault that it raises."""
    try:
        named = _told(provided, partial(_asked, provided, bundle, "culprit", b""))
    except EvidenceFault as fault:
        return fault.path
    except (BundleAbsent, LawFault):
        return None
    return one_line(named) if isinstance(named, str) and named else None


def law_notes(provided: ProvidedLaw, bundle: Bundle) -> tuple[str, ...]:
    """What the law notes of a bundle that is sound, a line each, not too many. Raises as `law_digest`."""
    answer = _told(provided, partial(_asked, provided, bundle, "notes", b""))
    notes = itertools.islice(_pulled(provided, answer), MOST_NOTES)
    return tuple(one_line(redact(note), LONGEST_NOTE) for note in notes if isinstance(note, str) and note.strip())


def _placed(fault: EvidenceFault, bundle: Bundle) -> EvidenceFault:
    """A fault of a law's own, which names files from its base on, with the path below the engine root."""
    inside = bundle.inside if bundle.method.path_base == "bundle_root" else ""
    if not fault.path or not inside:
        return fault
    kind = CutShort if isinstance(fault, CutShort) else EvidenceFault
    return kind(fault.code, fault.what, inside + fault.path)


def _of_flag(fault: EvidenceFault, bundle: Bundle) -> EvidenceFault:
    """A fault that a law found in the flag's bytes, whose path it does not know."""
    if fault.path is not None or bundle.flag_path is None:
        return fault
    kind = CutShort if isinstance(fault, CutShort) else EvidenceFault
    return kind(fault.code, f"{bundle.flag_path}: {fault.what}", bundle.flag_path)


def _told(provided: ProvidedLaw, work: Callable[[_Heard], T], bundle: Bundle | None = None) -> T:
    """What the law says, or what is to be raised in its place. `bundle`: what its own faults' paths are in."""
    heard = _Heard()
    try:
        answer = work(heard)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - raised again, or what stands for it
        instead = _instead(provided, error, heard)
        if bundle is not None and isinstance(instead, EvidenceFault) and instead is not heard.last:
            instead = _placed(instead, bundle)
        try:
            if instead is error:
                raise
            raise instead from error
        finally:
            del instead  # as `forget` says
    else:
        if heard.world is not None:
            raise heard.world
        return answer
    finally:
        heard.forget()


def _pulled(provided: ProvidedLaw, answer: Any) -> Iterator[Any]:
    """The items that a law answers with, one by one."""
    try:
        yield from answer
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        instead = _instead(provided, error, _Heard())
        if instead is error:
            raise
        raise instead from error


def _instead(provided: ProvidedLaw, error: BaseException, heard: _Heard) -> BaseException:
    """What is raised in place of what came of a law."""
    if error is heard.last or isinstance(error, LawFault) or (isinstance(error, EvidenceFault) and foreseen(error)):
        return error
    if isinstance(error, Unreachable) and foreseen(error):
        return Unreachable(error.code, redact(error.what), redact(error.remedy))
    if heard.world is not None:  # the law kept it to itself
        return heard.world
    return _fault(provided, error)


def _digest(provided: ProvidedLaw, bundle: Bundle, heard: _Heard) -> Any:
    """What the law says; one over parts is given those, which the bundle reads."""
    law = provided.law
    if isinstance(law, PartsLaw) and not isinstance(law, WatchedLaw):
        return law.digest_parts(asked(lambda: tuple(bundle.parts()), heard))
    return _asked(provided, bundle, "digest", b"", heard)


def _asked(provided: ProvidedLaw, bundle: Bundle, question: Question, flag: bytes, heard: _Heard) -> Any:
    # The view's class is in a circle with itself, as every class is: what it held would outlive the runner it is of.
    law, view = provided.law, law_view(proxy(bundle), heard)
    if isinstance(law, WatchedLaw):
        of_flag = () if question == "digest" else (question, flag)
        return law.watched(view, partial(asked, partial(bundle.guard, 0), heard), *of_flag)
    return getattr(law, question)(flag if question in ("stated", "members") else view)


def _sound(provided: ProvidedLaw, digest: Any, what: str = "it gave ") -> str:
    """A digest of the law's algorithm, lower-case."""
    traits = provided.traits
    lower = digest.lower() if isinstance(digest, str) else None
    if lower is None or not traits.is_digest(lower):
        raise LawFault(ReasonCode.LAW_FAILED, f"{provided.by} failed: {what}no {traits.algorithm} digest")
    return lower


def _entry(provided: ProvidedLaw, entry: Any, count: int) -> IndexEntry:
    """An entry that a law made, behind `count` others. Its path is judged where it is used."""
    if count >= MAX_ENTRIES:
        raise EvidenceFault(ReasonCode.DOCUMENT_TOO_MANY, f"it lists more than {MAX_ENTRIES} files")
    if isinstance(entry, IndexEntry) and isinstance(entry.path, str):
        digest, claim = entry.sha256_hex, entry.claim
        if (digest is None or is_hex64(digest)) and (claim is None or isinstance(claim, str)):
            if len(entry.path) + len(claim or "") <= MAX_ENTRY:
                return entry
            raise EvidenceFault(ReasonCode.NAME_TOO_LONG, f"the flag has an entry of more than {MAX_ENTRY} characters")
    raise LawFault(ReasonCode.LAW_FAILED, f"{provided.by} failed: one of its members is no entry")


def _fault(provided: ProvidedLaw, error: BaseException) -> LawFault:
    if not isinstance(error, LawStopped):
        return LawFault(ReasonCode.LAW_FAILED, f"{provided.by} failed: {described(error)}")
    if error.late:
        return LawFault(ReasonCode.LAW_TIMEOUT, f"{provided.by} was ended: {error.why}")
    return LawFault(ReasonCode.LAW_FAILED, f"{provided.by} failed: {error.why}")
