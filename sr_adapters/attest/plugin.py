"""What the attest family offers: a signer and a checker with keys in PEM files."""

from __future__ import annotations

from collections.abc import Sequence

from sr_ports import Adapter, Later, SignatureChecker, Signer, hookimpl

_NEEDS = ("securesystemslib", "cryptography")


@hookimpl
def sr_signers() -> Sequence[Adapter[Signer]]:
    return [
        Adapter(
            "key_file",
            Later("sr_adapters.attest.dsse:build_signer"),
            extra="attest",
            requires=_NEEDS,
            settings=Later("sr_adapters.attest.settings:SigningKey"),
        )
    ]


@hookimpl
def sr_signature_checkers() -> Sequence[Adapter[SignatureChecker]]:
    return [
        Adapter(
            "key_file",
            Later("sr_adapters.attest.dsse:build_checker"),
            extra="attest",
            requires=_NEEDS,
            settings=Later("sr_adapters.attest.settings:PublicKey"),
        )
    ]
