"""Results of benchmark tools: every number that they give, under their own names."""
