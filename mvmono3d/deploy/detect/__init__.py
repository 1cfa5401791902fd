"""2D joints from images while they come: windows, crops, networks."""
