"""A whole rig, live: starts every process of it, looks after them, says how they are."""
