"""Who is who across views and time."""
