"""``python -m sr_adapters.cli``."""

from sr_adapters.cli import main

main()
