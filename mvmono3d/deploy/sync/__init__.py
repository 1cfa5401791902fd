"""Frames of several triggered cameras become frame sets, by time; every frame is accounted for."""
