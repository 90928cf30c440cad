"""Settings, read from the environment (see `.env.example`); one screen says what runs and where.

`PORTAL_MODE=local` (the default) serves this machine only and makes its own secrets under `var/`.
`PORTAL_MODE=production` refuses to start without a secret key, hosts and a public address.
"""

from pathlib import Path

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from merchant_portal.local import local_secret

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")

# --- Mode, secrets, hosts ---------------------------------------------------------------------
MODE = env.str("PORTAL_MODE", "local")
if MODE not in {"local", "production"}:
    raise ImproperlyConfigured(f"PORTAL_MODE is {MODE!r}; it must be 'local' or 'production'.")
LOCAL = MODE == "local"
VAR_DIR = Path(env.str("PORTAL_VAR", str(BASE_DIR / "var")))

if LOCAL:
    SECRET_KEY = env.str("PORTAL_SECRET_KEY", "") or local_secret(VAR_DIR)
    ALLOWED_HOSTS = env.list("PORTAL_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
else:
    SECRET_KEY = env.str("PORTAL_SECRET_KEY")
    ALLOWED_HOSTS = env.list("PORTAL_HOSTS")
    if len(SECRET_KEY) < 50:
        raise ImproperlyConfigured(
            "PORTAL_SECRET_KEY needs 50 characters or more; it seals phones and secrets."
        )
    if not ALLOWED_HOSTS:
        raise ImproperlyConfigured("PORTAL_HOSTS is empty: name the hosts the site answers to.")
# Old keys still open what they sealed; the first key seals.
SEAL_KEYS = [SECRET_KEY, *env.list("PORTAL_OLD_SECRET_KEYS", default=[])]
SECRET_KEY_FALLBACKS = SEAL_KEYS[1:]
DEBUG = False
# The address under which platforms and couriers reach us: part of callback URLs.
PUBLIC_URL = env.str("PORTAL_PUBLIC_URL", "http://127.0.0.1:8000" if LOCAL else environ.Env.NOTSET)
if not LOCAL and not PUBLIC_URL.startswith("https://"):
    raise ImproperlyConfigured("PORTAL_PUBLIC_URL must begin with https://: callbacks carry secrets.")
# The demo brand is loaded only where this is on; `demo_credentials` refuses elsewhere.
DEMO = LOCAL and env.bool("PORTAL_DEMO", (VAR_DIR / "demo-logins.json").exists())

# --- Applications -----------------------------------------------------------------------------
INSTALLED_APPS = [
    "merchant_portal",
    "reports",
    "couriers",
    "orders",
    "stores",
    "outbox",
    "channels",
    "ninja",
    "axes",
    "csp",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_permissions_policy.PermissionsPolicyMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "merchant_portal.urls"
ASGI_APPLICATION = "merchant_portal.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- Database ---------------------------------------------------------------------------------
DATABASES = {"default": env.db("DATABASE_URL", f"sqlite:///{VAR_DIR / 'portal.sqlite3'}")}
DATABASE = DATABASES["default"]
if DATABASE["ENGINE"].endswith("sqlite3"):
    # Tests use a file too: SQLite in memory knows neither WAL nor waiting for a lock.
    DATABASE["TEST"] = {"NAME": str(VAR_DIR / "test.sqlite3")}
    DATABASE["OPTIONS"] = {
        # IMMEDIATE takes the write lock at BEGIN, where the busy timeout applies; a deferred
        # transaction that upgrades later fails at once with "database is locked".
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-16000;",
    }
else:
    OF_THE_URL = DATABASE.get("OPTIONS", {})  # e.g. sslmode
    DATABASE["OPTIONS"] = OF_THE_URL | {
        # Nothing is waited for inside a transaction. A process that stands still in one (a frozen machine)
        # loses it, and its locks, before the stores it shares a row with stand still for long.
        "options": f"-c idle_in_transaction_session_timeout=10s {OF_THE_URL.get('options', '')}".rstrip(),
        # The server keeps the plan of what it is asked again and again, and need not read it anew each time.
        "server_side_binding": True,
        "prepare_threshold": 3,
        "pool": {
            "min_size": 1,
            "max_size": env.int("PORTAL_DB_POOL", 12),
            "timeout": env.float("PORTAL_DB_POOL_TIMEOUT", 5.0),
        },
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# In the process, so that what is public needs neither the database nor Redis; nothing in it must be kept.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "OPTIONS": {"MAX_ENTRIES": 20_000},
    },
}

# --- Redis, channel layer, Celery ---------------------------------------------------------------
REDIS_URL = env.str("REDIS_URL", "redis://127.0.0.1:6379/0")
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {
            # A read time-out would close an idle subscription; the pool must outlast a connect storm.
            "hosts": [{"address": REDIS_URL, "socket_timeout": None, "max_connections": 10_000}],
        },
    },
}
# Where processes share how many calls each account outside may still take; "" has each count for itself.
OUTBOX_DOORS_URL = REDIS_URL
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # A frozen Redis must not freeze whoever sends a nudge.
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    # A message says only that there may be something to do; what there is stands in the table, and is found
    # without it. So no second book is kept of who has which message: that is most of what one costs.
    "ack_emulation": False,
}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_DEFAULT_QUEUE = "portal"
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "celerybeat-schedule")
CELERY_BEAT_SCHEDULE = {
    "outbox-sweep": {"task": "outbox.tasks.sweep", "schedule": 2.0, "options": {"expires": 10}},
    "intake-resume": {"task": "orders.tasks.resume_due", "schedule": 5.0, "options": {"expires": 10}},
    "intake-settle": {"task": "orders.tasks.settle", "schedule": 5.0, "options": {"expires": 10}},
    "intake-route": {"task": "orders.tasks.route", "schedule": 5.0, "options": {"expires": 10}},
    "reconcile": {"task": "orders.tasks.reconcile", "schedule": 30.0, "options": {"expires": 25}},
    "renew-tokens": {"task": "orders.tasks.renew_tokens", "schedule": 60.0, "options": {"expires": 50}},
    "handoff-watch": {"task": "couriers.tasks.watch", "schedule": 5.0, "options": {"expires": 10}},
    "purge": {"task": "orders.tasks.purge", "schedule": 3600.0, "options": {"expires": 600}},
    "handoff-purge": {"task": "couriers.tasks.purge", "schedule": 3600.0, "options": {"expires": 600}},
}
# The one inversion: outbox calls these by name. kind → (dotted path of the handler, queue).
OUTBOX_HANDLERS = {
    "channel.order": ("orders.jobs.tell_order", "platforms"),
    "channel.intake": ("orders.jobs.tell_intake", "platforms"),
    "channel.token": ("orders.jobs.renew_token", "platforms"),
    "channel.reconcile": ("orders.jobs.reconcile", "reconciliation"),
    "handoff.create": ("couriers.jobs.create", "couriers"),
    "handoff.cancel": ("couriers.jobs.cancel", "couriers"),
    "handoff.query": ("couriers.jobs.query", "couriers"),
    "handoff.price": ("couriers.pricing.learn", "prices"),
    "handoff.confirm_rider_cancel": ("couriers.rider_wishes.consent", "couriers"),
    "order.ready": ("couriers.seeking_jobs.ready", "searches"),
    "order.unready": ("couriers.seeking_jobs.unready", "searches"),
    "search.step": ("couriers.seeking_jobs.step", "searches"),
    "handoff.bulk": ("couriers.bulk.work", "couriers"),
}
# Kinds that run by the clock, many a minute: the admin's list leaves them out once they are done.
OUTBOX_ROUTINE = {"channel.reconcile", "handoff.query"}
# How many jobs of a queue a worker process runs at once: nobody outside may hold all of its threads. Couriers
# share their queue's places by lanes (`outbox.lanes`). Each place wants a thread, and other tasks a few more.
OUTBOX_PLACES = {"platforms": 3, "reconciliation": 3, "couriers": 32, "searches": 12, "prices": 3}

