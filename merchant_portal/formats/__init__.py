"""How the portal writes numbers where Django's own formats of a language do not fit; see FORMAT_MODULE_PATH."""
