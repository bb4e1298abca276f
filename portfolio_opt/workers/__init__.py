"""The one seam for fanning out: local processes, or Ray tasks on a cluster; and what lets a killed job go on."""
