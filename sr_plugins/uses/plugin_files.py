"""The files of an installed distribution, held against its RECORD."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from importlib.metadata import Distribution, PackagePath
from pathlib import Path

_CODE = (".py", ".so", ".pyd", ".pth")


def files_held(found: Distribution) -> tuple[list[tuple[str, str]], str]:
    """Each file that is not as it was installed, with why; and what was found, in a sentence.

    It finds what was changed afterwards. Whoever can write there can write RECORD as well: it is no signature.
    """
    listed = found.files
    if listed is None:
        return [], "it has no RECORD: what was installed is not known"
    hashed = [one for one in listed if one.hash is not None]
    faults = [(str(one), why) for one in hashed if (why := _why(one)) is not None]
    faults += [(name, "is not in RECORD") for name in _unlisted(listed)]
    told = f"{len(hashed)} files are as RECORD has them"
    return faults, f"{told}; an editable install, whose source is not among them" if is_editable(found) else told


def _why(file: PackagePath) -> str | None:
    """Why a file is not the one that was installed."""
    stated = file.hash
    try:
        data = file.read_binary()
    except OSError as error:
        return "is not there" if isinstance(error, FileNotFoundError) else f"cannot be read: {error.strerror}"
    if stated is None or stated.mode not in hashlib.algorithms_guaranteed:
        return None
    made = base64.urlsafe_b64encode(hashlib.new(stated.mode, data).digest()).rstrip(b"=").decode()
    return None if made == stated.value else "is not the file that was installed"


def _unlisted(listed: list[PackagePath]) -> Iterator[str]:
    """Code that lies in the distribution's own packages and that RECORD does not have."""
    known = {Path(str(one.locate())).absolute() for one in listed}
    packages = {path.parent for path in known if path.name == "__init__.py"}
    for folder in sorted(packages):
        for path in sorted(folder.glob("*")) if folder.is_dir() else ():
            if path.suffix in _CODE and path not in known:
                yield str(path)


def is_editable(found: Distribution) -> bool:
    """Whether its source is used where it lies."""
    return _direct(found).get("editable") is True


def source_folder(found: Distribution) -> Path | None:
    """The tests beside the source of an editable install; None where there are none."""
    url = _direct(found).get("url")
    if not isinstance(url, str) or not url.startswith("file://"):
        return None
    from urllib.parse import unquote, urlsplit

    folder = Path(unquote(urlsplit(url).path)) / "tests"
    return folder if folder.is_dir() else None


def _direct(found: Distribution) -> dict[str, object]:
    """Where an editable install is from, as PEP 610 has it; empty for any other."""
    try:
        node = json.loads(found.read_text("direct_url.json") or "{}")
        return {"editable": bool(node["dir_info"]["editable"]), "url": node["url"]}
    except (ValueError, KeyError, TypeError):
        return {}
