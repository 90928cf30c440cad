"""WebSocket addresses of this app."""

from django.urls import path

from orders.consumers import FeedConsumer

websocket_urlpatterns = [path("ws/v1/stores/<int:store_id>/feed", FeedConsumer.as_asgi())]
