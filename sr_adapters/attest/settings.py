"""Settings of keys in PEM files."""

from __future__ import annotations

import attrs

from sr_ports import setting


@attrs.frozen(kw_only=True)
class SigningKey:
    """`signing_key`: an Ed25519 key without passphrase."""

    signing_key: str = attrs.field(default="", metadata=setting("the PEM file of the private key", wanted="a path"))


@attrs.frozen(kw_only=True)
class PublicKey:
    """`public_key`: of any kind that the library verifies with."""

    public_key: str = attrs.field(default="", metadata=setting("the PEM file of the public key", wanted="a path"))
