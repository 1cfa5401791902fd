"""Moving pictures: truth and methods beside each other."""
