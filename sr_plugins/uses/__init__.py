"""Use cases over a wired runner: what a consumer proves, and what the doctor tries."""
