"""Scenario Runner's boundary: ports, the values that cross them, errors, hooks.

This is the SDK: plugin and adapter authors import this package and nothing else of SR.
Conformance suites are in `sr_ports.conformance`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sr_ports.lazy import lazy_names

API_VERSION = "1.0"
"""The version of this boundary; what it promises is in ``docs/plugins.md``."""

if TYPE_CHECKING:
    from sr_ports.authority import (
        Admission,
        AuthorityStore,
        Binding,
        IndexedRun,
        IndexNote,
        Lease,
        Migratable,
        Noting,
        PerPlatformRun,
    )
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
    from sr_ports.laws import (
        BundleFile,
        BundleView,
        HashingLaw,
        IndexEntry,
        Json,
        Ordering,
        Params,
        PathBase,
        VerificationMethod,
    )
    from sr_ports.lazy import Later
    from sr_ports.reasons import REASONS, Reason, ReasonCode
    from sr_ports.roots import Changes, EngineRoot, EngineRoots, FileFact, Sink, check_path
    from sr_ports.runtime import (
        Authenticator,
        BatchSink,
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
    from sr_ports.settings import Refused, setting
    from sr_ports.signer import SignatureChecker, Signer
    from sr_ports.stores import Blob, ObjectStore, Provable, Stored, check_key
    from sr_ports.wanted import ListingRules, Wanted

_HOME = {
    "Adapter": "hooks",
    "Admission": "authority",
    "Authenticator": "runtime",
    "BatchSink": "runtime",
    "AuthorityStore": "authority",
    "BadInput": "errors",
    "Binding": "authority",
    "Blob": "stores",
    "BundleFile": "laws",
    "BundleView": "laws",
    "Changes": "roots",
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
    "Json": "laws",
    "Kind": "kinds",
    "Lease": "authority",
    "Later": "lazy",
    "LeaseLost": "errors",
    "ListingRules": "wanted",
    "Migratable": "authority",
    "NotFound": "errors",
    "Noting": "authority",
    "ObjectStore": "stores",
    "Provable": "stores",
    "ObsEvent": "runtime",
    "ObservabilitySink": "runtime",
    "Ordering": "laws",
    "OutcomeUnknown": "errors",
    "Params": "laws",
    "PathBase": "laws",
    "PerPlatformRun": "authority",
    "PlatformRuns": "runtime",
    "REASONS": "reasons",
    "Reason": "reasons",
    "ReasonCode": "reasons",
    "Refused": "settings",
    "Runtime": "runtime",
    "SignatureChecker": "signer",
    "Signer": "signer",
    "Sink": "roots",
    "SrError": "errors",
    "Stored": "stores",
    "Unreachable": "errors",
    "VerificationMethod": "laws",
    "Wanted": "wanted",
    "Wiring": "hooks",
    "WorkPool": "runtime",
    "check_key": "stores",
    "check_path": "roots",
    "hookimpl": "hooks",
    "hookspec": "hooks",
    "one_line": "errors",
    "setting": "settings",
}

if not TYPE_CHECKING:
    __getattr__ = lazy_names(__name__, _HOME)

__all__ = [
    "API_VERSION",
    "REASONS",
    "Adapter",
    "Admission",
    "Authenticator",
    "AuthorityStore",
    "BadInput",
    "BatchSink",
    "Binding",
    "Blob",
    "BundleFile",
    "BundleView",
    "Changes",
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
    "Json",
    "Kind",
    "Later",
    "Lease",
    "LeaseLost",
    "ListingRules",
    "Migratable",
    "NotFound",
    "Noting",
    "ObjectStore",
    "ObsEvent",
    "ObservabilitySink",
    "Ordering",
    "OutcomeUnknown",
    "Params",
    "PathBase",
    "PerPlatformRun",
    "PlatformRuns",
    "Provable",
    "Reason",
    "ReasonCode",
    "Refused",
    "Runtime",
    "SignatureChecker",
    "Signer",
    "Sink",
    "SrError",
    "Stored",
    "Unreachable",
    "VerificationMethod",
    "Wanted",
    "Wiring",
    "WorkPool",
    "check_key",
    "check_path",
    "hookimpl",
    "hookspec",
    "one_line",
    "setting",
]
