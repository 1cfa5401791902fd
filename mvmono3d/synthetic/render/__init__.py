"""Monochrome pictures of the synthetic world, with the truth of every pixel and joint."""
