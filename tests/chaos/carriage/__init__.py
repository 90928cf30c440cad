"""Orders look for carriers while workers die: the processes, the storm, the check by the couriers' ledger."""
