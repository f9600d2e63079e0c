"""An issuer of JSON Web Tokens for tests: keys, tokens of any shape, and a key set in a file or behind a server."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import attrs
import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import get_default_algorithms

ISSUER, AUDIENCE = "https://login.example", "sr"


@cache
def rsa_key(name: str, bits: int = 2048) -> rsa.RSAPrivateKey:
    """A key by name, made once a process."""
    return rsa.generate_private_key(65537, bits)


@cache
def ec_key(name: str) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def public(key: Any, alg: str, **more: Any) -> dict[str, Any]:
    """The public half as a JSON Web Key."""
    made: Any = get_default_algorithms()[alg].to_jwk(key.public_key(), as_dict=True)
    made.pop("key_ops", None)
    return {**made, **more}


def key_set(*keys: Mapping[str, Any]) -> bytes:
    return json.dumps({"keys": list(keys)}).encode()


def claims(**changes: Any) -> dict[str, Any]:
    """What a good token says; None takes a claim away."""
    now = int(time.time())
    good = {"iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "exp": now + 86_400, "iat": now, "roles": ["leads"]}
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def token(key: Any = None, alg: str = "RS256", head: Mapping[str, Any] | None = None, **changes: Any) -> str:
    """A token that the issuer signs. `head`: more of its header."""
    return jwt.encode(claims(**changes), key or rsa_key("one"), alg, headers={"kid": "one", **(head or {})})


def part(document: Any) -> str:
    """Anything as a part of a token."""
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@attrs.define
class Served:
    """What a server answers. `asked`: how often it was."""

    url: str = ""
    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = attrs.field(factory=dict)
    asked: int = 0


@contextmanager
def server(body: bytes) -> Iterator[Served]:
    """A server on this machine that answers every request with `body`, until it is told otherwise."""
    told = Served(body=body)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.asked += 1
            self.send_response(told.status)
            for name, value in told.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(told.body)))
            self.end_headers()
            self.wfile.write(told.body)

        def log_message(self, *args: Any) -> None:
            return

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever, args=(0.02,))
    thread.start()
    told.url = f"http://127.0.0.1:{listening.server_address[1]}/keys"
    try:
        yield told
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()
