"""What the auth family offers: the authenticators ``token`` and ``jwt``."""

from __future__ import annotations

from collections.abc import Sequence

from sr_ports import Adapter, Authenticator, Later, hookimpl


@hookimpl
def sr_authenticators() -> Sequence[Adapter[Authenticator]]:
    return [
        Adapter(
            "token",
            Later("sr_adapters.auth.tokens:build"),
            settings=Later("sr_adapters.auth.settings:TokenSettings"),
        ),
        Adapter(
            "jwt",
            Later("sr_adapters.auth.jwts:build"),
            extra="service",
            requires=("jwt", "cryptography"),
            settings=Later("sr_adapters.auth.settings:JwtSettings"),
        ),
    ]
