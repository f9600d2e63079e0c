"""For consumers: a facts view by path, URI or run id, and a guard to put before reading.

from sr_plugins.consumer import verify_facts
verify_facts("runs/fraud-platform/.../run_facts_view/<id>.json").raise_if_faulty()
"""

from __future__ import annotations

from sr_plugins.uses.consumer import Guarded, verify_facts

__all__ = ["Guarded", "verify_facts"]
