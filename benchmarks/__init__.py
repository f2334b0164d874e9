"""The long measurements: `make bench`."""
