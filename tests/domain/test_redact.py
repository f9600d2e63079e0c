"""No secret passes: not in a text, not in a stream, however it arrives; and what is none stays as it was."""

from __future__ import annotations

import json
import time
import tracemalloc

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sr_ports.masking import (
    LONGEST_LINE,
    LONGEST_SECRET,
    Redactor,
    redact,
    redact_bytes,
    redacted,
    secret_values,
)
from sr_ports.secret_shapes import MASK
from sr_ports.suspect import suspect

SECRET = st.text("abcdefghijkmnpqrstuvwxyz23456789", min_size=12, max_size=24)
PLANTED = (
    "password={} host=x",
    "postgres://u:{}@h/db",
    "Authorization: Bearer {} and more",
    "bearer\t{}",
    'aws_secret_access_key = "{} {}"',
    '{{"token": "a\\"{}", "x": 1}}',
    "api-key: '{}'",
    "login --password {} -h x",
    "login --pass={} -h x",
    "login --db-pass='{}' -h x",
    "['login', '--pass', '{}']",
    "['login', '-p', '{}']",
    "pwd={}",
    "passphrase: {}",
    "curl -u bob:{} http://x",
    "Cookie: a={}; b={}",
    "GET /k?X-Amz-Signature={}&x=1",
    "GET /k?X%2DAmz%2DSignature={}",
    "machine h login me password {}",
    "password=\x1b[1;31m{}\x1b[0m",
    "pass\x1b[1mword\x1b[0m: {}",
    "pass%77ord={}",
    "eyJhbGciOiJIUzI1NiJ9.{}.{}",
    "-----BEGIN PRIVATE KEY-----\\n{}{}\\n-----END PRIVATE KEY-----",
)


@given(SECRET)
def test_a_planted_secret_never_shows(secret: str) -> None:
    planted = [
        f"postgresql://user:{secret}@host/db",
        f"password={secret} host=x",
        f'{{"aws_secret_access_key": "{secret}"}}',
        f"Authorization: Bearer {secret}",
        f"SR_TOKEN={secret}",
        f"https://x:{secret}@example.org/path?api_key={secret}",
    ]
    assert all(secret not in redact(text) and MASK in redact(text) for text in planted)
    assert all(suspect(text) for text in planted)
    assert secret not in json.dumps(redacted({"dsn": secret, "deep": [{"token": secret}, *planted]}))


@pytest.mark.parametrize(
    "text",
    [
        "run ab12 reads s3://bucket/prefix at 13:42:00; gate.layer1.1A.validation: 3 files",
        "engine --seed 42 --port 8080 -v",
        "100%25 of a%20b=c",
        "\x1b[31mred\x1b[0m: done",
        "-----BEGIN CERTIFICATE-----\nMIIEabcd\n-----END CERTIFICATE-----",
        "the signature is sound: yes",
    ],
)
def test_plain_text_is_left_alone(text: str) -> None:
    assert redact(text) == text
    assert redact_bytes(text.encode()) == text.encode()


KEY = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n{}\n{}==\n-----END RSA PRIVATE KEY-----\nafter it\n"


@given(SECRET, st.integers(0, 160))
def test_a_private_key_is_masked_line_by_line_however_it_arrives(secret: str, cut: int) -> None:
    data = KEY.format(secret, secret).encode()
    told = b"".join(streamed(data[:cut], data[cut:]))
    assert told == redact_bytes(data)
    assert secret.encode() not in told
    assert told.endswith(b"-----END RSA PRIVATE KEY-----\nafter it\n")
    assert redact(KEY.format(secret, secret)) == told.decode()


def test_a_first_line_of_a_key_alone_hides_no_more_than_it_must() -> None:
    text = b"-----BEGIN PRIVATE KEY-----\nreading it failed, sorry\nx\n"
    assert redact_bytes(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("password=topsecret postgres://u:hunter2@h/db", "password=*** postgres://u:***@h/db"),
        ('{"token": "a\\"b", "x": 1}', '{"token": "***", "x": 1}'),
        (r'"{\"password\": \"hunter2\"}"', r'"{\"password\": ***'),
        ("token == 'abc def' y", "token == '***' y"),
        ("Authorization: Bearer abc.def tail", "Authorization: *** tail"),
        ("bearer\tabcdefghij z", "bearer *** z"),
        ("key AKIAABCDEFGHIJKLMNOP.", "key ***."),
        ('secret="no end of it', 'secret="***'),
        ("MY_PASSWORD_FILE.old='x'; y", "MY_PASSWORD_FILE.old='***'; y"),
        ("mysql -p x1 -h h", "mysql -p *** -h h"),
        ('["--api-key","x","--port","1"]', '["--api-key","***","--port","1"]'),
        ("curl --user=bob:x http://h", "curl --user=bob:*** http://h"),
        ("?sig=x&a=%41b=1", "?sig=***&a=%41b=1"),
        ("default login a password x", "default login a password ***"),
        ("\x1b[1mpwd\x1b[0m=x y", "pwd=*** y"),
    ],
)
def test_what_is_shown_instead(text: str, shown: str) -> None:
    assert redact(text) == shown
    assert redact(shown) == shown
    assert redact_bytes(text.encode()) == shown.encode()
    assert suspect(text)


