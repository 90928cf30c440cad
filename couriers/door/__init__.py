"""The public rider card at a store's door: no sign-in, no guest's data, cheap under load."""
