"""Starting ranks: the command, its run folder, nodes, the dry run, the processes."""
