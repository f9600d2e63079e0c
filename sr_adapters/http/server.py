"""The server: where it listens, and how it comes to an end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import uvicorn

from sr_adapters.http.edge import is_loopback
from sr_adapters.http.protocol import bounded
from sr_ports import BadInput, ReasonCode

if TYPE_CHECKING:
    from sr_adapters.http.service import Service

_QUEUE = 1024
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def listening(host: str, port: int, *, proven: bool) -> socket.socket:
    """A socket that listens there. `proven`: whether callers have to prove who they are.

    Raises `BadInput(ADDRESS_UNUSABLE)`; `BadInput(PROFILE_INVALID)` where anybody could be anybody from elsewhere.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        if not proven and not is_loopback(str(address[0])):
            what = f"auth.mode is disabled, and {host} is not this machine alone: anybody could be anybody"
            raise BadInput(
                ReasonCode.PROFILE_INVALID, what, "set auth.mode to an authenticator, or listen on 127.0.0.1"
            )
        return _bound(family, address)
    except OSError as error:
        what = f"cannot listen at {host} port {port}: {error.strerror or error}"
        raise BadInput(ReasonCode.ADDRESS_UNUSABLE, what) from error


def _bound(family: int, address: Any) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(_QUEUE)
    except OSError:
        made.close()
        raise
    return made


def shown(made: socket.socket) -> str:
    """The address of a socket, as a URL has it."""
    host, port = made.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


class Server(uvicorn.Server):
    """uvicorn's, which lets the service drain before it closes connections, and takes no signal for an error."""

    def __init__(self, app: Any, service: Service, begun: Callable[[Server], object]) -> None:
        self._service, self._begun = service, begun
        super().__init__(_config(app, service))

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._service.background is not None:
            self._service.background.start()
        self._begun(self)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._service.drain()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """For the block, a signal that ends a process ends the server; the second one at once."""
        before = {}
        with contextlib.suppress(ValueError):  # not the main thread: whoever began it ends it
            before = {one: signal.signal(one, self.handle_exit) for one in _STOP_SIGNALS}
        try:
            yield
        finally:
            for one, standing in before.items():
                signal.signal(one, standing)


def _config(app: Any, service: Service) -> uvicorn.Config:
    settings = service.settings
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        ws="none",
        http=bounded(settings),
        backlog=_QUEUE,
        timeout_keep_alive=max(1, int(settings.idle_s)),
        timeout_graceful_shutdown=max(1, int(settings.grace_s)),
    )


def serve(app: Any, service: Service, sockets: Sequence[socket.socket], begun: Callable[[Server], object]) -> int:
    """Serve until a signal, or `should_exit` of the server that `begun` is told of once it
    listens; how many runs were left behind.

    Blocks. Afterwards no request is answered, and no run is worked on, save those that would not be put down.
    """
    server = Server(app, service, begun)
    with asyncio.Runner(loop_factory=_loop()) as runner:
        runner.run(server.serve(sockets=list(sockets)))
    return service.end()


def _loop() -> Callable[[], asyncio.AbstractEventLoop]:
    import uvloop

    return uvloop.new_event_loop
