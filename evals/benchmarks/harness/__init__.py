"""What benchmarks are made with: programs that fork or take turns, random models, the files of a run of one."""
