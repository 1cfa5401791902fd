"""Occlusion states and measurement uncertainty per joint and view."""
