"""The menu of Qinghe Tea (pure data): drinks, sugar, ice and toppings; prices in fen."""

from typing import Any

SUGAR = ["正常糖", "七分糖", "五分糖", "三分糖", "不另外加糖"]
ICE = ["正常冰", "少冰", "去冰", "温", "热"]
TOPPINGS = [
    {"name": "珍珠", "price": 200},
    {"name": "椰果", "price": 200},
    {"name": "仙草", "price": 200},
    {"name": "芋圆", "price": 300},
    {"name": "奶盖", "price": 400},
]
# sku, name, price of the medium cup, share of what is ordered
DRINKS: list[tuple[str, str, int, int]] = [
    ("QH-JAS-01", "茉莉鲜奶茶", 1500, 10),
    ("QH-OOL-02", "炭焙乌龙奶茶", 1600, 8),
    ("QH-BLK-03", "黑糖珍珠鲜奶", 1700, 9),
    ("QH-TAR-04", "芋泥啵啵奶茶", 1900, 7),
    ("QH-GRP-05", "多肉葡萄", 2100, 7),
    ("QH-MNG-06", "杨枝甘露", 2200, 6),
    ("QH-LEM-07", "手打柠檬茶", 1400, 8),
    ("QH-PEA-08", "白桃乌龙", 1600, 5),
    ("QH-STR-09", "草莓奶盖绿茶", 2000, 4),
    ("QH-COC-10", "生椰拿铁茶", 1800, 4),
    ("QH-GAN-11", "桂花酒酿奶茶", 1800, 3),
    ("QH-TEA-12", "高山青茶", 1200, 2),
]


def menu() -> dict[str, Any]:
    """Return the menu in the form the sandbox reads."""
    drinks = [
        {"sku": sku, "name": name, "price": price, "share": share} for sku, name, price, share in DRINKS
    ]
    return {"drinks": drinks, "sugar": SUGAR, "ice": ICE, "toppings": TOPPINGS}
