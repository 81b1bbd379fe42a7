"""Benchmarks: figures as ratios in one run, since machines differ and this one is noisy."""
