"""The restricted master: columns, the linear program in HiGHS, the loop of column generation."""
