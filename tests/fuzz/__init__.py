"""Long tests by generated input, against Spark itself and against the naive evaluator: `make fuzz`."""
