"""What the whole skeleton is likely to do next."""
