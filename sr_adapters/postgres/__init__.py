"""The authority in Postgres: for any number of machines."""
