"""The loop: frame sets in, poses out, one at a time, the newest first."""
