"""x"""
def way_to_the_browser(lab: object, *, stores: int) -> dict[str, list[float]]:
    return {}
