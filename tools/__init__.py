"""Tools of this project: demonstration, simulated scenes, generators of files, checks."""
