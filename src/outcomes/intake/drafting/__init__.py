"""How a column map is drafted: words of headers, looks of cells, and what follows."""
