"""Joints while they are hidden: an information filter over time."""
