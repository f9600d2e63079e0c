"""Build hook: compiles the contracts to Python, one module each, into ``sr_domain/_contracts``.

Runs in wheel and editable builds; ``python hatch_build.py`` refreshes a checkout by hand.
"""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # refreshed by hand, without the build backend
    BuildHookInterface = object

# Draft-07 calls 1.0 an integer; a seed of 1.0 is a mistake here.
WHOLE_FLOAT = re.compile(r" and not \(isinstance\(\w+, float\) and \w+\.is_integer\(\)\)")
SUFFIX = ".schema.yaml"


def sources(root: Path) -> dict[str, bytes]:
    """The contract sources by file name."""
    return {path.name: path.read_bytes() for path in sorted((root / "contracts").glob("*" + SUFFIX))}


def digest(files: dict[str, bytes]) -> str:
    """Over every contract's name and bytes: tells whether compiled code is fresh."""
    whole = hashlib.sha256()
    for name, data in sorted(files.items()):
        whole.update(name.encode() + b"\0" + data.replace(b"\r\n", b"\n") + b"\0")
    return whole.hexdigest()


def expand(node: Any, here: str, documents: dict[str, Any]) -> Any:
    """The schema with every reference written out and ``$`` made to mean the end, not a last newline."""
    if isinstance(node, list):
        return [expand(one, here, documents) for one in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        file, _, pointer = node["$ref"].partition("#")
        target: Any = documents[file or here]
        for part in filter(None, pointer.split("/")):
            target = target[part]
        return expand(target, file or here, documents)
    out = {key: expand(value, here, documents) for key, value in node.items() if key not in ("$schema", "definitions")}
    if "pattern" in out:
        out["pattern"] = re.sub(r"\$$", r"\\Z", out["pattern"])
    return out


def compile_contracts(root: Path) -> None:
    """Write one module per contract, and the digest of what they were made from."""
    import fastjsonschema
    import yaml

    files = sources(root)
    documents = {name: yaml.safe_load(data) for name, data in files.items()}
    target = root / "sr_domain" / "_contracts"
    target.mkdir(exist_ok=True)
    for stale in target.glob("*.py"):
        stale.unlink()
    for name, document in documents.items():
        if "type" not in document:
            continue
        code = fastjsonschema.compile_to_code(expand(document, name, documents), use_formats=False)
        code = WHOLE_FLOAT.sub("", code)
        (target / f"{name.removesuffix(SUFFIX)}.py").write_text(code, encoding="utf-8")
    (target / "__init__.py").write_text(f'"""Compiled contracts."""\n\nSOURCES = "{digest(files)}"\n', encoding="utf-8")


class CustomBuildHook(BuildHookInterface):  # type: ignore[misc,unused-ignore]
    """Called by hatchling before it collects files."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        compile_contracts(Path(self.root))


if __name__ == "__main__":
    compile_contracts(Path(__file__).resolve().parent)
    sys.stdout.write("compiled\n")