# --- Sign-in ------------------------------------------------------------------------------------
AUTH_USER_MODEL = "stores.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("MinimumLengthValidator", "CommonPasswordValidator", "NumericPasswordValidator")
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
AXES_FAILURE_LIMIT = 8
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_TEMPLATE = "registration/locked.html"
AXES_ENABLE_ACCESS_FAILURE_LOG = True

# --- Words ----------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese")), ("de", _("German"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGE_COOKIE_AGE = 31_536_000  # a shared tablet keeps its language when the browser is closed
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = not LOCAL
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# --- Static files ---------------------------------------------------------------------------------
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = VAR_DIR / "static"
if LOCAL:
    STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # WhiteNoise wants to find it, even empty
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# Served from the sources: no collect step between a fresh clone and a running portal.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False

# --- Browser security -----------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "media-src": [SELF],
        "worker-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    },
}
PERMISSIONS_POLICY: dict[str, list[str]] = {
    name: [] for name in ("camera", "geolocation", "microphone", "payment", "usb")
}
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_NUMBER_FIELDS = 3_000  # the largest form there is: a carrier policy with all its rules
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
if not LOCAL:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = ["^(livez|readyz|metrics)$"]  # asked from inside, without the proxy
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

# Who reads /metrics shows this as a bearer token; without one, only this machine may read them.
METRICS_TOKEN = env.str("PORTAL_METRICS_TOKEN", "")

# --- What the shop may tune -----------------------------------------------------------------------
INTAKE_MAX_BODY = 256 * 1024  # bytes
INTAKE_MAX_WAITING = env.int("PORTAL_INTAKE_MAX_WAITING", 2_000)  # messages waiting for the committer
INTAKE_DEADLINE = env.float("PORTAL_INTAKE_DEADLINE", 10.0)  # seconds until 503
CHANNEL_CALLS_PER_SECOND = env.float("PORTAL_CHANNEL_CALLS_PER_SECOND", 20.0)  # per account
UNDO_SECONDS = 10  # how long a step can be taken back, and how long platforms hear nothing of it
RETENTION_DAYS = env.int("PORTAL_RETENTION_DAYS", 30)  # personal data and events
EVENTS_REPLAY_LIMIT = 500  # a longer gap is answered with a snapshot

# --- Logs -------------------------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "filters": {"discreet": {"()": "couriers.riders.logs.Discreet"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["discreet"]}},
    "root": {"handlers": ["stderr"], "level": env.str("PORTAL_LOG_LEVEL", "INFO")},
    "loggers": {"httpx": {"level": "WARNING"}, "axes": {"level": "WARNING"}},
}
