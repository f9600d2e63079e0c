"""Progress of followers in a folder: a folder a group, with its position, what it dealt with, and what it set aside."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path

import attrs

from sr_adapters.file import durable
from sr_adapters.file.errors import FULL, port_errors
from sr_adapters.file.tree import Tree
from sr_adapters.followers import HASH_BYTES, key_hash, progress, read, written
from sr_adapters.places import OWN, flags, lock, locking
from sr_ports import Fault, Lease, LeaseLost, Progress, ReasonCode, SetAside, check_group
from sr_ports.hooks import Wiring

FOLDER = "followers"
"""The folder below the runtime root."""
_POSITION, _DONE, _ASIDE, _LOCK = "position.json", "done", "set_aside.jsonl", f"{OWN}-lock"
_OPEN = os.O_RDWR | os.O_CREAT | flags("NOFOLLOW", "NONBLOCK", "CLOEXEC")
_APPEND = os.O_RDWR | os.O_CREAT | os.O_APPEND | flags("NOFOLLOW", "NONBLOCK", "CLOEXEC")
_LINE = 2 * HASH_BYTES + 1


@attrs.define
class _Dealt:
    """What was read of a group's file of keys. `at`: how many bytes of it."""

    at: int = 0
    keys: set[bytes] = attrs.field(factory=set)


class FileFollowerStore:
    """`FollowerStore` in folders below `root`, which is made when something is kept.

    A claim is a lock of the kernel's, which ends with the process that has it; `ttl_s` does not count.
    """

    def __init__(self, root: str) -> None:
        self._tree = Tree(root)
        self._held: dict[str, tuple[int, int]] = {}
        self._dealt: dict[str, _Dealt] = {}

    def claim(self, group: str, owner: str, *, ttl_s: float) -> Lease | None:
        with self._edge(group), self._tree.made((check_group(group),)) as folder:
            fd = _locked(folder)
            if fd is None:
                return None
            try:
                fence = _stored(folder)[1] + 1
                _swap(folder, _stored(folder)[0], fence)
            except BaseException:
                os.close(fd)
                raise
        self._held[group] = fd, fence
        return Lease(group, owner, fence, ttl_s)

    def renew(self, claim: Lease, *, ttl_s: float) -> Lease:
        with self._edge(claim.resource), self._tree.entered((claim.resource,)) as folder:
            self._check(claim, folder)
        return attrs.evolve(claim, expires_in_s=ttl_s)

    def release(self, claim: Lease) -> None:
        held = self._held.get(claim.resource)
        if held is not None and held[1] == claim.fence:
            del self._held[claim.resource]
            os.close(held[0])

    def load(self, group: str) -> Progress:
        with self._edge(group), self._tree.entered((check_group(group),)) as folder:
            return Progress() if folder is None else _stored(folder)[0]

    def save(
        self, claim: Lease, progress: Progress, *, done: Sequence[str] = (), aside: Sequence[SetAside] = ()
    ) -> None:
        with self._edge(claim.resource), self._tree.entered((claim.resource,)) as found:
            folder = self._check(claim, found)
            _append(folder, _ASIDE, map(written, aside))
            _append(folder, _DONE, (key_hash(key).hex() for key in done))
            _swap(folder, progress, claim.fence)

    def dealt_with(self, group: str, keys: Collection[str]) -> frozenset[str]:
        with self._edge(group), self._tree.entered((check_group(group),)) as folder:
            known = _Dealt() if folder is None else _more(folder, self._dealt.setdefault(group, _Dealt()))
        return frozenset(key for key in keys if key_hash(key) in known.keys)

    def set_aside(self, group: str, *, limit: int = 100) -> Sequence[SetAside]:
        with self._edge(group), self._tree.entered((check_group(group),)) as folder:
            data = b"" if folder is None else durable.read_file(folder, _ASIDE) or b""
        lines = [line for line in data.split(b"\n")[:-1] if line]
        return tuple(read(line) for line in reversed(lines[-limit:]))

    def describe(self) -> str:
        return f"folder {self._tree.root}"

    def close(self) -> None:
        """Let go of every claim."""
        while self._held:
            os.close(self._held.popitem()[1][0])

    def _check(self, claim: Lease, folder: int | None) -> int:
        """The group's folder, while the claim holds. Raises `LeaseLost`, also where the lock's file is another now."""
        held = self._held.get(claim.resource)
        if held is None or held[1] != claim.fence or folder is None or not _is_locks(folder, held[0]):
            raise LeaseLost(claim.resource, claim.fence)
        return folder

    def _edge(self, group: str) -> AbstractContextManager[None]:
        return port_errors(f"keep group {group} in {self._tree.root}", FULL, ReasonCode.FOLLOWERS_UNREACHABLE)


def build(wiring: Wiring[None]) -> FileFollowerStore:
    """The store beside a profile's runtime root."""
    return FileFollowerStore(str(Path(wiring.runtime_root) / FOLDER))


def _locked(folder: int) -> int | None:
    """A descriptor with the group's lock; None while another has it."""
    fd = os.open(_LOCK, _OPEN, 0o666, dir_fd=folder)
    try:
        with locking(_LOCK):
            lock(fd, wait=False)
        if _is_locks(folder, fd):
            return fd
    except BlockingIOError:
        pass
    except BaseException:
        os.close(fd)
        raise
    os.close(fd)
    return None


def _is_locks(folder: int, fd: int) -> bool:
    """Whether the open file is still the one that others would lock."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(fd), os.stat(_LOCK, dir_fd=folder, follow_symlinks=False))
    return False


def _stored(folder: int) -> tuple[Progress, int]:
    """The progress that is kept, and the fence of the last claim."""
    data = durable.read_file(folder, _POSITION)
    if data is None:
        return Progress(), 0
    try:
        node = json.loads(data)
        return progress(node["positions"], node["as_of_utc"]), int(node["fence"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        what = f"{_POSITION} of a group of followers is not what was written: {error}"
        remedy = "take the group's folder away: it then begins at the oldest message kept"
        raise Fault(ReasonCode.TRUTH_ALTERED, what, remedy) from error


def _swap(folder: int, kept: Progress, fence: int) -> None:
    document = {"positions": dict(kept.positions), "as_of_utc": kept.as_of_utc, "fence": fence}
    durable.swap(folder, _POSITION, json.dumps(document).encode())


def _append(folder: int, name: str, lines: Iterable[str]) -> None:
    """Put lines at a file's end, on disk. What a crash cut off is nobody's line."""
    data = "".join(f"{line}\n" for line in lines).encode()
    if not data:
        return
    fd = os.open(name, _APPEND, 0o666, dir_fd=folder)
    try:
        size = os.fstat(fd).st_size
        whole = size == 0 or os.pread(fd, 1, size - 1) == b"\n"
        durable.write_all(fd, data if whole else b"\n" + data)
        os.fsync(fd)
    finally:
        os.close(fd)


def _more(folder: int, known: _Dealt) -> _Dealt:
    """The keys that are in the file by now: it only grows, and is read on from where it was read to."""
    opened = durable.open_file(folder, _DONE)
    if opened is None:
        known.at, known.keys = 0, set()
        return known
    fd, size = opened
    try:
        if size < known.at:  # another file than before
            known.at, known.keys = 0, set()
        data = b"" if size == known.at else os.pread(fd, size - known.at, known.at)
    finally:
        os.close(fd)
    end = data.rfind(b"\n") + 1
    known.at += end
    known.keys.update(bytes.fromhex(line.decode()) for line in data[:end].split(b"\n") if len(line) == _LINE - 1)
    return known
