"""Spark's configuration as Spark itself reads it from a StartJobRun: parameters, defaults, sizes, amendment."""