@pytest.mark.parametrize(
    "piece",
    [
        "x",
        "x.",
        "token",
        "token ",
        "token=",
        'token="',
        "token='\\",
        "token\\",
        "://",
        "a://b:",
        "basic ",
        "AKIA",
        "token: bearer ",
        "--a ",
        "-p ",
        "-u a:",
        "Cookie: ",
        "a%41",
        "eyJ",
        "eyJaaaaaa.",
        "login a password",
        "\x1b[",
        "\x1b]",
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\n",
        "xoxb-",
    ],
)
def test_no_text_takes_more_than_its_share_of_time(piece: str) -> None:
    began = time.process_time()
    redact(piece * (200_000 // len(piece)) + " token")
    assert time.process_time() - began < 2  # what looks back takes minutes


def streamed(*parts: bytes) -> list[bytes]:
    taken: list[bytes] = []
    redactor = Redactor(taken.append)
    for part in parts:
        redactor.write(part)
    redactor.close()
    return taken


@given(SECRET, st.sampled_from(PLANTED), st.integers(0, 80), st.integers(0, 80))
def test_a_secret_split_over_reads_is_caught(secret: str, planted: str, one: int, two: int) -> None:
    data = f"before\n{planted.format(secret, secret)}\nafter\n".encode()
    one, two = sorted((one, two))
    told = b"".join(streamed(data[:one], data[one:two], data[two:]))
    assert told == redact_bytes(data)
    assert secret.encode() not in told
    assert told.startswith(b"before\n")
    assert told.endswith(b"\nafter\n")


@given(st.lists(st.binary(max_size=300), max_size=20))
@example([b"x=\xc3", b"\xa0 token ", bytes(range(256))])
def test_what_is_no_secret_stays_byte_for_byte(parts: list[bytes]) -> None:
    whole = b"".join(parts)
    assert b"".join(streamed(*parts)) == redact_bytes(whole)
    harmless = whole.replace(b"=", b"").replace(b":", b"")
    assert redact_bytes(b"token " + harmless) == b"token " + harmless


@pytest.mark.parametrize(
    "filler", [b"x", b"word and word, ", b'{"a":1,"token":"t"},', b"token=abc ", b"\xf0\x9f\x99\x82 "]
)
@pytest.mark.parametrize("planted", [*PLANTED[:7], "login --password {} -h x", "GET /k?X-Amz-Signature={}&x=1"])
def test_a_secret_anywhere_in_a_line_without_end_is_caught(filler: bytes, planted: str) -> None:
    secret = "hunter2hunter2hunter2"
    held = planted.format(secret, secret).encode()
    rest = b" " + filler * (20_000 // len(filler))
    for border in (LONGEST_LINE, LONGEST_LINE - LONGEST_SECRET):
        for before in range(border - 50, border + 10, 5):
            times, odd = divmod(before - 1, len(filler))
            told = b"".join(streamed(b"." * odd + filler * times + b" " + held[:20], held[20:] + rest))
            assert b"hunter2" not in told
            assert told.endswith(redact_bytes(rest))


@pytest.mark.parametrize("opening", [b"password=", b'password="', b"Authorization: Bearer ", b"Basic "])
def test_a_secret_of_any_length_is_swallowed_in_bounded_memory(opening: bytes) -> None:
    size = 0

    def take(data: bytes) -> None:
        nonlocal size
        size += len(data)
        assert b"ssss" not in data

    redactor = Redactor(take)
    redactor.write(b"x " * 5000 + opening)
    tracemalloc.start()
    for _ in range(100):
        redactor.write(b"s" * 65536)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    redactor.write(b"ss tail\n")
    redactor.close()
    assert peak < 4 << 20
    assert 10_000 < size < 11_000


def test_a_line_without_end_loses_nothing_and_comes_in_pieces() -> None:
    parts = [b"naive text %d, " % n * 50 for n in range(2000)]
    taken = streamed(*parts)
    assert b"".join(taken) == b"".join(parts)
    assert len(taken) > 50


def test_a_progress_bar_is_passed_on_at_each_return() -> None:
    taken: list[bytes] = []
    redactor = Redactor(taken.append)
    redactor.write(b"10%\r20%\r30")
    assert taken == [b"10%\r20%\r"]


@pytest.mark.parametrize(
    "text", ["--passive=hunter2", "--pass-through=hunter2", "--bypass=hunter2", "--pass --dry-run", "a pass=hunter2 is"]
)
def test_an_option_that_only_begins_or_ends_like_a_password_stays(text: str) -> None:
    assert redact(text) == text


ENVIRONMENT = {
    "DB_PASSWORD": "correct horse battery",
    "SIGNING_TOKEN": "first line of it\nsecond line of it\n",
    "STORE": "https://user:staple99@host/path",
    "PATH": "/usr/bin:/bin",
    "PWD_HINT": "no",
    "PWD": "/home/somebody/runs",
    "MAX_TOKENS": "100000",
}


def test_of_an_environment_what_is_named_a_secret_is_one_and_a_password_in_a_url() -> None:
    assert set(secret_values(ENVIRONMENT)) == {
        b"correct horse battery", b"first line of it", b"second line of it", b"staple99",
    }  # fmt: skip


@pytest.mark.parametrize("size", [7, 1 << 15])
def test_a_known_value_is_masked_whatever_stands_around_it_and_however_it_comes(size: int) -> None:
    said = b"logging in, correct horse battery did not work\nstaple99 neither\n" + b"x" * 40_000 + b"staple99!"
    told: list[bytes] = []
    redactor = Redactor(told.append, secret_values(ENVIRONMENT))
    for at in range(0, len(said), size):
        redactor.write(said[at : at + size])
    redactor.close()
    assert b"".join(told) == said.replace(b"correct horse battery", b"***").replace(b"staple99", b"***")


def test_where_nothing_is_known_words_stay_words() -> None:
    told: list[bytes] = []
    redactor = Redactor(told.append)
    redactor.write(b"correct horse battery\n")
    assert told == [b"correct horse battery\n"]
