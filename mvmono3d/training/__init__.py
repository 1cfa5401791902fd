"""Build a run from its configuration and fit it."""
