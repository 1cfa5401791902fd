"""What is wrong with a rig: cameras, their settings, a few seconds of frames, and the machine beneath."""
