"""The whole portal under fire: processes are killed and frozen while a wave of orders runs."""
