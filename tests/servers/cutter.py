"""A loopback proxy that can cut a connection after the request went through: a lost answer."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress


class Cutter:
    """Forwards to `port`. Once armed, the next answer is swallowed and its connection cut.

    `trips`: how often a client spoke and then waited for an answer, however many packets that took.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._armed = threading.Event()
        self._answered = True
        self.trips = 0
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._start(self._accept)

    def lose_the_next_answer(self) -> None:
        self._armed.set()

    @property
    def is_armed(self) -> bool:
        return self._armed.is_set()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(timeout=10)

    def _start(self, work: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._target))
            self._start(self._pump, client, server, False)
            self._start(self._pump, server, client, True)

    def _pump(self, source: socket.socket, sink: socket.socket, is_answer: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self.trips += self._answered and not is_answer
                self._answered = is_answer
                if is_answer and self._armed.is_set():
                    self._armed.clear()
                    break
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            if not is_answer:
                end.close()
