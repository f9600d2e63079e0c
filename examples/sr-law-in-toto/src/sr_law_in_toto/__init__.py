"""A hashing law over signed in-toto statements."""
