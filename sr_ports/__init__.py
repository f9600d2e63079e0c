"""Scenario Runner's boundary: ports, the values that cross them, errors, hooks.

This is the SDK: plugin and adapter authors import this package and nothing else of SR.
Conformance suites are in `sr_ports.conformance`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sr_ports.authority import Admission, AuthorityStore, Binding, IndexedRun, IndexNote, Lease
    from sr_ports.bus import ControlBus, Envelope
    from sr_ports.errors import (
        BadInput,
        EvidenceFault,
        Fault,
        LeaseLost,
        NotFound,
        OutcomeUnknown,
        SrError,
        Unreachable,
        one_line,
    )
    from sr_ports.hooks import Adapter, Wiring, hookimpl, hookspec
    from sr_ports.invoker import EngineCall, EngineInvoker, EngineResult
    from sr_ports.kinds import Kind
    from sr_ports.laws import BundleView, HashingLaw, IndexEntry, VerificationMethod
    from sr_ports.reasons import REASONS, Reason, ReasonCode
    from sr_ports.roots import EngineRoot, EngineRoots, FileFact, Sink
    from sr_ports.runtime import (
        Authenticator,
        Clock,
        Heartbeat,
        Held,
        Identity,
        IdSource,
        ObservabilitySink,
        ObsEvent,
        PlatformRuns,
        Runtime,
        WorkPool,
    )
    from sr_ports.signer import SignatureChecker, Signer
    from sr_ports.stores import Blob, ObjectStore, Provable, Stored

_HOME = {
    "Adapter": "hooks",
    "Admission": "authority",
    "Authenticator": "runtime",
    "AuthorityStore": "authority",
    "BadInput": "errors",
    "Binding": "authority",
    "Blob": "stores",
    "BundleView": "laws",
    "Clock": "runtime",
    "ControlBus": "bus",
    "EngineCall": "invoker",
    "EngineInvoker": "invoker",
    "EngineResult": "invoker",
    "EngineRoot": "roots",
    "EngineRoots": "roots",
    "Envelope": "bus",
    "EvidenceFault": "errors",
    "Fault": "errors",
    "FileFact": "roots",
    "HashingLaw": "laws",
    "Heartbeat": "runtime",
    "Held": "runtime",
    "IdSource": "runtime",
    "Identity": "runtime",
    "IndexEntry": "laws",
    "IndexNote": "authority",
    "IndexedRun": "authority",
    "Kind": "kinds",
    "Lease": "authority",
    "LeaseLost": "errors",
    "NotFound": "errors",
    "ObjectStore": "stores",
    "Provable": "stores",
    "ObsEvent": "runtime",
    "ObservabilitySink": "runtime",
    "OutcomeUnknown": "errors",
    "PlatformRuns": "runtime",
    "REASONS": "reasons",
    "Reason": "reasons",
    "ReasonCode": "reasons",
    "Runtime": "runtime",
    "SignatureChecker": "signer",
    "Signer": "signer",
    "Sink": "roots",
    "SrError": "errors",
    "Stored": "stores",
    "Unreachable": "errors",
    "VerificationMethod": "laws",
    "Wiring": "hooks",
    "WorkPool": "runtime",
    "hookimpl": "hooks",
    "hookspec": "hooks",
    "one_line": "errors",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: nobody pays for what they do not touch."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    value = globals()[name] = getattr(importlib.import_module(f"sr_ports.{_HOME[name]}"), name)
    return value


__all__ = [
    "REASONS",
    "Adapter",
    "Admission",
    "Authenticator",
    "AuthorityStore",
    "BadInput",
    "Binding",
    "Blob",
    "BundleView",
    "Clock",
    "ControlBus",
    "EngineCall",
    "EngineInvoker",
    "EngineResult",
    "EngineRoot",
    "EngineRoots",
    "Envelope",
    "EvidenceFault",
    "Fault",
    "FileFact",
    "HashingLaw",
    "Heartbeat",
    "Held",
    "IdSource",
    "Identity",
    "IndexEntry",
    "IndexNote",
    "IndexedRun",
    "Kind",
    "Lease",
    "LeaseLost",
    "NotFound",
    "ObjectStore",
    "ObsEvent",
    "ObservabilitySink",
    "OutcomeUnknown",
    "PlatformRuns",
    "Provable",
    "Reason",
    "ReasonCode",
    "Runtime",
    "SignatureChecker",
    "Signer",
    "Sink",
    "SrError",
    "Stored",
    "Unreachable",
    "VerificationMethod",
    "Wiring",
    "WorkPool",
    "hookimpl",
    "hookspec",
    "one_line",
]
