"""Why a program cannot be started: the file, its rights and its first bytes are looked at.

The system tells a number, and "no such file" is said of a script that is there when its interpreter is not. What is
found here is for people; nothing is decided by it but which of two codes an attempt ends with, and whether a run is
admitted that nothing but this program could make.
"""

from __future__ import annotations

import errno
import os
import platform
import stat
import struct
from collections.abc import Mapping
from pathlib import Path

from sr_ports import ReasonCode

_HEAD = 4096
_SHOWN = 64
_LONGEST_LINE = 256
"""Bytes of a script's first line that Linux reads."""
_SHEBANG = b"#!"
_MARK = b"\xef\xbb\xbf"
_MACHINES = {3: "i386", 8: "mips", 21: "ppc64", 22: "s390x", 40: "arm", 62: "x86_64", 183: "aarch64", 243: "riscv64"}
_FORMATS = {
    b"MZ": "is a program for Windows",
    b"\xcf\xfa\xed\xfe": "is a program for macOS",
    b"\xca\xfe\xba\xbe": "is a program for macOS, or Java bytecode",
}
_PT_INTERP = 3

Verdict = tuple[ReasonCode, str]


def why_not(number: int, command: str, cwd: str | None, env: Mapping[str, str]) -> Verdict:
    """The code, and one sentence, for a `command` that ended with this error number instead of starting."""
    folder = _folder_fault(cwd)
    if folder is not None:
        return ReasonCode.ENGINE_COMMAND_UNUSABLE, folder
    found = _found(command, cwd, env)
    if found is None:
        return ReasonCode.ENGINE_COMMAND_MISSING, _not_there(command, env)
    fault = _fault(found, cwd) or os.strerror(number)
    return ReasonCode.ENGINE_COMMAND_UNUSABLE, f"the engine command {found} cannot be started: {fault}"


def why_unusable(command: str, cwd: str | None, env: Mapping[str, str]) -> str | None:
    """What is wrong with a program that is not there or no file that may be executed, or with its working folder;
    None for any other: what its bytes say is the system's to judge, which may be taught more formats."""
    folder = _folder_fault(cwd)
    if folder is not None:
        return folder
    found = _found(command, cwd, env)
    if found is None:
        return _not_there(command, env)
    fault = _file_fault(Path(cwd or ".") / found)
    return None if fault is None else f"the engine command {found} cannot be started: {fault}"


def _not_there(command: str, env: Mapping[str, str]) -> str:
    where = "is not there" if "/" in command else f"is not found on PATH ({_cut(env.get('PATH') or os.defpath)})"
    return f"the engine command {command} {where}"


def _cut(path: str) -> str:
    return path if len(path) <= _SHOWN else f"{path[:_SHOWN]}..."


def first_line_hint(command: str, cwd: str | None, env: Mapping[str, str]) -> str:
    """What to add to the end of a script whose interpreter started and found something wrong; else empty."""
    found = _found(command, cwd, env)
    return (_carriage_return(_head(found)) or "") if found is not None else ""


def _folder_fault(cwd: str | None) -> str | None:
    """What is wrong with the working folder."""
    if cwd is None:
        return None
    try:
        mode = os.stat(cwd).st_mode  # noqa: PTH116 - a string from the profile
    except (OSError, ValueError) as error:
        return f"the engine's working folder invoker.cwd {cwd} cannot be used: {getattr(error, 'strerror', error)}"
    if not stat.S_ISDIR(mode):
        return f"the engine's working folder invoker.cwd {cwd} is no folder"
    return None if os.access(cwd, os.X_OK) else f"the engine's working folder invoker.cwd {cwd} may not be entered"


def _found(command: str, cwd: str | None, env: Mapping[str, str]) -> str | None:
    """The file that the system would start: by its path, else the first of that name on PATH."""
    base = Path(cwd or ".")
    if "/" in command:
        return command if os.path.lexists(base / command) else None
    folders = (env.get("PATH") or os.defpath).split(os.pathsep)
    paths = [str(Path(folder or ".") / command) for folder in folders]
    there = [one for one in paths if (base / one).is_file()]
    return next((one for one in there if os.access(base / one, os.X_OK)), there[0] if there else None)


