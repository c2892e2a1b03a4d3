"""FIN: where the blocks of one early-exit DNN run, by a layered graph in three stages."""
