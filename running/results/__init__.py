"""Prediction beside measurement: latencies by exit, summaries of runs, corrected profiles and links."""
