"""What jemalloc says: heap profiles, and its statistics."""
