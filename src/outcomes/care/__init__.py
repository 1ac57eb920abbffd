"""The care itself: script and dose, goals, safety, and who the patients are (Table 1)."""
