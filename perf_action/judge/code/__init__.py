"""Whose code a function of a profile is: its language, its library, or the service itself."""
