"""The composition root: the only place that knows all parts, and makes the gateway of a configuration."""
