"""What training runs on: DeepSpeed, collectives, placement of samplers, loggers."""
