"""AFLink: appearance-free linking of tracklets."""
