"""Qinghe Tea 清禾茶: a brand that does not exist, with stores, people and riders (pure data).

The counters are as fast as the demo's clock: a day passes in twelve minutes, so their cups per hour
are what the pretend staff really makes in an hour of ours.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DemoFranchise:
    """A franchisee; `account` is its account with the standard channel."""

    slug: str
    name: str
    account: str
    manager: tuple[str, str, str]  # login, first name, last name


@dataclass(frozen=True, slots=True)
class DemoStore:
    """A store with its people. Coordinates are WGS-84."""

    franchise: str
    code: str
    name: str
    city: str
    address: str
    phone: str
    latitude: float
    longitude: float
    cups_per_hour: int
    staff: tuple[tuple[str, str], tuple[str, str]]  # first and last names
    riders: tuple[str, str]
    auto_accept: bool = True

    @property
    def logins(self) -> list[str]:
        """Logins of the staff, e.g. "sh-01.yue"."""
        return [f"{self.code.lower()}.{first.lower()}" for first, _last in self.staff]


ADMIN = ("admin", "Qiao", "Shen")
FRANCHISES = (
    DemoFranchise("yulan", "Yulan Catering 玉兰餐饮", "qinghe-yulan", ("manager.yulan", "Wen", "Lu")),
    DemoFranchise("jinxi", "Jinxi Tea House 锦溪茶业", "qinghe-jinxi", ("manager.jinxi", "Ke", "Tang")),
)
STORES = (
    DemoStore(
        "yulan",
        "SH-01",
        "清禾茶 人民广场店",
        "Shanghai",
        "上海市黄浦区西藏中路268号B1-12",
        "021-5550-0101",
        31.2335,
        121.4755,
        2400,
        (("Yue", "Lin"), ("Hao", "Xu")),
        ("陈师傅", "小马"),
    ),
    DemoStore(
        "yulan",
        "SH-02",
        "清禾茶 徐家汇店",
        "Shanghai",
        "上海市徐汇区虹桥路1号2楼216",
        "021-5550-0102",
        31.1954,
        121.4365,
        2000,
        (("Min", "Gao"), ("Tao", "Fang")),
        ("老周", "阿强"),
    ),
    DemoStore(
        "yulan",
        "SH-03",
        "清禾茶 五角场店",
        "Shanghai",
        "上海市杨浦区淞沪路77号1楼105",
        "021-5550-0103",
        31.3025,
        121.5142,
        1800,
        (("Jing", "Song"), ("Bo", "Yan")),
        ("李师傅", "小徐"),
    ),
    DemoStore(
        "yulan",
        "SH-04",
        "清禾茶 静安寺店",
        "Shanghai",
        "上海市静安区南京西路1618号B2-31",
        "021-5550-0104",
        31.2239,
        121.4462,
        1600,
        (("Lan", "He"), ("Peng", "Qian")),
        ("王师傅", "小朱"),
        auto_accept=False,
    ),
    DemoStore(
        "yulan",
        "SH-05",
        "清禾茶 世纪公园店",
        "Shanghai",
        "上海市浦东新区花木路1378号1楼118",
        "021-5550-0105",
        31.2118,
        121.5503,
        1200,
        (("Qi", "Shi"), ("Rui", "Dai")),
        ("老吴", "小蒋"),
    ),
    DemoStore(
        "yulan",
        "HZ-01",
        "清禾茶 湖滨店",
        "Hangzhou",
        "杭州市上城区东坡路7号1楼108",
        "0571-5550-0201",
        30.2545,
        120.1640,
        1800,
        (("Xin", "Shen"), ("Kai", "Yu")),
        ("赵师傅", "小沈"),
    ),
    DemoStore(
        "yulan",
        "HZ-02",
        "清禾茶 文三路店",
        "Hangzhou",
        "杭州市西湖区文三路478号1楼",
        "0571-5550-0202",
        30.2770,
        120.1292,
        1400,
        (("Ting", "Mao"), ("Jun", "Pan")),
        ("老俞", "小毛"),
    ),
    DemoStore(
        "jinxi",
        "HZ-03",
        "清禾茶 滨江店",
        "Hangzhou",
        "杭州市滨江区江南大道228号2楼203",
        "0571-5550-0203",
        30.2084,
        120.2103,
        1200,
        (("Ning", "Ye"), ("Fei", "Jiang")),
        ("孙师傅", "小叶"),
    ),
    DemoStore(
        "jinxi",
        "HZ-04",
        "清禾茶 城西店",
        "Hangzhou",
        "杭州市拱墅区丰潭路380号B1-05",
        "0571-5550-0204",
        30.3005,
        120.1068,
        1000,
        (("Yan", "Hu"), ("Chao", "Zhu")),
        ("老胡", "小潘"),
    ),
    DemoStore(
        "jinxi",
        "CD-01",
        "清禾茶 春熙路店",
        "Chengdu",
        "成都市锦江区春熙路北段49号1楼",
        "028-5550-0301",
        30.6571,
        104.0776,
        2000,
        (("Rong", "Luo"), ("Wei", "Deng")),
        ("刘师傅", "小罗"),
    ),
    DemoStore(
        "jinxi",
        "CD-02",
        "清禾茶 玉林店",
        "Chengdu",
        "成都市武侯区玉林西路12号",
        "028-5550-0302",
        30.6302,
        104.0561,
        1200,
        (("Shan", "Tan"), ("Lei", "Yang")),
        ("老杨", "小谭"),
        auto_accept=False,
    ),
    DemoStore(
        "jinxi",
        "CD-03",
        "清禾茶 建设路店",
        "Chengdu",
        "成都市成华区建设路9号1楼121",
        "028-5550-0303",
        30.6719,
        104.1012,
        1400,
        (("Jia", "Zeng"), ("Yong", "Liao")),
        ("曾师傅", "小廖"),
    ),
)
CAMPAIGN = {"code": "0206-free-tea", "name": "0206 Free Tea 免单奶茶"}
