"""V8's profiles: of CPU time and of the heap."""
