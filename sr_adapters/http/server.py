"""The server: sockets, limits of connections, and how it comes to an end."""

from __future__ import annotations

import socket
from typing import Any

import uvicorn

from sr_adapters.http.service import Service


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises `OSError`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((host, port))
    made.listen(1024)
    return made


def server(app: Any, service: Service) -> uvicorn.Server:
    """The server of the application, not begun."""
    settings = service.settings
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=False,
        lifespan="off",
        ws="none",
        http="httptools",
        limit_concurrency=settings.connections,
        timeout_keep_alive=int(settings.idle_s),
        timeout_graceful_shutdown=int(settings.grace_s + settings.stop_s),
    )
    return uvicorn.Server(config)
