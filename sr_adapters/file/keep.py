"""Writing below an engine root that is a copy: one file at a time, each once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sr_adapters.file import durable
from sr_adapters.file.errors import DENIED, FULL, port_errors
from sr_adapters.file.tree import Tree
from sr_ports import BadInput, ReasonCode, Sink, Unreachable
from sr_ports.roots import check_path

_CODES: Final = {**FULL, **dict.fromkeys(DENIED, ReasonCode.ENGINE_ROOT_DENIED)}
_WHO = "see who writes below engine.publish_root"


def keep_file(tree: Tree, path: str, source: Callable[[Sink], object]) -> None:
    """See `sr_ports.Keeping.keep`. `tree`: the root. The file has its name only once it is whole and on disk."""
    check_path(path)
    *folders, name = path.split("/")

    def fill(fd: int) -> None:
        source(lambda view: durable.write_all(fd, view))

    with port_errors(f"write {path} in {tree.root}", _CODES, ReasonCode.ENGINE_ROOT_UNREACHABLE):
        try:
            with tree.made(tuple(folders)) as folder:
                made = not durable.is_taken(folder, name) and _linked(folder, name, fill)
                durable.sync_names(folder, name, changed=made)
        except BadInput as unfit:  # a fault of the place: the run rests
            raise Unreachable(ReasonCode.ENGINE_ROOT_UNREACHABLE, unfit.what, unfit.remedy) from unfit
    if not made:
        what = f"writing {path} in {tree.root}: another file is there"
        raise Unreachable(ReasonCode.ENGINE_ROOT_UNREACHABLE, what, _WHO)


def _linked(folder: int, name: str, fill: Callable[[int], None]) -> bool:
    with durable.drafted(folder, fill) as draft:
        return durable.link_once(folder, draft, name)
