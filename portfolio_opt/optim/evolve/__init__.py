"""Several objectives at once: NSGA-II with an archive, over pymoo's operators."""
