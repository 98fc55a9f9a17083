"""Steps of the demonstration: `tools/demo.py` runs them."""
