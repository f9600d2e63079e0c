"""The record of a run: events, states, layout of the store."""
