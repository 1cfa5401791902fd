"""What the skeleton's prior tells the filter about every joint's motion, besides where it should be."""

HABITS = 5
"""Numbers per joint: of the acceleration, the damping, displacements, the stated variance and being carried.

They add to what the filter chooses from its own view of the joint (`imputation.net`), before any scale.
"""
