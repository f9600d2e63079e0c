"""What the console does to a run: resume, and re-emit with its dry run first."""

from __future__ import annotations

from typing import Any

from sr_adapters.answers import spelled
from sr_adapters.console.looking import Looking, Shown
from sr_adapters.http.actors import Action
from sr_adapters.http.outcomes import denial
from sr_ports import REASONS, BadInput, ReasonCode, SrError

_KINDS = {"READY_ONLY": "READY", "TERMINAL_ONLY": "the terminal fact", "BOTH": "both, as they apply"}


def resume(looking: Looking) -> Shown:
    """Take a run on; then its page again."""
    _allowed(looking, Action.RESUME)
    outcome = looking.runner.resume(looking.run, actor=looking.actor)
    return Shown(to=f"/runs/{outcome.run_id}")


def reemit_form(looking: Looking) -> Shown:
    """What is to be published again; nothing is."""
    return _page(looking, None, confirm=False)


def reemit(looking: Looking) -> Shown:
    """A dry run, and only behind it the re-emit itself."""
    _allowed(looking, Action.REEMIT)
    form = looking.form
    kind, reason, confirmed = form.get("kind", ""), form.get("reason", "").strip(), form.get("confirmed") == "yes"
    if kind not in _KINDS:
        raise BadInput(
            ReasonCode.PARAMETER_INVALID, "what is to be published again was not said", "choose one of the three"
        )
    done = looking.runner.reemit(
        looking.run,
        kind,
        reason=reason or None,
        actor=looking.actor,
        dry_run=not confirmed,
        superseded=form.get("superseded") == "yes",
    )
    return _page(looking, done, confirm=not confirmed)


def _page(looking: Looking, done: Any, *, confirm: bool) -> Shown:
    from sr_domain import Reemit

    told = looking.runner.explain(looking.run)
    code = None if done is None else done.reason_code
    refusal = None
    if code is not None:
        step = done.next if isinstance(done, Reemit) else None
        refusal = (code.value, done.message, REASONS[code].remedy if step is None else spelled(step))
    return Shown(
        "reemit.html",
        {
            "why": told,
            "kinds": _KINDS,
            "kind": looking.form.get("kind", "READY_ONLY" if told.state == "READY" else "TERMINAL_ONLY"),
            "reason": looking.form.get("reason", ""),
            "superseded": looking.form.get("superseded") == "yes",
            "done": done if code is None else None,
            "refusal": refusal,
            "confirm": confirm and code is None,
            "may": looking.may(Action.REEMIT),
        },
        status=200 if code is None else 409,
    )


def _allowed(looking: Looking, action: Action) -> None:
    if not looking.may(action):
        raise SrError(ReasonCode.AUTH_DENIED, denial(looking.actor.actor, action.word))
