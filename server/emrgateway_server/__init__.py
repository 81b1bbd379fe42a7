"""EMR Gateway's server: judges Spark and Hive submissions by policy and forwards them to Amazon EMR Serverless."""
