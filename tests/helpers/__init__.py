"""What the tests share: the plugin as a process, faults to play, lines to expect, tools."""
