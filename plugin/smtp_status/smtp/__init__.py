"""The SMTP conversation without I/O: its plan, commands, replies and their table, message, and the dialogue itself."""
