"""Layers that more than one learned part uses."""
