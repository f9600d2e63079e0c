"""Tokens, files of their digests, and headers that carry them."""

from __future__ import annotations

import hashlib
from pathlib import Path

from sr_adapters.auth import tokens
from sr_adapters.auth.settings import TokenSettings
from sr_ports import Authenticator
from tests.wired import wired

TOKEN, OTHER = "alice-0123456789-abcdefghijklmnop", "bob-9876543210-ponmlkjihgfedcba"


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def token_file(path: Path, **by_actor: str) -> Path:
    lines = (f"{actor}: {hashlib.sha256(token.encode()).hexdigest()}\n" for actor, token in by_actor.items())
    return write(path, "".join(lines).encode())


def checks_tokens(path: Path) -> Authenticator:
    return tokens.build(wired(TokenSettings, "authenticator", {"tokens_file": str(path)}))
