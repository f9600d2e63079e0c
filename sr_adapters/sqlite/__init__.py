"""The authority in one SQLite file: for a laptop, or for several processes of one machine."""
