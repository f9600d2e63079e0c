"""Which engine roots may be named here: what a URI may say, and below which places it may lie."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TYPE_CHECKING

from sr_ports import REASONS, BadInput, EvidenceFault, Located, ReasonCode

if TYPE_CHECKING:
    from sr_domain.run.context import Context


def admissible_root(context: Context, uri: str) -> str:
    """The engine root as it is named from any folder: a path in full, a URI as it is.

    Raises `BadInput`: ENGINE_ROOT_UNFIT, or what the adapter of its scheme says.
    """
    check_letters(uri)
    allowed = () if uri == context.settings.oracle_engine_run_root else context.settings.allowed_roots
    full = None
    try:
        with context.ports.roots.open(uri) as root:
            full = uri if "://" in uri else root.uri
            place = root.located() if isinstance(root, Located) else root.uri
    except EvidenceFault as fault:
        if _outside(full or uri, allowed):  # nobody learns here what stands where no root may be
            raise _not_allowed(uri, allowed) from None
        raise BadInput(fault.code, fault.what, REASONS[ReasonCode.ENGINE_ROOT_UNFIT].remedy) from fault
    if _outside(place, allowed):
        raise _not_allowed(uri, allowed)
    return full


def _outside(place: str, allowed: Collection[str]) -> bool:
    return bool(allowed) and not any(_below(place, one) for one in allowed)


def _not_allowed(uri: str, allowed: Collection[str]) -> BadInput:
    what = f"engine_run_root {uri} lies under none of the roots that are allowed here"
    return BadInput(ReasonCode.ENGINE_ROOT_UNFIT, what, f"engine.allowed_roots are: {', '.join(allowed)}")


def _below(place: str, prefix: str) -> bool:
    return place == prefix or place.startswith(prefix.rstrip("/") + "/")


def check_letters(uri: str) -> None:
    """A URI names a place and nothing else: what is in it goes on record, to the engine and into views.

    Raises `BadInput(ENGINE_ROOT_UNFIT)`.
    """
    if "://" not in uri:
        return
    if "@" in re.split(r"[/?#]", uri.partition("://")[2])[0]:
        raise _unfit("carries credentials")
    for word, there in (("query", "?" in uri), ("fragment", "#" in uri)):
        if there:
            raise _unfit(f"carries a {word}")


def _unfit(what: str) -> BadInput:
    return BadInput(ReasonCode.ENGINE_ROOT_UNFIT, f"engine_run_root {what}")
