"""The capture process: from cameras to frame sets in shared memory, every frame accounted for."""
