"""The plugin host: finds what plugins offer, and guards what they give."""
