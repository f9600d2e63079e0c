"""Scenario Runner's boundary: ports, the values that cross them, errors, hooks.

This is the SDK: plugin and adapter authors import this package and nothing else of SR.
Conformance suites are in `sr_ports.conformance`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
from sr_ports.stores import Blob, ObjectStore, Stored

if TYPE_CHECKING:
    from sr_ports.hooks import Adapter, Wiring, hookimpl, hookspec

_HOOKS = frozenset({"Adapter", "Wiring", "hookimpl", "hookspec"})


def __getattr__(name: str) -> Any:
    """Load the hook surface on demand: the core needs the ports, not pluggy."""
    if name in _HOOKS:
        from sr_ports import hooks

        return getattr(hooks, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


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
    "Reason",
    "ReasonCode",
    "Runtime",
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
