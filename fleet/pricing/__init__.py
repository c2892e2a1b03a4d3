"""Pricing of classes at dual prices in shards, the smoothed dual, local and Ray engines."""
