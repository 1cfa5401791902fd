"""Learned triangulation: views weighted by how far they can be trusted."""
