"""Ele.me / Taobao Instant Commerce: the merchant platform `open.shop.ele.me`, protocol NOP 1.0.0.

Facts come from the official Java and PHP SDKs and from mirrors of the platform's documents; what none of them
says is marked "assumed" where it is used, and is in one place only.
"""
