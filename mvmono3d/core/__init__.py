"""The records that flow between parts, and their files. No algorithms."""
