"""Folders that bring a gate of their own: a list of checksums, or a bag.

The data are then proven by what stands there, and nothing is sealed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from pathlib import Path

import attrs

from sr_adapters.own_data.infer import Layout, infer
from sr_adapters.sealing import SealRefused, Tree
from sr_adapters.sealing.errors import cannot, shown
from sr_domain.evidence.flags import MANIFEST_LIMIT
from sr_ports import EvidenceFault

SUMS, BAG = "sha256sums_file", "bagit"
OWN_LAWS = (SUMS, BAG)
_BAGS = ("tagmanifest-sha512.txt", "tagmanifest-sha256.txt", "manifest-sha512.txt", "manifest-sha256.txt")
_NAMES = ("sha256sums", "sha256sums.txt", "sha256sum", "sha256sum.txt")
_ALONE = ".sha256"
_DECLARES, _PAYLOAD = "bagit.txt", "data/"


@attrs.frozen
class OwnGate:
    """`law`: its kind. `flag`: the manifest, relative to the folder. `tree`: the data, and beside them what is none.

    `inside`: the folder that all data lie in, with a slash; empty for the whole. `fingerprint`: hex64, of the flag.
    """

    law: str
    flag: str
    tree: Tree
    fingerprint: str
    inside: str = ""

    def layout(self) -> Layout:
        """The outputs of the data. Raises `SealRefused`."""
        cut = len(self.inside)
        files = tuple(attrs.evolve(one, path=one.path[cut:]) for one in self.tree.files)
        aside = tuple(path[cut:] for path in self.tree.aside if path.startswith(self.inside))
        found = infer(Tree(files, aside))
        outputs = (attrs.evolve(one, template=self.inside + one.template) for one in found.outputs)
        return attrs.evolve(found, outputs=tuple(outputs))


def own_gate(data: str, tree: Tree) -> OwnGate | str | None:
    """The gate that a folder brings, or a sentence why it cannot be used; None where it brings none."""
    flag = _flag(data, tree)
    if flag is None:
        return None
    law, name = flag
    if name is None:
        return "this folder is a BagIt bag of neither sha256 nor sha512: it is proven by a seal of its own all the same"
    told = f"this folder {'is a BagIt bag' if law == BAG else f'has {shown(name)}'}"
    try:
        return _gate(law, name, _read(data, name), tree)
    except EvidenceFault as fault:
        return f"{told}, which cannot be used: {fault.what}; it is proven by a seal of its own all the same"


def gate_of(law: str, flag: str, data: str, tree: Tree) -> OwnGate:
    """The gate that a pack says a folder brings. Raises `SealRefused`."""
    if not Path(data, flag).is_file():
        raise SealRefused(f"{shown(flag)} is not there, and the pack says that it proves the data", "put it there")
    try:
        return _gate(law, flag, _read(data, flag), tree)
    except EvidenceFault as fault:
        raise SealRefused(f"{shown(flag)}: {fault.what}", "have it written anew") from fault


def check_outside(data: str, gate: OwnGate) -> None:
    """Raise `SealRefused` where what is written into the working folder would be written into a bag."""
    if gate.law == BAG and Path.cwd().resolve() == Path(data).resolve():
        what = "this folder is a BagIt bag, and what is written here would become part of it"
        raise SealRefused(what, "go to another folder, and give the path of the bag")


def told(gate: OwnGate, data: str) -> list[str]:
    """What a person may want to know of it, a sentence each."""
    what = "this folder is a BagIt bag" if gate.law == BAG else f"this folder has {shown(gate.flag)}"
    notes = [f"{what}: it is proven by that, and nothing is sealed there"]
    beside = [path for path in gate.tree.aside if not _hidden(path) and path != gate.flag]
    if beside and gate.law == SUMS:
        more = f" and {len(beside) - 1:,} more are" if len(beside) > 1 else " is"
        notes.append(f"{shown(beside[0])}{more} on no line of {shown(gate.flag)}, and no data")
    listed = _listed(gate.law, _read(data, gate.flag))
    absent = next((path for path in listed if not Path(data, path).exists()), None)
    if absent is not None:
        notes.append(f"{shown(absent)} is on {shown(gate.flag)}, and not there: a run waits for it")
    return notes


def _flag(data: str, tree: Tree) -> tuple[str, str | None] | None:
    """Law and manifest, by the names that a folder has; None for the manifest where none proves anything."""
    if Path(data, _DECLARES).is_file():
        return BAG, next((name for name in _BAGS if Path(data, name).is_file()), None)
    top = {one.path for one in tree.files if "/" not in one.path}
    named = sorted(name for name in top if name.lower() in _NAMES)
    alone = [name for name in top if name.lower().endswith(_ALONE) and name[: -len(_ALONE)] not in top]
    found = named[0] if named else alone[0] if len(alone) == 1 else None
    return None if found is None else (SUMS, found)


def _gate(law: str, flag: str, manifest: bytes, tree: Tree) -> OwnGate:
    if law == BAG:
        files = tuple(one for one in tree.files if one.path.startswith(_PAYLOAD))
        aside = (*tree.aside, *(one.path for one in tree.files if not one.path.startswith(_PAYLOAD)))
        _listed(law, manifest)
        return OwnGate(law, flag, Tree(files, aside), hashlib.sha256(manifest).hexdigest(), _PAYLOAD)
    listed = _listed(law, manifest)
    files = tuple(one for one in tree.files if one.path in listed)
    aside = (*tree.aside, *(one.path for one in tree.files if one.path not in listed))
    return OwnGate(law, flag, Tree(files, aside), hashlib.sha256(manifest).hexdigest())


def _listed(law: str, manifest: bytes) -> Collection[str]:
    """The files that the manifest lists. Raises `EvidenceFault` for one that cannot be read."""
    if law == BAG:
        from sr_plugins.laws.bag_lines import flag_lines

        return dict.fromkeys(line.path for line in flag_lines(manifest))
    from sr_plugins.laws.sums_lines import sums_lines

    return dict.fromkeys(path for path, _ in sums_lines(manifest))


def _read(data: str, name: str) -> bytes:
    try:
        with Path(data, name).open("rb") as file:
            found = file.read(MANIFEST_LIMIT + 1)
    except OSError as error:
        raise SealRefused(cannot(f"{shown(name)} cannot be read", error), "make it readable") from error
    if len(found) > MANIFEST_LIMIT:
        raise SealRefused(f"{shown(name)} is larger than {MANIFEST_LIMIT} bytes", "split the folder")
    return found


def _hidden(path: str) -> bool:
    return any(part.startswith(".") for part in path.split("/"))
