"""Who carries what: a store's policy as a document, the choice it makes, and the page it is edited on."""
