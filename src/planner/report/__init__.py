"""Self-contained HTML pages of plans, fronts and results. Figures are Vega-Lite; the library loads where it is used."""
