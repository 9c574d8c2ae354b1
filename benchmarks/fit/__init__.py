"""How close a simulated log is to the real one: `python -m benchmarks.fit LOG`, `make fit SIZE=mini`."""
