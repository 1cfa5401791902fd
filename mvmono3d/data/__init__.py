"""Canonical clips in, batches out."""
