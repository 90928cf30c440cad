"""Franchises, stores, who may see them, channel accounts, and the intake level with its history."""
