"""Reading an engine root and judging what is there."""
