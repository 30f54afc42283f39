"""From the command line, ini files and the environment to the frozen settings of a run."""
