"""Exact maths as pure functions, each formula once for numpy and torch, any leading batch shape."""
