"""Who asks: authenticators of bearer tokens, ``token`` (hashes in a file) and ``jwt`` (signed by an issuer)."""
