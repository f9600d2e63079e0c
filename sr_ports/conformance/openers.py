"""The laws of `sr_ports.EngineRoots`, as tests: opening roots by URI.

Subclass `EngineRootsLaws` and give it the fixtures `roots`, `uri` (of a root that has the file ``in/a`` with the
bytes ``a``) and `absent` (a URI of the same kind where nothing is). `foreign` is a URI that it does not read; None for
what opens any. What is below an open root: `roots.EngineRootLaws`.
"""

from __future__ import annotations

import pytest

from sr_ports.conformance.lawful import Laws
from sr_ports.conformance.second_look import read
from sr_ports.errors import BadInput
from sr_ports.roots import EngineRoots


class EngineRootsLaws(Laws):
    """Laws E1 and E2. Needs `roots`, `uri` and `absent`."""

    states = (EngineRoots,)

    @pytest.fixture
    def roots(self) -> EngineRoots:
        raise NotImplementedError("give the engine roots under test")

    @pytest.fixture
    def uri(self) -> str:
        raise NotImplementedError("say where a root with the file in/a is")

    @pytest.fixture
    def absent(self) -> str:
        raise NotImplementedError("say where no root is")

    @pytest.fixture
    def foreign(self) -> str | None:
        """A URI of a scheme that it does not read."""
        return "gopher://somewhere/else"

    def test_e1_each_snapshot_is_one_of_its_own(self, roots: EngineRoots, uri: str) -> None:
        with roots.open(uri) as one, roots.open(uri) as other:
            assert read(one, "in/a") == b"a"
            one.close()
            assert read(other, "in/a") == b"a"
        with roots.open(f"{uri}/") as slashed:
            assert read(slashed, "in/a") == b"a"

    def test_e1_a_root_that_is_not_there_is_opened_and_is_not_made(self, roots: EngineRoots, absent: str) -> None:
        for _ in range(2):
            with roots.open(absent) as root:
                assert not root.exists()
                assert list(root.list("")) == []
                assert root.stat("in/a") is None

    def test_e2_another_scheme_is_refused(self, roots: EngineRoots, foreign: str | None) -> None:
        if foreign is None:
            pytest.skip("this opens any URI")
        with pytest.raises(BadInput):
            roots.open(foreign).exists()
