"""The authenticator ``token``: a file has, by actor, the sha256 of his token (spec: surface, ``auth``).

Tokens are long and random (`sr auth hash --new` makes one), so one round of sha256 hides them: nobody guesses 256 bits.
The token that was sent is hashed, and its digest is compared with every entry in time that does not depend on it.
The file is read anew when it changes. One that is broken lets nobody in, and the reason is told (`WatchedFile`).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import stat
from collections.abc import Mapping

import attrs

from sr_adapters.auth.settings import TokenSettings
from sr_adapters.auth.watched import WatchedFile
from sr_domain.run.rights import is_actor
from sr_plugins.documents.yaml import load_yaml
from sr_ports import BadInput, Fault, Identity, ReasonCode, Wiring, bearer_token

MODE = "token"
LONGEST_FILE = 1 << 20
MOST = 10_000
"""Tokens that a file may have: each is compared at each request."""
_HEX = re.compile(r"[0-9a-fA-F]{64}")
_OF_NOTHING = hashlib.sha256(b"").hexdigest()
_LINE = re.compile(r"line [0-9]+ column [0-9]+")

Entries = tuple[tuple[bytes, str], ...]


@attrs.frozen
class TokenAuthenticator:
    """Implements `sr_ports.Authenticator`. `entries`: digest and actor of each token."""

    entries: WatchedFile[Entries]

    def authenticate(self, headers: Mapping[str, str]) -> Identity | None:
        """The actor whose token it is; None for nobody. Raises `Unreachable(AUTH_UNREACHABLE)` for a broken file."""
        token = bearer_token(headers)
        if token is None:
            return None
        made = hashlib.sha256(token.encode("ascii")).digest()
        found = None
        for digest, actor in self.entries.read():
            if hmac.compare_digest(digest, made):
                found = actor
        return None if found is None else Identity(found, MODE)

    def examine(self) -> str:
        """See `sr_ports.Examined`."""
        entries = self.entries.read()
        if self.entries.mode() & stat.S_IROTH:
            what = f"auth.tokens_file {self.entries.path!r} can be read by everybody on this machine"
            raise Fault(ReasonCode.AUTH_UNSAFE, what, "chmod o-r the file")
        actors = len({actor for _, actor in entries})
        return f"{len(entries)} tokens of {actors} actors; the file is read again when it changes"


def entries_of(data: bytes) -> Entries:
    """Digest and actor of every token in a tokens file. Raises `ValueError`; nothing of the file is quoted, since a
    token may stand there by mistake: entries are told by their number."""
    try:
        document = load_yaml(data, what="tokens", max_bytes=LONGEST_FILE)
    except BadInput as error:
        place = _LINE.search(error.what)
        raise ValueError(f"it is no strict YAML{f', {place[0]}' if place else ''}") from error
    if not isinstance(document, dict) or not document:
        raise ValueError("it is no mapping of actors to the sha256 of their tokens")
    found: dict[bytes, str] = {}
    for number, (actor, said) in enumerate(document.items(), 1):
        if not is_actor(actor):
            raise ValueError(f"the actor of entry {number} has a name that no actor may have")
        for digest in said if isinstance(said, list) and said else [said]:
            if not isinstance(digest, str) or _HEX.fullmatch(digest) is None:
                raise ValueError(f"entry {number} is no sha256 in 64 hex characters: sr auth hash prints it")
            if digest.lower() == _OF_NOTHING:
                raise ValueError(f"entry {number} is the sha256 of nothing")
            if found.setdefault(bytes.fromhex(digest), actor) != actor:
                raise ValueError(f"entry {number} has a token of another actor")
    if len(found) > MOST:
        raise ValueError(f"it has more than {MOST} tokens")
    return tuple(found.items())


def build(wiring: Wiring[TokenSettings]) -> TokenAuthenticator:
    """The authenticator of a profile. The file is read when the first token comes."""
    path = wiring.settings.tokens_file
    return TokenAuthenticator(WatchedFile(path, "auth.tokens_file", entries_of, LONGEST_FILE))
