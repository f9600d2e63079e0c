"""Documents derived from the record."""
