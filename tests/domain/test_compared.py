"""Classes that share equality, hash and repr; details of events that are defined when first needed."""

from __future__ import annotations

import subprocess
import sys

import attrs

from sr_domain.record.events import EVENTS
from sr_domain.record.values import Value
from sr_ports import Lease, Stored
from sr_ports.compared import Compared


@attrs.frozen(eq=False, repr=False)
class One(Compared):
    name: str
    number: int = 0


@attrs.frozen(eq=False, repr=False)
class Other(Compared):
    name: str
    number: int = 0


def test_equal_fields_make_equal_values_of_one_class_alone() -> None:
    assert One("a", 1) == One("a", 1)
    assert One("a", 1) != One("a", 2)
    assert One("a", 1) != Other("a", 1)
    assert len({One("a"), One("a"), One("b"), Other("a")}) == 3


def test_a_value_is_shown_with_its_fields() -> None:
    assert repr(One("a", 1)) == "One(name='a', number=1)"
    assert repr(Stored("k", 1, "e")) == "Stored(key='k', size=1, etag='e')"


def test_values_of_the_ports_are_compared_so() -> None:
    assert Lease("r", "o", 1, 2.0) == Lease("r", "o", 1, 2.0)
    assert Lease("r", "o", 1, 2.0) != Lease("r", "o", 2, 2.0)


def test_every_kind_of_event_has_its_class_of_details() -> None:
    assert all(issubclass(kind.details, Value) for kind in EVENTS.values())


def test_the_catalogue_of_events_alone_defines_no_details() -> None:
    check = "import sys, sr_domain.record.events; sys.exit('sr_domain.record.details' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


def test_help_imports_no_attrs() -> None:
    check = "import sys, sr_adapters.cli.app; sys.exit('attr' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
