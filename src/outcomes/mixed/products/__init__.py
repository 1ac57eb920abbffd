"""Cross-products of parts of the rows: agreed on, made part by part, merged, and fitted."""
