"""Cross-products, and the profiled likelihood of random effects, by elimination."""
