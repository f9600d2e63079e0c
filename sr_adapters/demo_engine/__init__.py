"""The demo engine: an opaque program that makes sealed worlds for any interface pack.

It knows nothing of Scenario Runner: only the standard library and YAML, the invocation
contract, and the interface pack it is given. Run it as ``python -m sr_adapters.demo_engine``.
"""
