"""A page for each hook of plugins: what it is asked for, the port's laws, an example. From the specifications."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sr_ports
from sr_adapters.reference.markdown import code, page, table
from sr_plugins.documents.shipped import shipped
from sr_plugins.host.loading import PORTS
from sr_ports import hooks

KINDS = {
    "sr_object_stores": "store",
    "sr_authority_stores": "authority",
    "sr_control_buses": "bus",
    "sr_engine_invokers": "invoker",
    "sr_hashing_laws": "law",
    "sr_observability_sinks": "sink",
    "sr_authenticators": "authenticator",
    "sr_signers": "signer",
    "sr_signature_checkers": "signer",
}
"""The hooks that ``sr plugins new`` has a template for, with its kind; the others have an example of their own."""
_ASKED = {
    "engine_root": "by the scheme of an engine run root",
    "follower_store": "by `authority.adapter` of the profile, where somebody follows the bus",
    "law": "by `verification_method.kind` of a gate",
    "runtime": "as `system`; no profile names another",
    "sink": "by `observability.sinks`",
    "authenticator": "by `auth.mode`",
    "signature_checker": "as `key_file`, by `sr verify --key`",
}
_WITH = {
    "EngineRoots": ("EngineRoot",),
    "HashingLaw": ("BundleView",),
    "Runtime": ("Clock", "IdSource", "WorkPool", "Heartbeat", "PlatformRuns"),
}
"""What an object of a port is given, or is made of, or gives."""
_SUITES = {
    "AuthorityStore": "AuthorityLaws",
    "EngineInvoker": "InvokerLaws",
    "EngineRoots": "EngineRootLaws",
    "ObservabilitySink": "SinkLaws",
    "SignatureChecker": "SignerLaws",
}
"""Suites that are not named after their port."""


def hook_pages() -> Mapping[str, str]:
    """The pages by file: one a hook, and the list of them."""
    named = {name: spec for name, spec in vars(hooks).items() if name in PORTS.values()}
    made = {f"hooks/{name}.md": _page(name, spec) for name, spec in named.items()}
    rows = [
        (f"[{name}]({name}.md)", code(_returned(spec)), _paragraph(spec), code(_template(name)))
        for name, spec in named.items()
    ]
    whole = page("Hooks", _INTRO, table(["hook", "returns a sequence of", "which are", "template"], rows))
    return {"hooks/index.md": whole, **made}


_INTRO = (
    "A plugin answers a hook with a function of the hook's name, marked with `@hookimpl`. It is asked once, when "
    "something is needed that no built-in gives. [plugins.md](../../plugins.md) leads from nothing to a published law."
)


def example_of(name: str) -> str:
    """The plugin module that the page of a hook shows."""
    if name not in KINDS:
        return (shipped("config") / "templates" / "examples" / f"{name}.py.in").read_text("utf-8")
    from sr_plugins.uses.plugin_new import rendered

    module = f"acme_{KINDS[name]}"
    return dict(rendered(KINDS[name], f"acme-{KINDS[name]}"))[f"src/{module}/__init__.py"]


def _page(name: str, spec: Any) -> str:
    port = next(port for port, hook in PORTS.items() if hook == name)
    returned = _returned(spec)
    protocol = re.sub(r".*\[|\]", "", returned)
    asked = _ASKED.get(port, f"by `{port}.adapter` of the profile")
    facts = [("returns", f"a sequence of {code(returned)}"), ("is asked for", asked)]
    facts += [("template", code(_template(name)))] if name in KINDS else []
    facts += [("conformance suite", code(f"sr_ports.conformance.{_suite(protocol)}"))] if _suite(protocol) else []
    return page(
        name,
        inspect.getdoc(spec) or "",
        table(["", ""], facts),
        *(part for one in (protocol, *_WITH.get(protocol, ())) for part in _port(one)),
        "## Example",
        _about(name),
        f"```python\n{example_of(name).rstrip()}\n```",
    )


def _about(name: str) -> str:
    if name not in KINDS:
        return "A whole plugin module."
    kind = KINDS[name]
    return f"The module that {code(f'sr plugins new {kind} acme-{kind}')} writes; the distribution has what it imports."


def _port(name: str) -> list[str]:
    """What a protocol says of itself: its laws as they are written, and its members."""
    protocol = getattr(sr_ports, name)
    text = inspect.getdoc(protocol) or ""
    members = [
        (code(f"{name}{_signature(one)}"), _paragraph(one))
        for name, one in vars(protocol).items()
        if not name.startswith("_") and (inspect.isfunction(one) or isinstance(one, property))
    ]
    return [f"## {name}", f"```text\n{text}\n```", table(["member", "does"], members) if members else ""]


def _signature(one: Any) -> str:
    """What a method takes."""
    if isinstance(one, property):
        return ""
    return re.sub(r"^\(self(?:, )?", "(", str(inspect.signature(one))).replace("'", "")


def _returned(spec: Any) -> str:
    (found,) = re.findall(r"Sequence\[(.+)\]", spec.__annotations__["return"])
    return str(found)


def _template(name: str) -> str:
    return f"sr plugins new {KINDS[name]} NAME" if name in KINDS else ""


def _suite(protocol: str) -> str:
    """The suite of a port, where there is one: read, and not imported, for it needs pytest."""
    wanted = _SUITES.get(protocol, f"{protocol}Laws")
    for path in sorted((Path(sr_ports.__file__).parent / "conformance").glob("*.py")):
        if re.search(rf"^class {wanted}\b", path.read_text("utf-8"), re.MULTILINE):
            return f"{path.stem}.{wanted}"
    return ""


def _paragraph(one: object) -> str:
    text = inspect.getdoc(one) or ""
    return " ".join(text.split("\n\n")[0].split())
