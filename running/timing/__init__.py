"""Times of pieces and links: interleaved medians of processor time, and a fitted line for links."""
