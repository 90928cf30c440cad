"""The store's own riders: shifts and links, the page on their phone, and which stops make a run."""
