"""From a checkpoint to a bundle that runs without torch."""
