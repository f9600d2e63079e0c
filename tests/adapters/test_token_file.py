"""The tokens file: what it may say, what becomes of it while it changes, and who gets in by a trick. Each trick stands
beside the harmless thing that it looks like."""

from __future__ import annotations

import hashlib
import hmac
import os
from pathlib import Path
from typing import Any

import pytest

from sr_adapters.auth import tokens
from sr_adapters.auth.watched import WatchedFile
from sr_ports import Fault, Identity, Unreachable
from tests.adapters.credentials import OTHER, TOKEN, bearer, checks_tokens, token_file, write

ALICE, BOB = Identity("alice", "token"), Identity("bob", "token")


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def proves(path: Path, token: str = TOKEN) -> Identity | None:
    return checks_tokens(path).authenticate(bearer(token))


GOOD = {
    "plain": f"alice: {digest(TOKEN)}\n",
    "quoted": f'"alice": "{digest(TOKEN)}"\n',
    "upper-case hex": f"alice: {digest(TOKEN).upper()}\n",
    "a byte order mark": f"\ufeffalice: {digest(TOKEN)}\n",
    "comments": f"# who may\nalice: {digest(TOKEN)}  # since May\n",
    "two tokens of one actor": f"alice: [{digest(OTHER)}, {digest(TOKEN)}]\n",
    "the same token of one actor twice": f"alice: [{digest(TOKEN)}, {digest(TOKEN)}]\n",
    "Windows ends of lines": f"alice: {digest(TOKEN)}\r\n",
    "JSON": f'{{"alice": "{digest(TOKEN)}"}}',
}
BROKEN = {
    "nothing": ("", "no mapping"),
    "a list": (f"- {digest(TOKEN)}\n", "no mapping"),
    "an actor twice": (f"alice: {digest(TOKEN)}\nalice: {digest(OTHER)}\n", "line 2"),
    "one token of two actors": (f"alice: {digest(TOKEN)}\nbob: {digest(TOKEN)}\n", "entry 2 has a token of another"),
    "the token itself": (f"alice: {TOKEN}\n", "entry 1 is no sha256"),
    "a digest that was cut": (f"alice: {digest(TOKEN)[:63]}\n", "entry 1 is no sha256"),
    "digits of another script": (f"alice: '{chr(0x661) * 64}'\n", "entry 1 is no sha256"),
    "a number": ("alice: 12\n", "entry 1 is no sha256"),
    "an empty list": ("alice: []\n", "entry 1 is no sha256"),
    "the digest of nothing": (f"alice: {digest('')}\n", "entry 1 is the sha256 of nothing"),
    "an actor with an unseen character": (f'"al\\u200bice": {digest(TOKEN)}\n', "entry 1 has a name"),
    "an actor without a name": (f'"": {digest(TOKEN)}\n', "entry 1 has a name"),
    "no text": (b"\xff\xfe\x00", "no strict YAML"),
    "too long": (b"#" * (tokens.LONGEST_FILE + 1), "more than"),
}


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD)
def test_a_file_may_be_written_so(tmp_path: Path, text: str) -> None:
    assert proves(write(tmp_path / "t", text.encode())) == ALICE


