"""What training runs on: DeepSpeed and its collectives, the placement of samplers, the loggers."""
