"""Writing the seal: its own folder below ``_sr``, every file whole or not at all, the flag last."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sr_adapters.sealing.errors import SealRefused, cannot, shown

FOLDER, INDEX, FLAG, RECEIPT = "_sr", "index.json", "_passed.flag", "run_receipt.json"
_HEX64 = re.compile(r"[0-9a-f]{64}")


def write_seal(root: str, fingerprint: str, index: bytes, flag: bytes, receipt: bytes | None) -> bool:
    """Put index, receipt and flag in their places, in this order; whether anything had to be written.

    A flag that stands is taken away before what it speaks of is replaced. Raises `SealRefused`.
    """
    if _HEX64.fullmatch(fingerprint) is None:
        raise SealRefused(f"{shown(fingerprint)} is no manifest_fingerprint", "give 64 lower-case hex characters")
    folder = Path(root, FOLDER, fingerprint)
    wanted = [(folder / INDEX, index), (folder / FLAG, flag)]
    if receipt is not None:
        wanted.insert(1, (Path(root, RECEIPT), receipt))
    stale = [(path, data) for path, data in wanted if _bytes(path) != data]
    if not stale:
        return False
    try:
        _make(Path(root, FOLDER), folder)
        _replace(stale, folder / FLAG, flag)
    except OSError as error:
        what = cannot(f"the seal cannot be written below {shown(str(Path(root, FOLDER)))}", error)
        raise SealRefused(what, "give the right and the space to write there") from error
    return True


def _replace(stale: list[tuple[Path, bytes]], flag: Path, stated: bytes) -> None:
    """Every file prepared, then renamed; the flag stands only while all that it speaks of does."""
    if stale[-1][0] != flag:
        stale = [*stale, (flag, stated)]
    with _drafts(stale) as drafts:
        flag.unlink(missing_ok=True)
        for draft, (path, _) in zip(drafts, stale, strict=True):
            if path == flag:
                _sync(*{one.parent for one, _ in stale})
            draft.replace(path)
        _sync(flag.parent, flag.parent.parent, flag.parent.parent.parent)


def _make(*folders: Path) -> None:
    for folder in folders:
        if folder.is_symlink():
            raise SealRefused(f"{shown(str(folder))} is a symbolic link", "move it away: the seal lies in its place")
        folder.mkdir(exist_ok=True)


def _bytes(path: Path) -> bytes | None:
    """What stands at a path; None where nothing does, or nothing that could be the seal."""
    try:
        return None if path.is_symlink() or not path.is_file() else path.read_bytes()
    except OSError:
        return None


@contextmanager
def _drafts(files: list[tuple[Path, bytes]]) -> Iterator[list[Path]]:
    """Synced files in the seal's own folder, gone when the context ends."""
    own, made = files[-1][0].parent, []
    try:
        for path, data in files:
            draft = own / f".{path.name}.{os.urandom(8).hex()}"
            made.append(draft)
            with draft.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        yield made
    finally:
        for draft in made:
            with suppress(OSError):
                draft.unlink(missing_ok=True)


def _sync(*folders: Path) -> None:
    """Put the folders' entries on disk, as far as the file system can."""
    for folder in folders:
        with suppress(OSError):
            handle = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
