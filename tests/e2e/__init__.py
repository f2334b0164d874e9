"""Tests of the installed command on real services."""
