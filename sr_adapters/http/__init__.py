"""The always-on service: HTTP, a driving adapter beside the command line (spec: surface, "HTTP (`sr serve`)")."""
