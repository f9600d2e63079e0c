"""What the authority's laws share: values, a starting gun, and the fixtures with defaults."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import TypeVar

import pytest

from sr_ports.authority import (
    NO_STORE,
    AuthorityStore,
    Binding,
    Lease,
    Newest,
    PerPlatformRun,
    Scheduling,
    SoleService,
)
from sr_ports.conformance.lawful import Laws
from sr_ports.conformance.together import together

T = TypeVar("T")
Reopen = Callable[[], AuthorityStore]
Lapse = Callable[[float], None]

LONG_S = 3600.0
"""A lease of this many seconds outlives any test."""
CROWD = 16


STORE, OTHER = "5" * 32, "6" * 32
"""Identities of two stores."""


def a_binding(key: str, asked_for: str = "one", store_id: str = NO_STORE) -> Binding:
    """A binding for `key`, with ids that depend on the key alone and an intent on both."""
    intent = f'{{"asked_for":"{asked_for}"}}'
    return Binding(
        run_equivalence_key=key,
        run_id=hashlib.sha256(f"sr_run|{key}".encode()).hexdigest()[:32],
        intent_fingerprint=hashlib.sha256(intent.encode()).hexdigest(),
        intent=intent,
        platform_run_id="platform_20260131T134200Z",
        store_id=store_id,
    )


def bound(authority: AuthorityStore, key: str, store_id: str = NO_STORE) -> Binding | None:
    """What is bound for `key` in the store."""
    found = authority.find(a_binding(key).run_id).bindings
    return next((one for one in found if one.store_id == store_id), None)


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Start all calls together, each in a thread of its own; their results in order."""
    return together(calls, switch_s=None)


def took(
    authority: AuthorityStore,
    resource: str,
    owner: str = "a",
    ttl_s: float = LONG_S,
    above: int = 0,
    store_id: str = NO_STORE,
) -> Lease:
    """Acquire where nothing can be in the way."""
    lease = authority.acquire(resource, owner, ttl_s=ttl_s, above=above, store_id=store_id)
    assert lease is not None
    return lease


class AuthorityFixtures(Laws):
    """The fixtures an adapter may leave as they are."""

    states = (AuthorityStore, Newest, PerPlatformRun, Scheduling, SoleService)

    @pytest.fixture
    def short_ttl(self) -> float:
        return 0.2

    @pytest.fixture
    def unreachable(self) -> AuthorityStore:
        pytest.skip("this authority has no store that could be out of reach")

    @pytest.fixture
    def lapsed(self, authority: AuthorityStore, lapse: Lapse, short_ttl: float) -> Callable[[str], Lease]:
        """Makes a lease on the named resource that has lapsed."""

        def make(resource: str) -> Lease:
            lease = took(authority, resource, "sleeper", short_ttl)
            lapse(short_ttl * 1.5)
            return lease

        return make
