"""The point cloud of what is in view, made beside the poses."""
