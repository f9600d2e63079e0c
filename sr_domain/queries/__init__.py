"""What only reads: status, explain, verify, audit, plan previews."""
