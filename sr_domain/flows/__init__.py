"""What writes a run on: submit, resume, advance, re-emit, supersede."""
