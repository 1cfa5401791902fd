"""Metric 3D joints from triggered cameras: see README.md."""

__version__ = "0.1.0"
