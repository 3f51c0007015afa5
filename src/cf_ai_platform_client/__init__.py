"""Get annotated data out of the CloudFactory AI Platform."""
