"""The learned parts as one reconstructor, and the classical methods beside it."""
