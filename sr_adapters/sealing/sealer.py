"""Sealing a folder."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable

import attrs

from sr_adapters.sealing.digests import FilePart, Progress, part_list, read_parts
from sr_adapters.sealing.engine_run import ROOT_ENV, Pins
from sr_adapters.sealing.errors import SealRefused, shown
from sr_adapters.sealing.folder import write_seal
from sr_adapters.sealing.tree import scan

INDEX_LIMIT = 64 << 20
"""Of an index that Scenario Runner reads."""


@attrs.frozen
class Sealed:
    """A sealed folder. `manifest_fingerprint`: names the seal's folder. `index_sha256`: what the flag states.

    `parts`: every file that the index lists. `size`: their bytes. `written`: False where the very seal stood already.
    """

    root: str
    manifest_fingerprint: str
    index_sha256: str
    parts: tuple[FilePart, ...]
    size: int
    written: bool


def seal(
    root: str | os.PathLike[str],
    *,
    paths: Iterable[str] | None = None,
    pins: Pins | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Sealed:
    """Write index and flag over the data files below `root`, the flag last; nothing else there is touched.

    `paths`: which of the data files, relative to `root`; by default all. `pins`: of the run that wrote them: the seal
    then lies under the run's manifest_fingerprint, and ``run_receipt.json`` is written, too; without them the
    fingerprint is the sha256 of the index. Sealing again what is sealed writes nothing. Raises `SealRefused`.
    """
    files = scan(root).files
    if paths is not None:
        asked = set(paths)
        files = tuple(one for one in files if one.path in asked)
        gone = min(asked - {one.path for one in files}, default=None)
        if gone is not None:
            raise SealRefused(
                f"{shown(gone)} is no data file below {shown(os.fspath(root))}", "name files that are there"
            )
    if not files:
        remedy = "give the folder that the data are in" if pins is None else f"let the program write to ${ROOT_ENV}"
        raise SealRefused(f"no data file is below {shown(os.fspath(root))}", remedy)
    parts = read_parts(root, files, workers=workers, progress=progress)
    index = part_list(parts)
    if len(index) > INDEX_LIMIT:
        what = f"an index of {len(parts)} files is larger than {INDEX_LIMIT} bytes"
        raise SealRefused(what, "seal fewer at once: a day, or a folder of its own")
    digest = hashlib.sha256(index).hexdigest()
    fingerprint = digest if pins is None else pins.manifest_fingerprint
    flag, receipt = f"sha256_hex = {digest}\n".encode(), None if pins is None else pins.receipt()
    written = write_seal(os.fspath(root), fingerprint, index, flag, receipt)
    return Sealed(os.fspath(root), fingerprint, digest, tuple(parts), sum(one.size for one in parts), written)
