"""The runtime: runs an exported bundle on a rig, without torch."""
