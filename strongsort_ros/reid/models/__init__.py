"""Networks of known architecture."""
