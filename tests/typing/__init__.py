"""What a type checker says to plugin authors and embedders."""
