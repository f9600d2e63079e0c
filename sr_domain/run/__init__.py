"""What flows and queries share of one run: its ports, its lease, its record, the answers about it."""
