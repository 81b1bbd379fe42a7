"""Policy: what a directory of documents makes of a request."""
