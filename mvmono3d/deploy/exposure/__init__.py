"""Exposure, gain and strobe under closed-loop control, all cameras in step, and alarms on the pictures."""
