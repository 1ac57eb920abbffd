"""Cross-products: one pass over the rows, after which they are forgotten."""
