"""Whole flows, through the public seams."""
