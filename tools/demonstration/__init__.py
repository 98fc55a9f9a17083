"""Steps of the demonstration, `tools/demo.py`."""
