"""From a formula and a frame to a design."""
