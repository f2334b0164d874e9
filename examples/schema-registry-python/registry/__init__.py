"""A small schema registry: keeps JSON schemas by subject and version, validates documents, checks compatibility."""
