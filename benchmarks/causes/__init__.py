"""Defects with a known cause in the example services, and what the program says of each."""
