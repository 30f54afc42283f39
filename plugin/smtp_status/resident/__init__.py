"""The resident: thousands of checks for the scheduler that is there, in processes that stay."""
