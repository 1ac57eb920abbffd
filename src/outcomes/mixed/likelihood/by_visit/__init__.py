"""Residuals of one patient that resemble each other: MMRM, serial correlation, and their fits."""
