"""The command line as the client of a service."""
