"""What a fit can be asked: tables, effects, predictions, diagnostics, bootstrap."""
