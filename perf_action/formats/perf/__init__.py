"""What perf recorded: perf.data, read by perf itself, and the text of ``perf script``."""
