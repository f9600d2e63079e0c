"""Attacks on a run from outside, by the command line alone; each has an innocent twin that ends READY."""
