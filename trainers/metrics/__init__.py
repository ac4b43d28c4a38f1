"""What is measured of a step and written: rollout means, entropy instruments, strategic grams; and the alarms."""