@pytest.mark.parametrize(("text", "told"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_lets_nobody_in_and_is_not_quoted(tmp_path: Path, text: Any, told: str) -> None:
    path = write(tmp_path / "t", text if isinstance(text, bytes) else text.encode())
    with pytest.raises(Unreachable) as caught:
        proves(path)
    assert told in caught.value.what
    assert TOKEN not in str(caught.value)
    assert digest(TOKEN)[:16] not in str(caught.value)


def test_a_token_rotates_and_is_taken_back_without_a_new_start(tmp_path: Path) -> None:
    path = token_file(tmp_path / "t", alice=TOKEN)
    checks = checks_tokens(path)
    assert checks.authenticate(bearer(TOKEN)) == ALICE
    token_file(path, alice=OTHER)
    assert checks.authenticate(bearer(TOKEN)) is None
    assert checks.authenticate(bearer(OTHER)) == ALICE


def test_a_change_that_leaves_size_and_times_as_they_were_is_seen(tmp_path: Path) -> None:
    path = token_file(tmp_path / "t", alice=TOKEN)
    checks, stood = checks_tokens(path), path.stat()
    assert checks.authenticate(bearer(TOKEN)) == ALICE
    token_file(path, alice=OTHER)
    os.utime(path, ns=(stood.st_atime_ns, stood.st_mtime_ns))
    assert checks.authenticate(bearer(TOKEN)) is None


def test_a_file_that_stands_still_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "t", b"x")
    reads: list[bytes] = []
    file = WatchedFile(str(path), "it", reads.append, 9)
    monkeypatch.setattr("sr_adapters.auth.watched.time.time_ns", lambda: path.stat().st_ctime_ns + 3 * 10**9)
    for _ in range(3):
        file.read()
    assert len(reads) == 1
    write(path, b"xy")
    file.read()
    assert len(reads) == 2


def test_a_file_that_breaks_keeps_everybody_out_until_it_is_mended(tmp_path: Path) -> None:
    path = token_file(tmp_path / "t", alice=TOKEN)
    checks = checks_tokens(path)
    assert checks.authenticate(bearer(TOKEN)) == ALICE
    for spoil in (lambda: path.write_text("alice: x"), path.unlink, path.mkdir):
        spoil()
        for _ in range(2):
            with pytest.raises(Unreachable):
                checks.authenticate(bearer(TOKEN))
    path.rmdir()
    token_file(path, alice=TOKEN)
    assert checks.authenticate(bearer(TOKEN)) == ALICE


def test_a_file_that_is_replaced_while_it_is_read_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = token_file(tmp_path / "t", alice=TOKEN)
    reads: list[object] = []
    read = WatchedFile._bytes

    def replaced(self: Any) -> Any:
        found = read(self)
        if not reads:
            token_file(tmp_path / "new", alice=OTHER).replace(path)
        reads.append(found)
        return found

    monkeypatch.setattr(WatchedFile, "_bytes", replaced)
    checks = checks_tokens(path)
    assert checks.authenticate(bearer(OTHER)) == ALICE
    assert len(reads) == 2
    assert checks.authenticate(bearer(TOKEN)) is None


def test_a_file_that_never_stands_still_lets_nobody_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = token_file(tmp_path / "t", alice=TOKEN)
    read = WatchedFile._bytes

    def replaced(self: Any) -> Any:
        found = read(self)
        token_file(tmp_path / "new", alice=TOKEN).replace(path)
        return found

    monkeypatch.setattr(WatchedFile, "_bytes", replaced)
    with pytest.raises(Unreachable, match="changes while it is read"):
        proves(path)


def test_a_link_is_followed_and_a_link_that_turns_is_seen(tmp_path: Path) -> None:
    first, second = token_file(tmp_path / "1", alice=TOKEN), token_file(tmp_path / "2", alice=OTHER)
    link = tmp_path / "t"
    link.symlink_to(first)
    checks = checks_tokens(link)
    assert checks.authenticate(bearer(TOKEN)) == ALICE
    link.unlink()
    link.symlink_to(second)
    assert checks.authenticate(bearer(TOKEN)) is None
    assert checks.authenticate(bearer(OTHER)) == ALICE


def test_a_pipe_in_the_files_place_holds_nobody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "t")
    with pytest.raises(Unreachable, match="no regular file"):
        proves(tmp_path / "t")


@pytest.mark.parametrize(("mode", "taken", "sound"), [(0o600, True, True), (0o640, True, True), (0o644, True, False)])
def test_doctor_minds_who_may_read_it(tmp_path: Path, mode: int, taken: bool, sound: bool) -> None:
    path = token_file(tmp_path / "t", alice=TOKEN, bob=OTHER)
    path.chmod(mode)
    checks: Any = checks_tokens(path)
    assert (checks.authenticate(bearer(TOKEN)) == ALICE) is taken
    if sound:
        assert checks.examine().startswith("2 tokens of 2 actors")
    else:
        with pytest.raises(Fault, match="AUTH_UNSAFE"):
            checks.examine()


