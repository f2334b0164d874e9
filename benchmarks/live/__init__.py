"""Pull requests whose effect is known, measured live on the example services."""
