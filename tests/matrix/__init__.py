"""Every profiler on every example service under load, through the real command: what docs/profilers.md says."""
