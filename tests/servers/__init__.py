"""Real and scripted mail servers on loopback for the tests; nothing here leaves this machine."""
