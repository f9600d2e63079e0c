"""``python -m tests.bench.service [--seconds S] [--clients N]``: what one replica on the embedded default answers.

The generator is this process: one thread, N connections that are kept, each with one request on its way. It shares the
machine with the service, whose own processor time for each request is told beside the rate.
"""

from __future__ import annotations

import argparse
import json
import os
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import attrs

from tests.bench import worlds
from tests.bench.measure import machine

REPO = Path(__file__).resolve().parents[2]
_END = b"\r\n\r\n"
_LENGTH = b"content-length: "


@attrs.define
class Client:
    """One connection with one request on its way. `sent`: when, by the clock of `time.perf_counter`."""

    link: socket.socket
    sent: float = 0.0
    came: bytes = b""


@attrs.frozen
class Rate:
    """What was measured. `median_ms`, `p99_ms`: from request to answer. `cpu_ms`: of the service, for a request."""

    a_second: float
    median_ms: float
    p99_ms: float
    cpu_ms: float
    statuses: Counter[str]


def load(port: int, pid: int, request: bytes, seconds: float, clients: int) -> Rate:
    """Send one request after the other on every connection, for so long."""
    selector, taken, statuses = selectors.DefaultSelector(), list[float](), Counter[str]()
    for _ in range(clients):
        link = socket.create_connection(("127.0.0.1", port))
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(link, selectors.EVENT_READ, Client(link))
    cpu, began = _cpu_s(pid), time.perf_counter()
    for key in list(selector.get_map().values()):
        _send(key.data, request)
    while (now := time.perf_counter()) - began < seconds:
        for key, _ in selector.select(1):
            client: Client = key.data
            client.came += client.link.recv(65536)
            if _whole(client.came):
                statuses[client.came[9:12].decode()] += 1
                taken.append(now - client.sent)
                client.came = b""
                _send(client, request)
    spent, count = time.perf_counter() - began, len(taken)
    cpu = _cpu_s(pid) - cpu
    for key in list(selector.get_map().values()):
        key.data.link.close()
    taken.sort()
    worst = taken[int(count * 0.99)]
    return Rate(count / spent, statistics.median(taken) * 1000, worst * 1000, cpu / count * 1000, statuses)


def _send(client: Client, request: bytes) -> None:
    client.sent = time.perf_counter()
    client.link.sendall(request)


def _whole(data: bytes) -> bool:
    head, found, body = data.partition(_END)
    if not found:
        return False
    at = head.index(_LENGTH) + len(_LENGTH)
    return len(body) >= int(head[at : at + 12].split(b"\r")[0])


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def message(method: str, path: str, document: object = None) -> bytes:
    """A request as it is sent."""
    body = b"" if document is None else json.dumps(document).encode()
    kind = "" if document is None else f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{kind}\r\n".encode() + body


def measure(folder: Path, seconds: float, clients: int) -> list[tuple[str, str, Rate]]:
    """Duplicates and status reads of one small run; name, bar and rate."""
    pack, root = worlds.single_gate(folder, files=1, size=1000)
    profile = worlds.profile(folder, pack)
    node = {**json.loads(profile.read_text("utf-8")), "observability": {"sinks": ["file"]}}
    node["engine"]["allowed_roots"] = [str(root)]
    profile.write_text(json.dumps(node), "utf-8")
    args = [sys.executable, "-m", "sr_adapters.cli", "--profile", str(profile), "serve", "--port", "0"]
    with subprocess.Popen(args, cwd=REPO, stderr=subprocess.PIPE, text=True) as process:
        try:
            line = process.stderr.readline() if process.stderr else ""
            port = int(line.split("127.0.0.1:")[1].split()[0])
            submit = message("POST", "/v1/runs", worlds.request("again", root, ["out"]))
            run = json.loads(_one(port, submit))["run_id"]
            reads = (("duplicate submissions", ">= 1,000/s", submit),
                     ("status reads", ">= 1,500/s", message("GET", f"/v1/runs/{run}")),
                     ("liveness, for the cost of HTTP alone", "", message("GET", "/healthz")))  # fmt: skip
            return [(name, bar, load(port, process.pid, sent, seconds, clients)) for name, bar, sent in reads]
        finally:
            process.terminate()
            process.communicate(timeout=60)


def _one(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port)) as link:
        link.sendall(request)
        came = b""
        while not _whole(came):
            came += link.recv(65536)
        return came.partition(_END)[2]


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.service")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--clients", type=int, default=16)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sr-bench-") as name:
        found = measure(Path(name), args.seconds, args.clients)
    print(f"{args.clients} clients, {args.seconds:g} s each; {machine()}; load {os.getloadavg()[0]:.1f}\n")  # noqa: T201
    print("| work | measured | median | 99 % | processor time a request | bar |\n|---|---|---|---|---|---|")  # noqa: T201
    for name, bar, one in found:
        told = f"{one.a_second:.0f}/s | {one.median_ms:.1f} ms | {one.p99_ms:.1f} ms | {one.cpu_ms:.2f} ms"
        print(f"| {name} ({dict(one.statuses)}) | {told} | {bar} |")  # noqa: T201


if __name__ == "__main__":
    main()
