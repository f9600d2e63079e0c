"""Where a service is, as ``--server`` or ``SR_SERVER`` names it, and the way there."""

from __future__ import annotations

import base64
import ssl
from contextlib import suppress
from http.client import HTTPConnection, HTTPSConnection
from ipaddress import ip_address
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import attrs

from sr_ports import BadInput, ReasonCode

CONNECT_S = 10.0
"""Seconds for a connection to be made."""
_GIVE = "give --server, or SR_SERVER, as https://HOST or http://HOST:PORT"


@attrs.frozen
class Place:
    """The address of a service. `host`: as the system looks it up. `port`: None for the scheme's own.

    `path`: what goes before every path of the service, without its last slash; empty where it is at the root.
    """

    scheme: str
    host: str
    port: int | None
    path: str

    @classmethod
    def of(cls, url: str) -> Place:
        """The place that `url` names. Raises `BadInput(USAGE)`; no error quotes a password in it."""
        try:
            parts = urlsplit(url)
            port, host = parts.port, (parts.hostname or "").encode("idna").decode()
        except (ValueError, UnicodeError):
            raise _bad("it is no URL") from None
        wrong = _wrong(url, parts, host)
        if wrong:
            raise _bad(wrong)
        return cls(parts.scheme, host, port, parts.path.rstrip("/"))

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"

    @property
    def authority(self) -> str:
        """Host and port, as a URL and the header ``Host`` have them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether it is this machine, as the address itself says."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host in ("localhost", "localhost.")

    def way(self) -> Way:
        """How it is reached: by the proxy of the environment (``https_proxy``, ``no_proxy``), loopback by none."""
        proxies = {} if self.is_loopback or proxy_bypass(self.authority) else getproxies()
        proxy = proxies.get(self.scheme) or proxies.get("all")
        if not proxy:
            return Way(self._connection(self.host, self.port), "", {})
        return self._by_proxy(_proxy(proxy if "://" in proxy else f"http://{proxy}"))

    def _by_proxy(self, proxy: SplitResult) -> Way:
        host, port = str(proxy.hostname), proxy.port or 80
        user = f"{unquote(proxy.username or '')}:{unquote(proxy.password or '')}"
        known = {"Proxy-Authorization": f"Basic {base64.b64encode(user.encode()).decode()}"} if proxy.username else {}
        if self.scheme == "http":
            return Way(HTTPConnection(host, port, timeout=CONNECT_S), str(self), known)
        connection = self._connection(host, port)
        connection.set_tunnel(self.host, self.port or 443, headers=known)
        return Way(connection, "", {})

    def _connection(self, host: str, port: int | None) -> HTTPConnection:
        if self.scheme == "http":
            return HTTPConnection(host, port, timeout=CONNECT_S)
        return HTTPSConnection(host, port, timeout=CONNECT_S, context=ssl.create_default_context())


@attrs.frozen
class Way:
    """A connection that is not made yet. `before`: what a proxy wants before each path. `headers`: what else."""

    connection: HTTPConnection
    before: str
    headers: dict[str, str]


def _proxy(url: str) -> SplitResult:
    """The proxy that the environment names. Raises `BadInput(USAGE)`, which quotes nothing of it."""
    with suppress(ValueError):
        parts = urlsplit(url)
        if (parts.scheme, bool(parts.hostname), parts.port == 0) == ("http", True, False):
            return parts
    what = "the proxy that the environment names is none of http://HOST:PORT"
    raise BadInput(
        ReasonCode.USAGE, what, "correct http_proxy, https_proxy or all_proxy, or name the service in no_proxy"
    )


def _wrong(url: str, parts: SplitResult, host: str) -> str:
    """What is wrong with it, in words that quote nothing secret; empty where nothing is."""
    if parts.scheme not in ("http", "https") or not host:
        return "it is no http:// or https:// URL"
    if not url.isprintable() or " " in url or not parts.path.isascii():
        return "it has a character that no URL has"
    if "@" in parts.netloc:
        return "it has a user or password in it: the token is SR_TOKEN"
    return "it has a query or fragment" if parts.query or parts.fragment else ""


def _bad(why: str) -> BadInput:
    return BadInput(ReasonCode.USAGE, f"the address of the service cannot be used: {why}", _GIVE)
