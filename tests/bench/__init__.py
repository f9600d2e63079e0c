"""The rows of the performance bars, each beside its floor, in one run (``tox -e bench``)."""
