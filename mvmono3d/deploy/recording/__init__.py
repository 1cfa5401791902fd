"""Recordings: what the cameras saw, written so that no crash, full disk or bad bit goes unnoticed."""
