"""A pack's own contracts: found where they are there, refused when they are bad, part of the pack's digest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from sr_plugins.documents.pack import load_pack
from sr_plugins.documents.pack_check import check_pack
from sr_plugins.documents.pack_contracts import BINDING
from sr_ports import BadInput, ReasonCode
from tests.packs import LAWS, gate, output, write_pack

SHORT = {"properties": {"request_id": {"type": "string", "maxLength": 128}}}


def packed(folder: Path, **contracts: Any) -> str:
    """A sound pack with these contracts, by their files' names up to the first dot."""
    made = write_pack(folder, [gate("A", authorizes_outputs=["x"])], [output("x")])
    for name, document in contracts.items():
        path = folder / "contracts" / f"{name}.schema.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(document if isinstance(document, str) else yaml.safe_dump(document), "utf-8")
    return made


def test_each_of_the_five_binds_and_no_other_file_does(tmp_path: Path) -> None:
    names = {file.partition(".")[0] for file in BINDING.values()}
    bad = {"schemas": "[", "dataset": {"whatever": 1}}
    pack = load_pack(packed(tmp_path / "all", **dict.fromkeys(names, SHORT), **bad))
    assert dict(pack.contracts) == dict.fromkeys(BINDING, SHORT)
    assert dict(load_pack(packed(tmp_path / "none", **bad)).contracts) == {}


def test_the_digest_covers_what_binds_and_nothing_else(tmp_path: Path) -> None:
    def digest(name: str, **contracts: Any) -> str:
        return load_pack(packed(tmp_path / name, **contracts)).digest

    bare, bound = digest("bare"), digest("bound", engine_invocation=SHORT)
    assert digest("other", dataset={"type": "object"}) == bare
    assert bound != bare
    assert digest("told", engine_invocation={**SHORT, "description": "mine"}) == bound
    stricter = {"properties": {"request_id": {"type": "string", "maxLength": 64}}}
    assert digest("stricter", engine_invocation=stricter) != bound


def test_a_reference_is_followed_into_another_file_of_the_pack(tmp_path: Path) -> None:
    shared = {"definitions": {"id": {"maxLength": 8}}}
    ref = {"properties": {"request_id": {"$ref": "shared.schema.yaml#/definitions/id"}}}
    pack = load_pack(packed(tmp_path, engine_invocation=ref, shared=shared))
    assert pack.contracts["engine_invocation"] == {"properties": {"request_id": {"maxLength": 8}}}


@pytest.mark.parametrize(
    "document",
    [
        {"maxLenght": 1},
        {"$ref": "https://example.org/x.yaml"},
        {"$ref": "../../x.yaml"},
        {"$ref": "not_there.yaml"},
        {"$ref": "link.yaml"},
        {"$schema": "http://json-schema.org/draft-04/schema#"},
        "[unclosed",
        "a: 1\na: 2\n",
    ],
    ids=str,
)
def test_a_bad_one_is_refused_when_the_pack_is_loaded_and_when_it_is_checked(tmp_path: Path, document: Any) -> None:
    (tmp_path / "outside.yaml").write_text("{}")
    folder = packed(tmp_path / "pack", gate_receipt=document)
    (tmp_path / "pack" / "contracts" / "link.yaml").symlink_to(tmp_path / "outside.yaml")
    for look in (load_pack, lambda where: check_pack(where, LAWS)):
        with pytest.raises(BadInput) as caught:
            look(folder)
        assert caught.value.code is ReasonCode.PACK_INVALID
        assert "contracts" in caught.value.what
        assert "\n" not in caught.value.what
