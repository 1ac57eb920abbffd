"""Identifiers, pseudonyms, risk of re-identification, and what may leave the machine."""