def test_a_file_that_everybody_may_write_lets_nobody_in(tmp_path: Path) -> None:
    path = token_file(tmp_path / "t", alice=TOKEN)
    path.chmod(0o602)
    with pytest.raises(Unreachable, match="everybody may write"):
        proves(path)
    path.chmod(0o620)
    assert proves(path) == ALICE


def test_every_entry_is_compared_whoever_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Time tells nothing: as many comparisons for the first entry, the last and nobody, each in constant time."""
    by_actor = {f"a{n}": f"{n:032}" for n in range(20)}
    checks = checks_tokens(token_file(tmp_path / "t", **by_actor))
    compared: list[bytes] = []
    in_constant_time = hmac.compare_digest

    def comparing(one: bytes, other: bytes) -> bool:
        compared.append(one)
        return in_constant_time(one, other)

    monkeypatch.setattr("sr_adapters.auth.tokens.hmac.compare_digest", comparing)
    for token, actor in ((by_actor["a0"], "a0"), (by_actor["a19"], "a19"), ("x" * 32, None)):
        compared.clear()
        found = checks.authenticate(bearer(token))
        assert (found and found.actor) == actor
        assert len(compared) == 20


def test_a_token_of_another_proves_that_other(tmp_path: Path) -> None:
    path = token_file(tmp_path / "t", alice=TOKEN, bob=OTHER)
    assert proves(path, OTHER) == BOB
    checks = checks_tokens(path)
    assert checks.authenticate({**bearer(OTHER), "X-SR-Actor": "alice", "From": "alice"}) == BOB


SMUGGLED = {
    "two spellings of the header": {"Authorization": f"Bearer {OTHER}", "authorization": f"Bearer {TOKEN}"},
    "two in one": {"Authorization": f"Bearer {OTHER}, Bearer {TOKEN}"},
    "a tab between": {"Authorization": f"Bearer\t{TOKEN}"},
    "a space behind": {"Authorization": f"Bearer {TOKEN} "},
    "a new line behind": {"Authorization": f"Bearer {TOKEN}\n"},
    "a no-break space between": {"Authorization": f"Bearer\u00a0{TOKEN}"},
    "full-width digits": {"Authorization": f"Bearer {TOKEN.replace('1', chr(0xFF11))}"},
    "a null behind": {"Authorization": f"Bearer {TOKEN}\x00"},
    "very long": {"Authorization": "Bearer " + "a" * 100_000},
    "by proxy": {"Proxy-Authorization": f"Bearer {TOKEN}"},
    "the digest for the token": bearer(digest(TOKEN)),
}
INNOCENT = {
    "as it should be": bearer(TOKEN),
    "the scheme in other case": {"Authorization": f"bEaReR {TOKEN}"},
    "the name in other case": {"AUTHORIZATION": f"Bearer {TOKEN}"},
    "more spaces between": {"Authorization": f"Bearer   {TOKEN}"},
    "among others": {"Accept": "*/*", **bearer(TOKEN), "Proxy-Authorization": "Basic x"},
}


@pytest.mark.parametrize("headers", SMUGGLED.values(), ids=SMUGGLED)
def test_a_smuggled_header_proves_nobody(tmp_path: Path, headers: dict[str, str]) -> None:
    assert checks_tokens(token_file(tmp_path / "t", alice=TOKEN, bob=OTHER)).authenticate(headers) is None


@pytest.mark.parametrize("headers", INNOCENT.values(), ids=INNOCENT)
def test_a_header_may_be_written_so(tmp_path: Path, headers: dict[str, str]) -> None:
    assert checks_tokens(token_file(tmp_path / "t", alice=TOKEN, bob=OTHER)).authenticate(headers) == ALICE
