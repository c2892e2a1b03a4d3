"""Pages: plans, fronts and suite results as self-contained HTML.

Figures are Vega-Lite specifications; the library that draws them is loaded only when a page is written.
"""
