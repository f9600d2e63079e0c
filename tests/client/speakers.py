"""Servers of every kind that a client may meet: each connection is answered by a function of the test's."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import attrs
import pytest

Talk = Callable[[socket.socket, bytes], None]
"""Answers one connection. Gets what was sent on it: head and body."""


@attrs.define
class Speaker:
    """A server on loopback. `heard`: what each connection sent."""

    port: int
    heard: list[bytes] = attrs.field(factory=list)
    scheme: str = "http"

    @property
    def url(self) -> str:
        """Where it is."""
        return f"{self.scheme}://127.0.0.1:{self.port}"


@contextlib.contextmanager
def speaking(talk: Talk, tls: ssl.SSLContext | None = None) -> Iterator[Speaker]:
    """A server that answers every connection by `talk`, until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        speaker = Speaker(listening.getsockname()[1], scheme="http" if tls is None else "https")
        thread = threading.Thread(target=_serve, args=(listening, talk, tls, speaker), daemon=True)
        thread.start()
        try:
            yield speaker
        finally:
            with contextlib.suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def _serve(listening: socket.socket, talk: Talk, tls: ssl.SSLContext | None, speaker: Speaker) -> None:
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        with contextlib.suppress(OSError, ValueError), connection:
            connection.settimeout(1)
            wrapped = connection if tls is None else tls.wrap_socket(connection, server_side=True)
            with wrapped:
                speaker.heard.append(_request(wrapped))
                talk(wrapped, speaker.heard[-1])


def _request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(1 << 16)
        if not chunk:
            return data
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    length = int(lengths[0].split(b":")[1]) if lengths else 0
    while len(body) < length:
        body += connection.recv(1 << 16)
    return head + b"\r\n\r\n" + body


def saying(status: str, body: bytes, kind: str = "application/json", *more: str) -> Talk:
    """One whole answer."""
    head = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *more, "Connection: close"]
    return lambda connection, _: connection.sendall("\r\n".join([*head, "", ""]).encode() + body)


def telling(status: str, document: Any, *more: str) -> Talk:
    """One whole JSON answer; a problem document where it refuses."""
    kind = "application/json" if status < "4" else "application/problem+json"
    return saying(status, json.dumps(document).encode(), kind, *more)


def in_turn(*talks: Talk) -> Talk:
    """Another answer for each connection; the last for all that follow."""
    left = list(talks)

    def next_talk(connection: socket.socket, asked: bytes) -> None:
        talk = left.pop(0) if len(left) > 1 else left[0]
        talk(connection, asked)

    return next_talk


def certified(folder: Path, host: str) -> tuple[ssl.SSLContext, Path]:
    """A server's side of TLS for `host`, by a certificate that signs itself; and that certificate, to be trusted."""
    pytest.importorskip("cryptography", reason="certificates are made with cryptography: the extra attest has it")
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a service under test")])
    try:
        alternative: x509.GeneralName = x509.IPAddress(ip_address(host))
    except ValueError:
        alternative = x509.DNSName(host)
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "service.pem", folder / "service.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, private)
    return context, certificate
