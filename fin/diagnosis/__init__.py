"""Reasons why no placement of one app exists, with the best value that each limit could take."""
