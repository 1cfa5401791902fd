"""Numbers that say how good a reconstruction is."""
