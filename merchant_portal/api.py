"""The typed HTTP API under `/api/v1/`; the board is its first client."""

from ninja import NinjaAPI
from ninja.security import django_auth

from couriers.api import router as couriers_router
from orders.api import router as orders_router

api = NinjaAPI(title="Merchant Portal", version="1", auth=django_auth)
api.add_router("/stores", orders_router)
api.add_router("/stores", couriers_router)
