"""From boards to a rig."""
