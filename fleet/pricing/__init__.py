"""Pricing of classes at dual prices in shards, the smoothed dual, the local engine."""