def _fault(path: str, cwd: str | None) -> str | None:
    """What is wrong with the file itself, None where nothing is seen."""
    full = Path(cwd or ".") / path
    fault = _file_fault(full)
    if fault is not None:
        return fault
    head = _head(str(full))
    return _script_fault(head, cwd) if head.startswith(_SHEBANG) else _format_fault(head)


def _file_fault(full: Path) -> str | None:
    """What is wrong with what stands there and its rights, whatever its bytes are."""
    try:
        mode = full.stat().st_mode
    except OSError as error:
        return "it is a link that leads nowhere" if error.errno == errno.ENOENT else error.strerror
    if stat.S_ISDIR(mode):
        return "it is a folder"
    if not stat.S_ISREG(mode):
        return "it is no regular file"
    if not os.access(full, os.X_OK):
        return "it may not be executed (chmod +x)"
    if os.statvfs(full).f_flag & getattr(os, "ST_NOEXEC", 0):
        return "its file system is mounted noexec"
    return None


def _head(path: str) -> bytes:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a string from the profile
            return file.read(_HEAD)
    except OSError:
        return b""


def _carriage_return(head: bytes) -> str | None:
    line, end, _ = head.partition(b"\n")
    if head.startswith(_SHEBANG) and end and line.endswith(b"\r"):
        return "its first line ends with a carriage return, as on Windows, which belongs to the interpreter's name"
    return None


def _script_fault(head: bytes, cwd: str | None) -> str | None:
    line = head[: _LONGEST_LINE + 2].partition(b"\n")[0][2:].strip(b" \t")
    interpreter = os.fsdecode(line.split(b" ")[0].split(b"\t")[0])
    shown = repr(interpreter)[1:-1]
    if not interpreter:
        return "its first line names no interpreter after #!"
    returns = _carriage_return(head)
    if returns is not None:
        return f"its interpreter {shown} is not there: {returns}"
    full = Path(cwd or ".") / interpreter
    if not full.exists():
        return f"its interpreter {shown}, named in its first line, is not there"
    if not full.is_file() or not os.access(full, os.X_OK):
        return f"its interpreter {shown}, named in its first line, may not be executed"
    return None


def _format_fault(head: bytes) -> str | None:
    if not head:
        return "it is empty, or may not be read"
    if head.startswith(_MARK + _SHEBANG):
        return "it begins with a byte order mark, before #!"
    for magic, what in _FORMATS.items():
        if head.startswith(magic):
            return f"it {what}"
    if head.startswith(b"\x7fELF"):
        return _elf_fault(head)
    return "it is neither a program of this system nor a script that begins with #! and an interpreter"


def _elf_fault(head: bytes) -> str | None:
    """A program for another machine, or one whose loader is not there."""
    try:
        wide, order = head[4] == 2, "<" if head[5] == 1 else ">"  # noqa: PLR2004 - ELFCLASS64
        (machine,) = struct.unpack_from(f"{order}H", head, 18)
        built, here = _MACHINES.get(machine, f"machine {machine}"), platform.machine()
        if built != here:
            return f"it is built for {built}, this machine is {here}"
        loader = _loader(head, wide, order)
    except (struct.error, IndexError):
        return "it is a cut or damaged program"
    if loader and not Path(loader).exists():
        return f"its loader {loader} is not there: it is built for another kind of system"
    return None


def _loader(head: bytes, wide: bool, order: str) -> str:
    """The program interpreter an ELF file names; empty where there is none in its first bytes."""
    at, size, count = (32, 54, 56) if wide else (28, 42, 44)
    (table,) = struct.unpack_from(f"{order}{'Q' if wide else 'I'}", head, at)
    (step,), (entries,) = struct.unpack_from(f"{order}H", head, size), struct.unpack_from(f"{order}H", head, count)
    for entry in range(table, min(table + step * entries, len(head) - step), step or 1):
        if struct.unpack_from(f"{order}I", head, entry)[0] == _PT_INTERP:
            where, length = ((8, 32) if wide else (4, 16)), "Q" if wide else "I"
            (start,), (n,) = (struct.unpack_from(f"{order}{length}", head, entry + one) for one in where)
            return os.fsdecode(head[start : start + n].rstrip(b"\0"))
    return ""
