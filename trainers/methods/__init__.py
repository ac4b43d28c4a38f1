"""What a configuration may add to plain two-player RL: critiques, offline phases, lagged solver, schedules."""
