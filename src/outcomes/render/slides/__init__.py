"""Slides: a deck as a value, shown as PowerPoint or as one HTML file."""
