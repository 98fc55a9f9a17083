"""Tools for work on this project: demonstration, simulation, set-up, checks."""
