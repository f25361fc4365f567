"""The ledger: every request as a row, what it cost, who used how much, and budgets of keys."""
