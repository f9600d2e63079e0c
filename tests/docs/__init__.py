"""The docs say what is so."""
