"""Replay clips under disturbances, and measure what each costs every method."""
