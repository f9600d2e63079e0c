"""The reference in ``docs/reference``, made from the code: ``python -m sr_adapters.reference [--write]``."""
