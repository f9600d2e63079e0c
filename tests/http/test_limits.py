"""What one caller can cost: bytes, time, connections, and what no request reaches."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path

import pytest

from sr_adapters.http.edge import is_loopback
from sr_adapters.http.server import listening
from sr_ports import BadInput, ReasonCode
from tests.http.kit import Site, Tokens, bearer, request, running

HOST = b"Host: localhost\r\n"
KIND = b"Content-Type: application/json\r\n"


def test_headers_that_come_slowly_are_not_waited_for(tmp_path: Path) -> None:
    with running(tmp_path, service={"request_seconds": 0.3}) as site:
        began = time.monotonic()
        said = site.said(b"GET /healthz HTTP/1.1\r\n" + HOST)
        assert said.startswith(b"HTTP/1.1 408 ")
        assert time.monotonic() - began < 5
        assert site.get("/healthz").status == 200


def test_a_connection_that_says_nothing_is_ended(tmp_path: Path) -> None:
    with running(tmp_path, service={"request_seconds": 0.3}) as site:
        assert site.said(b"").startswith(b"HTTP/1.1 408 ")


def test_a_body_that_comes_slowly_is_not_waited_for(tmp_path: Path) -> None:
    with running(tmp_path, service={"request_seconds": 0.3}) as site:
        head = b"POST /v1/plan HTTP/1.1\r\nConnection: close\r\n" + HOST + KIND + b"Content-Length: 100\r\n\r\n{"
        assert site.said(head).startswith(b"HTTP/1.1 408 ")


def test_a_connection_that_is_kept_may_rest_between_requests(tmp_path: Path) -> None:
    with running(tmp_path, service={"request_seconds": 0.2}) as site, socket.create_connection(site.address) as link:
        link.settimeout(10)
        for _ in range(2):
            link.sendall(b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n")
            assert link.recv(65536).startswith(b"HTTP/1.1 200 ")
            time.sleep(0.4)


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        b"GET /healthz HTTP/9.9\r\n\r\n",
        b"POST /v1/plan HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n" + HOST + b"\r\n0\r\n\r\n",
    ],
)
def test_what_is_no_http_ends_in_one_problem(site: Site, sent: bytes) -> None:
    said = site.said(sent, end=True)
    assert said.startswith(b"HTTP/1.1 400 ")
    assert json.loads(said.partition(b"\r\n\r\n")[2])["reason_code"] == "HTTP_INVALID"
    assert site.get("/healthz").status == 200


def test_a_body_is_counted_whatever_its_length_says(tmp_path: Path) -> None:
    with running(tmp_path, service={"body_bytes": 64}) as site:
        chunks = b"".join(b"10\r\n0123456789abcdef\r\n" for _ in range(8)) + b"0\r\n\r\n"
        head = b"POST /v1/plan HTTP/1.1\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n" + HOST + KIND + b"\r\n"
        assert site.said(head + chunks).startswith(b"HTTP/1.1 413 ")


def test_a_document_that_is_hostile_costs_little(site: Site) -> None:
    for body in (b"[" * 200_000, b'{"a":' * 5_000, b'{"a": 1, "a": 2}', b'{"a": NaN}', b"\xff\xfe", b'"\\ud800"', b""):
        got = site.ask("POST", "/v1/runs", raw=body)
        assert got.status in (400, 422), (got.status, body[:20])
    assert site.get("/v1/runs").json["runs"] == []


def test_no_path_of_a_request_reaches_the_file_system(site: Site) -> None:
    site.ready()
    secret = site.folder / "secret.json"
    secret.write_text("{}")
    for name in (str(secret), f"file://{secret}", "../secret.json", "/etc/passwd"):
        got = site.post("/v1/verify", {"run_id": name})
        assert (got.status, got.code) == (422, "USAGE")
        moved = site.post("/v1/verify", {"run_id": "key:key", "engine_run_root": name})
        assert (moved.status, moved.code) == (422, "ENGINE_ROOT_UNFIT")
    assert site.post("/v1/verify", {"run_id": "key:key", "engine_run_root": site.root}).json["findings"] == []


def test_a_page_of_another_site_can_ask_for_nothing(site: Site) -> None:
    run = site.ready()
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        got = site.ask("POST", f"/v1/runs/{run}/resume", headers=headers)
        assert (got.status, got.code) == (403, "HOST_UNKNOWN")
    own = f"http://{site.address[0]}:{site.address[1]}"
    assert site.ask("POST", f"/v1/runs/{run}/resume", headers={"Origin": own}).status == 200
    rebound = site.get("/v1/runs", Host="evil.example")
    assert (rebound.status, rebound.code) == (403, "HOST_UNKNOWN")


def test_a_service_that_knows_its_callers_has_any_name(tmp_path: Path) -> None:
    with running(tmp_path, authenticator=Tokens(), auth={"submit": ["alice"]}) as site:
        assert site.ask("GET", "/v1/runs", headers={**bearer("alice"), "Host": "sr.example"}).status == 200


def test_every_answer_has_the_headers_that_browsers_need(site: Site) -> None:
    for path in ("/healthz", "/v1/runs", "/nowhere", "/openapi.json"):
        got = site.get(path)
        assert got.headers["x-content-type-options"] == "nosniff"
        assert got.headers["content-security-policy"].startswith("default-src 'none'")
        assert got.headers["cache-control"] == "no-store"
        assert "server" not in got.headers


def test_a_service_that_knows_nobody_listens_on_this_machine_alone() -> None:
    with pytest.raises(BadInput) as refused:
        listening("0.0.0.0", 0, proven=False)
    assert (refused.value.code, "loopback" in refused.value.what or "this machine" in refused.value.what) == (
        ReasonCode.PROFILE_INVALID,
        True,
    )
    with listening("0.0.0.0", 0, proven=True) as everywhere, listening("localhost", 0, proven=False) as here:
        assert everywhere.getsockname()[0] == "0.0.0.0"
        assert is_loopback(here.getsockname()[0])
        with pytest.raises(BadInput) as taken:
            listening("127.0.0.1", here.getsockname()[1], proven=True)
        assert taken.value.code is ReasonCode.ADDRESS_UNUSABLE


def test_no_secret_of_a_request_comes_back(site: Site) -> None:
    got = site.post("/v1/runs", request("AKIAIOSFODNN7EXAMPLE"), Authorization="Bearer hunter2")
    assert "hunter2" not in got.body.decode()
    other = site.post("/v1/runs", request(engine_run_root="s3://user:hunter2@bucket/root"))
    assert (other.status, "hunter2" in other.body.decode()) == (422, False)
