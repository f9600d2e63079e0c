"""Build hook: compiles the contracts to Python, one module each, into ``sr_domain/_contracts``.

Runs in wheel and editable builds; ``python hatch_build.py`` refreshes a checkout by hand.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import re
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def _interface() -> Any:
    """What a build hook derives from; nothing when the contracts are refreshed by hand, without the build backend."""
    try:
        return importlib.import_module("hatchling.builders.hooks.plugin.interface").BuildHookInterface
    except ImportError:
        return object


INTERFACE: Any = _interface()
SUFFIX = ".schema.yaml"
REVISED = re.compile(r"revision_([1-9][0-9]*)/")
# Draft-07 calls 1.0 an integer; a seed of 1.0 is a mistake here.
WHOLE_FLOAT = re.compile(r" and not \(isinstance\(\w+, float\) and \w+\.is_integer\(\)\)")
# JSON has lists and numbers; tuples and decimals are Python's.
NOT_JSON = re.compile(r"(?<=list), tuple(?=\))|, Decimal(?=\))")
_UNKNOWN = (
    "fastjsonschema {} writes code in a form that hatch_build.py does not know: {!r} is left in it; build with {}, "
    "or teach hatch_build.py the new form, and compare what it makes: see tests/domain/test_compiler.py"
)
# All that a sentence about a violation is made from.
TELLING = ("type", "description", "enum", "const", "required", "minItems", "maxItems", "minProperties")


def sources(root: Path) -> dict[str, bytes]:
    """The contract sources by their place below ``contracts``; a revision that changed any has a folder there."""
    folder = root / "contracts"
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*" + SUFFIX))}


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
    if isinstance(out.get("pattern"), str):
        out["pattern"] = re.sub(r"\$$", r"\\Z", out["pattern"])
    return out


def schemas(documents: dict[str, Any]) -> dict[str, Any]:
    """The schema of each contract by the module it is compiled to, references written out.

    `documents`: parsed sources. The folder ``revision_N`` holds the contracts that revision N changed; whatever
    refers to one of them is another contract from N on, too. Its module has ``_rN`` behind its name.
    """
    made: dict[str, Any] = {}
    known: dict[str, Any] = {}
    standing: dict[str, Any] = {}
    for revision in sorted({_revision(name) for name in documents}):
        known |= {name.rpartition("/")[2]: one for name, one in documents.items() if _revision(name) == revision}
        for name in [name for name, one in known.items() if "type" in one]:
            contract, schema = name.removesuffix(SUFFIX), expand(known[name], name, known)
            if standing.get(contract) != schema:
                standing[contract] = made[f"{contract}_r{revision}" if revision else contract] = schema
    return made


def _revision(name: str) -> int:
    """The revision whose folder a source lies in; 0 for the first shape of a contract."""
    match = REVISED.match(name)
    if match is None and "/" in name:
        raise SystemExit(f"contracts/{name}: the folder of a revision is named revision_<number>")
    return int(match[1]) if match else 0


def revised(modules: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """Of each contract that has more than one shape: the revisions that changed it, ascending."""
    found: dict[str, tuple[int, ...]] = {}
    for module in modules:  # in the order of the revisions
        match = re.fullmatch(r"(\w+)_r([1-9][0-9]*)", module)
        if match is not None:
            found[match[1]] = (*found.get(match[1], ()), int(match[2]))
    return found


class Lean(ast.NodeTransformer):
    """Makes the compiler's output small to load: each definition once, cut to what an error tells.

    The error becomes the core's own, so that nothing but the core is imported at run time.
    """

    def __init__(self) -> None:
        self.table: dict[str, int] = {}

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name("Misfit", node.ctx) if node.id.startswith("JsonSchemaValue") else node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if getattr(node.func, "id", "") != "JsonSchemaValueException":
            return self.generic_visit(node)
        given = {word.arg: word.value for word in node.keywords}
        whole = ast.literal_eval(given["definition"])
        told = {key: whole[key] for key in TELLING if key in whole}
        if isinstance(whole.get("properties"), dict):
            told["properties"] = sorted(whole["properties"])
        at = self.table.setdefault(repr(told), len(self.table))
        entry = ast.Subscript(ast.Name("TOLD", ast.Load()), ast.Constant(at), ast.Load())
        return ast.Call(ast.Name("Misfit", ast.Load()), [given["name"], given["value"], entry, given["rule"]], [])


def _is_version(statement: ast.stmt) -> bool:
    """Whether a statement of the compiler's output only names the compiler's version."""
    return isinstance(statement, ast.Assign) and [getattr(one, "id", "") for one in statement.targets] == ["VERSION"]


def _pinned() -> str:
    """The fastjsonschema that `pyproject.toml` builds with."""
    text = (Path(__file__).resolve().parent / "pyproject.toml").read_text("utf-8")
    wanted: list[str] = tomllib.loads(text)["build-system"]["requires"]
    return next(one for one in wanted if one.startswith("fastjsonschema"))


def compiled(schema: dict[str, Any]) -> str:
    """The module that checks documents against `schema`: no imports but `re` and the core's error."""
    import fastjsonschema

    code = fastjsonschema.compile_to_code(schema, use_formats=False)
    code = NOT_JSON.sub("", WHOLE_FLOAT.sub("", code)).replace('(name_prefix or "data")', '"data"')
    tree = ast.parse(code)
    tree.body = [one for one in tree.body if not isinstance(one, ast.ImportFrom) and not _is_version(one)]
    lean = Lean()
    body = ast.unparse(ast.fix_missing_locations(lean.visit(tree)))
    for left in ("is_integer", ", tuple)", "Decimal", "JsonSchema"):
        if left in body:
            raise SystemExit(_UNKNOWN.format(fastjsonschema.VERSION, left, _pinned()))
    told = "".join(f"    {definition},\n" for definition in lean.table)
    return f"from sr_domain.encoding.contracts import Misfit\n\nTOLD = (\n{told})\n{body}\n"


def compile_contracts(root: Path) -> None:
    """Write one module per contract, and the digest of what they were made from."""
    import yaml

    files = sources(root)
    found = schemas({name: yaml.safe_load(data) for name, data in files.items()})
    modules = {name: compiled(schema) for name, schema in found.items()}
    index = f"REVISED: dict[str, tuple[int, ...]] = {revised(found)}\n"
    modules["__init__"] = f'"""Compiled contracts."""\n\nSOURCES = "{digest(files)}"\n{index}'
    target = root / "sr_domain" / "_contracts"
    target.mkdir(exist_ok=True)
    for stale in target.glob("*.py"):
        if stale.stem not in modules:
            stale.unlink()
    for module, code in modules.items():
        (target / f"{module}.py").write_text(code, encoding="utf-8")


class CustomBuildHook(INTERFACE):  # type: ignore[misc]
    """Called by hatchling before it collects files."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        compile_contracts(Path(self.root))


if __name__ == "__main__":
    compile_contracts(Path(__file__).resolve().parent)
    sys.stdout.write("compiled\n")
