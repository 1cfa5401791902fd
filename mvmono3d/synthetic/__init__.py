"""A world with perfect truth: actors, motion, props, rigs, occlusion, detector behaviour."""
