"""From a request to a sealed plan."""
