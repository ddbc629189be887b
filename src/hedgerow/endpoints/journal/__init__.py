"""What is known of runs afterwards: a line each, and sums by hour; noted during a run, written behind it."""
