"""Clouds and surfaces inside the region of interest: volumes, what fills them, and their surface."""
