"""gperftools' profiles: of CPU and heap as the process writes them, and as its printer does."""
