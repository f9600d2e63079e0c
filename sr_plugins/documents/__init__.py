"""Configuration read from files: profiles, policies and interface packs."""
