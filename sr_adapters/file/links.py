"""Looks at a tree by the rules of the first release: a link that stays inside the root is followed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

import attrs

from sr_adapters.file.folders import ABSENT
from sr_adapters.file.looks import Looks, absent, leads_to_folder, shown
from sr_adapters.snapshot import Answer, Standing
from sr_ports import EvidenceFault, FileFact, ReasonCode
from sr_ports.compared import Compared
from sr_ports.roots import check_length, check_path
from sr_ports.wanted import Wanted

Marks = tuple[tuple[int, int], ...]
Place = tuple[str, str, frozenset[int], Marks]
"""A folder: the path it was reached by, the path it is at, the pattern's state, and what it lies in."""


@attrs.frozen(eq=False, repr=False)
class Links(Compared):
    """Resolves links by name, and then looks at the place they lead to by `looks`, which follows none."""

    looks: Looks
    root: str
    """The root's path without links."""

    def at(self, path: str) -> Answer:
        """What stands at a path. Raises `EvidenceFault`, and `OSError` also where nothing does."""
        real = self._resolved(path)
        return _reached(path, self.looks.at(real)) if real else Standing.FOLDER

    def below(self, folder: str, wanted: Wanted, known: Mapping[str, Answer]) -> Iterator[FileFact]:
        """The files that `wanted` takes, in order of path. Raises `EvidenceFault`, `Unreachable`."""
        del known
        found: list[FileFact] = []
        todo: list[Place] = [(folder, self._resolved(folder), wanted.start, ())]
        while todo:
            shown_at, real, state, above = todo.pop()
            for entry in self.looks.scanned(real):
                name = entry.name
                here = f"{shown_at}/{name}" if shown_at else name
                there = f"{real}/{name}" if real else name
                one = self._entry((here, there, state, above), entry, wanted)
                if isinstance(one, FileFact):
                    found.append(one)
                elif one is not None:
                    todo.append(one)
        return iter(sorted(found, key=lambda fact: fact.path))

    def _entry(self, place: Place, entry: os.DirEntry[str], wanted: Wanted) -> FileFact | Place | None:
        path, real, state, above = place
        step = wanted.step(state, entry.name)
        taken, is_folder = wanted.taken(step), entry.is_dir(follow_symlinks=False)
        if not step.any or (not is_folder and entry.name in wanted.leave_out):
            return None
        if entry.is_symlink():
            if not taken and not leads_to_folder(entry):
                return None
            real = self._resolved(path)
        elif not taken and not is_folder:
            return None
        answer = self._standing(path, real)
        if answer is not Standing.FOLDER:
            check_path(path)
            return answer if isinstance(answer, FileFact) else None
        check_length(path)
        mark = self._mark(real)
        if mark in above:
            raise _escape(path, "a link that leads back to a folder above it")
        return path, real, step.any, (*above, mark)

    def _standing(self, path: str, real: str) -> Answer:
        try:
            return _reached(path, self.looks.at(real)) if real else Standing.FOLDER
        except OSError as error:
            if not absent(real, error):
                raise self.looks.trouble(path, error) from error
        if path != real:
            raise _escape(path, "a link that leads nowhere")
        return None  # gone since it was listed

    def _mark(self, real: str) -> tuple[int, int]:
        try:
            held = self.looks.folders.enter(real)
        except ABSENT:
            return (0, 0)  # gone since it was looked at
        try:
            found = os.fstat(held.fd)
            return found.st_dev, found.st_ino
        finally:
            self.looks.folders.leave(held)

    def _resolved(self, path: str) -> str:
        """Where a path leads, below the root; empty for the root itself."""
        real, base = os.path.realpath(f"{self.root}/{path}"), self.root.rstrip("/")
        if real != self.root and not real.startswith(f"{base}/"):
            raise _escape(path, "a link leads out of the engine root")
        return real[len(base) + 1 :]


def _reached(path: str, answer: Answer) -> Answer:
    """The answer under the path it was asked by."""
    if not isinstance(answer, FileFact) or answer.path == path:
        return answer
    return FileFact(path, answer.size, answer.stamp, target=answer.path)


def _escape(path: str, why: str) -> EvidenceFault:
    return EvidenceFault(ReasonCode.PATH_ESCAPES, f"{shown(path)!r} is refused: {why}", shown(path))
