"""Made-up franchises, stores, people and accounts for tests."""

from datetime import UTC, datetime

import factory
from factory.django import DjangoModelFactory

from stores.models import ChannelAccount, Franchise, IntakeState, Membership, Store, StoreChannel, User

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
CHANGED_AT = datetime(2026, 2, 6, 1, 0, tzinfo=UTC)


class FranchiseFactory(DjangoModelFactory[Franchise]):
    """A franchisee."""

    class Meta:
        model = Franchise

    name = factory.Sequence(lambda n: f"Qinghe Tea {n}")
    slug = factory.Sequence(lambda n: f"qinghe-{n}")


class IntakeStateFactory(DjangoModelFactory[IntakeState]):
    """An open store's intake row."""

    class Meta:
        model = IntakeState

    changed_at = CHANGED_AT


class StoreFactory(DjangoModelFactory[Store]):
    """A store in Shanghai with its intake open; `intake__level` and so on set the intake row."""

    class Meta:
        model = Store
        skip_postgeneration_save = True

    franchise = factory.SubFactory(FranchiseFactory)
    code = factory.Sequence(lambda n: f"SH-{n:02}")
    name = "南京东路店"
    city = "上海"
    latitude = 31.2345
    longitude = 121.4767
    intake = factory.RelatedFactory(IntakeStateFactory, factory_related_name="store")


class UserFactory(DjangoModelFactory[User]):
    """A person without a membership or a password (hashing one is slow on purpose): use `force_login`."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"lin{n}")
    first_name = "Lin"
    password = factory.django.Password(None)


class StaffFactory(UserFactory):
    """Staff of `store`."""

    @factory.post_generation
    def store(self, create, extracted, **kwargs):
        Membership.objects.create(user=self, role="staff", franchise=extracted.franchise, store=extracted)


class ManagerFactory(UserFactory):
    """Manager of `franchise`."""

    @factory.post_generation
    def franchise(self, create, extracted, **kwargs):
        Membership.objects.create(user=self, role="manager", franchise=extracted)


class ChannelAccountFactory(DjangoModelFactory[ChannelAccount]):
    """An account of channel `standard`."""

    class Meta:
        model = ChannelAccount

    franchise = factory.SubFactory(FranchiseFactory)
    channel = "standard"
    slug = factory.Sequence(lambda n: f"qinghe-standard-{n}")
    secrets = SECRET


class StoreChannelFactory(DjangoModelFactory[StoreChannel]):
    """A store bound to an account under its own code; accepts by hand."""

    class Meta:
        model = StoreChannel

    store = factory.SubFactory(StoreFactory)
    account = factory.SubFactory(ChannelAccountFactory, franchise=factory.SelfAttribute("..store.franchise"))
    external_code = factory.SelfAttribute("store.code")
    auto_accept = False
