"""How much of the policy engine the tests would miss: `make mutation`."""
