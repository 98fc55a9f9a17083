"""Steps of the demonstration that `python -m tools.demo` runs."""
