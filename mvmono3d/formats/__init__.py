"""The outside world's files."""
