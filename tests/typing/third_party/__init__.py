"""Plugins and an embedder as third parties write them: strict, with the public names alone."""
