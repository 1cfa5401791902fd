"""A client of the pose stream that shows it."""
