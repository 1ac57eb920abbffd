"""What people see: figures, notebooks' fragments, reports, letters and slides made of answers."""
