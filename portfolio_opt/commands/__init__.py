"""One function per command, joining the rooms: what the command line runs and what quants import."""
