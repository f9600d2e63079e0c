"""A facts view under examination: held against itself and against what it refers to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from sr_domain.artifacts.rules import Rules
from sr_domain.queries.auditor import receipt_findings
from sr_domain.queries.finding import Finding
from sr_domain.record.layout import Layout
from sr_domain.record.revisions import FIRST
from sr_ports import BadInput, ObjectStore, ReasonCode
from sr_ports.stores import check_key

_RESOLVED = re.compile(r"/|[A-Za-z][A-Za-z0-9+.-]*:")


@attrs.frozen
class View:
    """A facts view that fits its contract. `data`: its bytes. `rules`: those it was made by."""

    layout: Layout
    data: bytes
    facts: Mapping[str, Any]
    rules: Rules

    @property
    def run_id(self) -> str:
        """The run that it says it is of."""
        return str(self.facts["run_id"])

    @property
    def key(self) -> str:
        """Where it stands in its store."""
        return self.layout.facts(self.run_id)

    @property
    def root(self) -> str | None:
        """The engine root that it names; a view of the first release may name none."""
        named = self.facts.get("oracle_pack_ref", {}).get("engine_run_root")
        return None if named is None else str(named)

    @property
    def resolved(self) -> bool:
        """Whether its paths are fully resolved, so that the bytes are found by it alone."""
        return self.root is not None and self.rules.revision > FIRST

    @staticmethod
    def below(path: str, root: str) -> str | None:
        """A resolved path relative to the engine root; None for one that is not below it."""
        prefix = root.rstrip("/") + "/"
        return path[len(prefix) :] if path.startswith(prefix) else None

    def itself(self) -> Iterator[Finding]:
        """The view against itself: its hash, its pins."""
        facts = self.facts
        try:
            made = self.rules.bundle_hash(facts)
        except KeyError as lacking:  # optional by its contract, and in every view that was ever written
            yield self.altered(f"it has no {lacking}, which its bundle_hash is over")
        else:
            if made != facts["bundle_hash"]:
                yield self.altered(f"its bundle_hash is {facts['bundle_hash']}, its content gives {made}")
        pins = facts["pins"]
        for name in ("run_id", "platform_run_id", "scenario_run_id"):
            if pins[name] != facts[name]:
                yield self.altered(f"its pin {name} is not its {name}")
        parts = (*facts["locators"], *(one["scope"] for one in facts["gate_receipts"]))
        if self.rules.revision > FIRST:  # an engine run that was reused has an id of its own, one for all
            pins = {**pins, "run_id": next((part["run_id"] for part in parts if "run_id" in part), None)}
        for part in parts:
            off = [pin for pin in pins if pin in part and part[pin] != pins[pin]]
            if off:
                yield self.altered(f"a locator or receipt names another {off[0]}")

    def refs(self, store: ObjectStore) -> Iterator[Finding]:
        """What the view refers to is its run's own, and its receipts are what it says."""
        own = {"plan_ref": self.layout.plan, "record_ref": self.layout.record, "status_ref": self.layout.status}
        for name, key in own.items():
            if self.facts[name] != key(self.run_id):
                yield self.altered(f"its {name} is not its run's")
        for receipt in self.facts.get("instance_receipts", ()):
            if all(map(self.owns, _named_by(receipt))):
                yield from receipt_findings(store, receipt, self.rules)
            else:
                yield self.altered(f"the receipt of {receipt['output_id']} is at no place of its platform run")

    def owns(self, key: str) -> bool:
        """Whether a key of the store lies in the platform run that the view is of."""
        try:
            check_key(key)
        except BadInput:
            return False
        return key.startswith(f"{self.layout.base}/")

    def altered(self, what: str) -> Finding:
        """The finding that the view is not what it was."""
        return Finding(ReasonCode.TRUTH_ALTERED, self.key, what)


def resolved(path: str) -> bool:
    """Whether a path is absolute or a URI."""
    return _RESOLVED.match(path) is not None


def speaks_of_today(facts: Mapping[str, Any]) -> bool:
    """Whether a view that fits the contract has paths that the first release never wrote: any that is resolved."""
    return "oracle_pack_ref" in facts and any(resolved(one["path"]) for one in facts["locators"])


def _named_by(receipt: Mapping[str, Any]) -> list[str]:
    """The keys of the store that an instance receipt names; an empty one where it names no place of its own."""
    manifest = receipt.get("bundle_manifest_ref")
    return [str(receipt.get("artifacts", {}).get("receipt_path", "")), *([] if manifest is None else [str(manifest)])]
