"""Triggered cameras: one protocol, and what stands behind it."""
