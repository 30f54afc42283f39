"""The nagiosplugin side: resource, contexts, summary, states, the verdict on several targets, and the output."""
