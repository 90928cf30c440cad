"""Report pages and exports for the stores a manager may see."""
