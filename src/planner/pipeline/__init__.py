"""From a request to a verified placement; comparison of methods and Pareto fronts."""
