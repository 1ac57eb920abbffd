"""Linear mixed-effects models: formula, design, cross-products, likelihood, inference."""
