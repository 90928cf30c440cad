"""Meituan Waimai, version 1 of its open platform (its documentation for stores, waimaiopen.meituan.com)."""
