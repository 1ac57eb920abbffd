"""Synthetic studies whose truth is known: the place where every method proves itself."""
