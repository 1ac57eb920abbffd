"""One description of tables, columns, units, ranges, rules and instruments, used by everything."""
