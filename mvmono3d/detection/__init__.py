"""2D joints from image crops."""
