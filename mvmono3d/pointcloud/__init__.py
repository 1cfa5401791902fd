"""Clouds and surfaces inside the region of interest."""
