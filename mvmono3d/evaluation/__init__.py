"""Predict, score, compare."""
