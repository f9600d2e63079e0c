"""What answers may be no service, a broken one, or nobody: one error line, the right exit code, never the token."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import Any

import pytest

from sr_adapters.client import transport
from sr_adapters.client.place import Place
from sr_adapters.client.transport import Question, Transport
from sr_ports import BadInput, ReasonCode, Unreachable
from tests.client.served import Said, said
from tests.client.speakers import Talk, certified, in_turn, saying, speaking, telling

RUN = "0" * 32
TOKEN = "hunter2-hunter2-hunter2"
STATUS = {"schema_version": "1.0", "run_id": RUN, "state": "READY", "published": True}
NOT_FOUND = {
    "schema_version": "1.0",
    "status": 404,
    "title": "no run",
    "detail": "there is no run",
    "reason_code": "RUN_NOT_FOUND",
    "remedy": "check it",
    "exit_code": 8,
}
ENDED = {**NOT_FOUND, "status": 503, "reason_code": "INTERRUPTED", "detail": "the service ends", "exit_code": 130}


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "SSL_CERT_FILE", "SR_SERVER", "SR_PROFILE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("SR_TOKEN", TOKEN)
    monkeypatch.setattr(transport, "_FIRST_PAUSE_S", 0.001)


def asked(url: str, *flags: str) -> Said:
    """The status of a run, of whatever is there; said without the token."""
    done = said("--server", url, *flags, "status", RUN)
    assert TOKEN not in done.out + done.err
    return done


def refused(url: str, code: str, exit_code: int = 9) -> str:
    """The one error line of a question that fails by `code`; with --json the same in one document."""
    done = asked(url)
    assert (done.code, done.error, done.out) == (exit_code, code, "")
    document = asked(url, "--json")
    assert (document.json["error"]["reason_code"], document.json["exit_code"], document.code) == (
        code,
        exit_code,
        exit_code,
    )
    return done.err


def test_a_service_answers_and_is_told_who_asks() -> None:
    with speaking(telling("200 OK", STATUS)) as service:
        assert asked(service.url).code == 0
    (heard,) = service.heard
    assert heard.startswith(b"GET /v1/runs/" + RUN.encode() + b" HTTP/1.1\r\n")
    assert f"Authorization: Bearer {TOKEN}\r\n".encode() in heard


def test_without_a_token_none_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SR_TOKEN")
    with speaking(telling("200 OK", STATUS)) as service:
        assert asked(service.url).code == 0
    assert b"authorization" not in service.heard[0].lower()


def test_a_path_before_the_service_s_own_is_kept() -> None:
    with speaking(telling("200 OK", STATUS)) as service:
        assert asked(f"{service.url}/behind/it/").code == 0
    assert service.heard[0].startswith(b"GET /behind/it/v1/runs/")


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
    assert f"http://127.0.0.1:{port}: " in refused(f"http://127.0.0.1:{port}", "SERVICE_UNREACHABLE")


def test_a_name_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", _nobody)
    assert "its name is not known" in refused("http://sr.example", "SERVICE_UNREACHABLE")


ANSWERS: list[tuple[str, Talk, str, int]] = [
    ("a page", saying("200 OK", b"<html>hello</html>", "text/html"), "SERVICE_ANSWER_INVALID", 9),
    ("another site", saying("404 Not Found", b"<html>", "text/html"), "SERVICE_ANSWER_INVALID", 9),
    ("a proxy's page", saying("502 Bad Gateway", b"<html>", "text/html"), "SERVICE_UNREACHABLE", 9),
    ("a log-in page", saying("401 Unauthorized", b"<html>", "text/html"), "AUTH_UNPROVEN", 6),
    ("a closed door", saying("403 Forbidden", b"<html>", "text/html"), "AUTH_DENIED", 6),
    ("other JSON", telling("200 OK", {"hello": "world"}), "SERVICE_ANSWER_INVALID", 9),
    ("a list", telling("200 OK", []), "SERVICE_ANSWER_INVALID", 9),
    ("JSON of a newer shape", telling("200 OK", {**STATUS, "schema_version": "2.0"}), "SERVICE_ANSWER_INVALID", 9),
    ("a state nobody knows", telling("200 OK", {**STATUS, "state": "HAPPY"}), "SERVICE_ANSWER_INVALID", 9),
    ("a reason nobody knows", telling("200 OK", {**STATUS, "reason_code": "NEWER"}), "SERVICE_ANSWER_INVALID", 9),
    ("a problem of another's", telling("404 Not Found", {"detail": "Not Found"}), "SERVICE_ANSWER_INVALID", 9),
    ("a problem of a newer release", telling("409 Conflict", {"reason_code": "NEWER"}), "SERVICE_ANSWER_INVALID", 9),
    ("the service's own problem", telling("404 Not Found", NOT_FOUND), "RUN_NOT_FOUND", 8),
    ("half a document", saying("200 OK", b'{"schema_version": "1.0", "run'), "SERVICE_ANSWER_INVALID", 9),
    ("no text", saying("200 OK", b"\xff\xfe{}"), "SERVICE_ANSWER_INVALID", 9),
    ("a key that stands twice", saying("200 OK", b'{"state": 1, "state": 2}'), "SERVICE_ANSWER_INVALID", 9),
    ("a bomb of brackets", saying("200 OK", b"[" * 1_000_000), "SERVICE_ANSWER_INVALID", 9),
    ("no HTTP", lambda connection, _: connection.sendall(b"SSH-2.0-OpenSSH_9.9\r\n"), "SERVICE_ANSWER_INVALID", 9),
    ("nothing", lambda connection, _: None, "SERVICE_UNREACHABLE", 9),
    ("no content", saying("204 No Content", b"", "text/plain"), "SERVICE_ANSWER_INVALID", 9),
]


@pytest.mark.parametrize(("talk", "code", "exit_code"), [one[1:] for one in ANSWERS], ids=[one[0] for one in ANSWERS])
def test_whatever_answers_is_one_line(talk: Talk, code: str, exit_code: int) -> None:
    with speaking(talk) as other:
        refused(other.url, code, exit_code)


def test_a_body_that_is_cut_short() -> None:
    def cut(connection: socket.socket, _: bytes) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
        connection.sendall(head + b'{"schema_version": "1.0"}')

    with speaking(cut) as other:
        assert "cut short" in refused(other.url, "SERVICE_ANSWER_INVALID")


def test_a_body_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "MAX_BYTES", 1 << 20)

    def endless(connection: socket.socket, asked: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
        for _ in range(1000):
            connection.sendall(b" " * (1 << 16))

    with speaking(endless) as other:
        assert "longer than" in refused(other.url, "SERVICE_ANSWER_INVALID")


@pytest.mark.parametrize("status", ["301 Moved Permanently", "307 Temporary Redirect", "303 See Other"])
def test_a_redirect_is_told_and_not_followed(status: str) -> None:
    with (
        speaking(telling("200 OK", STATUS)) as elsewhere,
        speaking(saying(status, b"", "text/html", f"Location: {elsewhere.url}/v1?token=x")) as service,
    ):
        line = refused(service.url, "SERVICE_ANSWER_INVALID")
    assert elsewhere.heard == []
    assert elsewhere.url in line
    assert "token=x" not in line


def _hangs(connection: socket.socket, _: bytes) -> None:
    connection.recv(1)  # returns when the other side has gone


def _drips(connection: socket.socket, _: bytes) -> None:
    for byte in b"HTTP/1.1 200 OK\r\n" + b"X-Slow: 1\r\n" * 1000:
        connection.sendall(bytes([byte]))
        time.sleep(0.01)


def _drips_its_body(connection: socket.socket, asked: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    for _ in range(1000):
        connection.sendall(b" ")
        time.sleep(0.01)


@pytest.mark.parametrize("talk", [_hangs, _drips, _drips_its_body])
def test_a_service_that_hangs_is_waited_for_so_long_and_no_longer(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SR_SERVER_TIMEOUT", "0.3")
    with speaking(talk) as service:
        assert "no whole answer came within 0.3 s" in asked(service.url).err
        assert asked(service.url).code == 9


def test_the_certificate_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tls, certificate = certified(tmp_path, "127.0.0.1")
    with speaking(telling("200 OK", STATUS), tls) as service:
        refused(service.url, "SERVICE_UNTRUSTED")
        assert service.heard == [], "nothing was said before it was trusted"
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert asked(service.url).code == 0


def test_a_certificate_of_another_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tls, certificate = certified(tmp_path, "sr.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with speaking(telling("200 OK", STATUS), tls) as service:
        assert "127.0.0.1" in refused(service.url, "SERVICE_UNTRUSTED")


def test_https_to_a_server_without_it_and_the_other_way(tmp_path: Path) -> None:
    tls, _ = certified(tmp_path, "127.0.0.1")
    with speaking(telling("200 OK", STATUS)) as service:
        refused(service.url.replace("http:", "https:"), "SERVICE_UNREACHABLE")
    with speaking(telling("200 OK", STATUS), tls) as service:
        done = asked(service.url.replace("https:", "http:"))
        assert (done.code, done.error[:8]) == (9, "SERVICE_")


NO_ADDRESSES = [
    "service.example",
    "ftp://service.example",
    "http://",
    "http://host:port",
    "http://me:secret@host",
    "http://host?x=1",
    "http://host/#x",
    "http://ho st",
    "http://host:99999",
    "file:///etc/passwd",
    "https://[::1",
    "http://\u2603.\udcff",
    "http://host/caf\u00e9",
]


@pytest.mark.parametrize("url", NO_ADDRESSES)
def test_what_is_no_address_is_refused_before_anything_is_asked(url: str) -> None:
    done = asked(url)
    assert (done.code, done.error) == (2, "USAGE")
    assert "secret" not in done.err


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "caf\u00e9"])
def test_what_is_no_token_is_refused_and_not_quoted(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SR_TOKEN", token)
    with speaking(telling("200 OK", STATUS)) as service:
        done = said("--server", service.url, "status", RUN)
    assert (done.code, done.error, service.heard) == (2, "USAGE", [])
    assert token.split(maxsplit=1)[0] not in done.err


PASSING = [
    saying("502 Bad Gateway", b"<html>", "text/html"),
    telling("429 Too Many Requests", {**NOT_FOUND, "reason_code": "SERVICE_BUSY"}, "Retry-After: 0"),
    telling("503 Service Unavailable", ENDED, "Retry-After: 0"),
    lambda connection, _: None,
]


@pytest.mark.parametrize("talk", PASSING, ids=["proxy", "busy", "ending", "cut off"])
def test_what_passes_is_asked_again(talk: Talk) -> None:
    with speaking(in_turn(talk, talk, telling("200 OK", STATUS))) as service:
        assert asked(service.url).code == 0
    assert len(service.heard) == 3


@pytest.mark.parametrize("talk", PASSING, ids=["proxy", "busy", "ending", "cut off"])
def test_what_is_not_the_same_twice_is_asked_once(talk: Talk) -> None:
    with speaking(talk) as service:
        done = said("--server", service.url, "retry", RUN)
    assert len(service.heard) == 1
    assert done.code in (3, 9, 130)


def test_a_lost_answer_to_what_may_have_been_done_says_so() -> None:
    with speaking(lambda connection, _: None) as service:
        assert "whether it was done is not known" in said("--server", service.url, "retry", RUN).err


def test_a_store_that_is_away_is_told_at_once() -> None:
    away = {**NOT_FOUND, "reason_code": "STORE_UNREACHABLE", "detail": "the store", "exit_code": 9}
    with speaking(telling("503 Service Unavailable", away, "Retry-After: 1")) as service:
        assert asked(service.url).error == "STORE_UNREACHABLE"
    assert len(service.heard) == 1


def test_a_pause_that_is_too_long_is_not_waited_for() -> None:
    pauses: list[float] = []
    busy = telling("429 Too Many Requests", NOT_FOUND, "Retry-After: 3600")
    with speaking(busy) as service:
        reply = Transport(Place.of(service.url), sleep=pauses.append).ask(Question("GET", ("v1",)))
    assert (reply.status, pauses, len(service.heard)) == (429, [], 1)


def test_pauses_grow_and_have_an_end() -> None:
    pauses: list[float] = []
    with speaking(lambda connection, _: None) as service, pytest.raises(Unreachable) as caught:
        Transport(Place.of(service.url), sleep=pauses.append).ask(Question("GET", ("v1",)))
    assert caught.value.code is ReasonCode.SERVICE_UNREACHABLE
    assert len(service.heard) == transport.TRIES == len(pauses) + 1
    assert pauses == sorted(set(pauses))


def test_a_proxy_is_asked_for_a_service_that_is_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    with speaking(telling("200 OK", STATUS)) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.replace("//", "//me:secret@"))
        assert asked("http://sr.example:8080/sr").code == 0
        assert proxy.heard[0].startswith(f"GET http://sr.example:8080/sr/v1/runs/{RUN} HTTP/1.1\r\n".encode())
        assert b"Proxy-Authorization: Basic bWU6c2VjcmV0\r\n" in proxy.heard[0]
        assert b"Host: sr.example:8080\r\n" in proxy.heard[0]


def test_no_proxy_hears_the_token_of_a_service_with_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    with speaking(saying("407 Proxy Authentication Required", b"", "text/html")) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        done = asked("https://sr.example")
    assert (done.code, done.error) == (9, "SERVICE_UNREACHABLE")
    assert proxy.heard[0].startswith(b"CONNECT sr.example:443 HTTP/1.")
    assert TOKEN.encode() not in b"".join(proxy.heard)


def test_no_proxy_is_asked_for_this_machine_or_for_what_no_proxy_names(monkeypatch: pytest.MonkeyPatch) -> None:
    with speaking(telling("200 OK", STATUS)) as proxy, speaking(telling("200 OK", STATUS)) as service:
        monkeypatch.setenv("http_proxy", proxy.url)
        assert asked(service.url).code == 0
        monkeypatch.setenv("no_proxy", "sr.example")
        monkeypatch.setattr(socket, "getaddrinfo", _nobody)
        assert asked("http://sr.example").error == "SERVICE_UNREACHABLE"
    assert proxy.heard == []


def _nobody(*_: Any, **__: Any) -> Any:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "http://me:secret@host:port", "https://proxy.example"])
def test_a_proxy_that_is_not_spoken_to_is_told(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", proxy)
    done = asked("http://sr.example")
    assert (done.code, done.error) == (2, "USAGE")
    assert "secret" not in done.err


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, "\udcff"])
def test_a_value_that_is_no_json_is_refused_before_anything_is_sent(value: Any) -> None:
    with speaking(telling("200 OK", STATUS)) as service, pytest.raises(BadInput) as caught:
        Transport(Place.of(service.url)).ask(Question("POST", ("v1", "runs"), body={"seed": value}))
    assert (caught.value.code, service.heard) == (ReasonCode.REQUEST_INVALID, [])
