"""The composition root: a profile becomes ports, and ports a runner."""
