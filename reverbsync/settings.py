"""Django settings, all derived from the environment (reverbsync/env.py)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from csp.constants import NONE, SELF
from psycopg2.extensions import parse_dsn

from reverbsync import env as environment
from reverbsync.redis import options as redis_options

try:
    ENV = environment.read()
except environment.Refused as refused:
    sys.exit(str(refused))

BASE_DIR = Path(__file__).resolve().parent.parent
PRODUCTION = ENV.ENVIRONMENT == "production"
DEBUG = False
SECRET_KEY = ENV.SECRET_KEY.get_secret_value()
ENCRYPTION_KEYS = [key.get_secret_value() for key in ENV.ENCRYPTION_KEYS]
SITE_URL = ENV.SITE_URL
INSTANCE_ID = ENV.INSTANCE_ID
_site = urlsplit(SITE_URL)
ALLOWED_HOSTS = [
    str(_site.hostname),
    *ENV.ALLOWED_HOSTS,
    *([] if PRODUCTION else ["127.0.0.1", "localhost", "testserver"]),
]
CSRF_TRUSTED_ORIGINS = [f"{_site.scheme}://{_site.netloc}"]

REDIS_URL = ENV.REDIS_URL.get_secret_value()
REVERB_API_URL = ENV.REVERB_API_URL
REVERB_WEB_URL = ENV.REVERB_WEB_URL
REVERB_CLIENT_ID = ENV.REVERB_CLIENT_ID
REVERB_CLIENT_SECRET = ENV.REVERB_CLIENT_SECRET
REVERB_SANDBOX_API_URL = ENV.REVERB_SANDBOX_API_URL
REVERB_SANDBOX_WEB_URL = ENV.REVERB_SANDBOX_WEB_URL
SHOPIFY_ADMIN_URL = ENV.SHOPIFY_ADMIN_URL
SHOPIFY_CLIENT_ID = ENV.SHOPIFY_CLIENT_ID
SHOPIFY_CLIENT_SECRETS = ENV.SHOPIFY_CLIENT_SECRETS
BIGCOMMERCE_API_URL = ENV.BIGCOMMERCE_API_URL
BIGCOMMERCE_LOGIN_URL = ENV.BIGCOMMERCE_LOGIN_URL
BIGCOMMERCE_CLIENT_ID = ENV.BIGCOMMERCE_CLIENT_ID
BIGCOMMERCE_CLIENT_SECRET = ENV.BIGCOMMERCE_CLIENT_SECRET
SHIPSTATION_API_URL = ENV.SHIPSTATION_API_URL
REVERB_READS_PER_MINUTE = ENV.REVERB_READS_PER_MINUTE
REVERB_WRITES_PER_MINUTE = ENV.REVERB_WRITES_PER_MINUTE
REVERB_READS_PER_10_MINUTES = ENV.REVERB_READS_PER_10_MINUTES
REVERB_WRITES_PER_10_MINUTES = ENV.REVERB_WRITES_PER_10_MINUTES
REVERB_RESERVE_PERCENT = ENV.REVERB_RESERVE_PERCENT
REVERB_APP_CALLS_PER_MINUTE = ENV.REVERB_APP_CALLS_PER_MINUTE
REVERB_QUICK_POLL_SECONDS = ENV.REVERB_QUICK_POLL_SECONDS
REVERB_JOBS_IN_FLIGHT = ENV.REVERB_JOBS_IN_FLIGHT
MASS_SYNC_PAUSE_HOURS = ENV.MASS_SYNC_PAUSE_HOURS
ALLOWED_PRIVATE_HOSTS = ENV.ALLOWED_PRIVATE_HOSTS
TRUSTED_PROXY_COUNT = ENV.TRUSTED_PROXY_COUNT
WEBHOOK_MAX_BYTES = ENV.WEBHOOK_MAX_BYTES
KEEP_DELIVERIES_DAYS = ENV.KEEP_DELIVERIES_DAYS
KEEP_ENTRIES_DAYS = ENV.KEEP_ENTRIES_DAYS

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "csp",
    "django_htmx",
    "shops",
    "synclog",
    "listings",
    "webhooks",
]
MIDDLEWARE = [
    "reverbsync.security.nul_bytes.readable",
    "reverbsync.middleware.skip_browser_middleware",
    "reverbsync.security.client_address.real_address",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]
ROOT_URLCONF = "reverbsync.urls"
WSGI_APPLICATION = "reverbsync.wsgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]


#: How long a connection may wait for a lock, run a statement, or leave a transaction open. A migration's statements may
#: take longer, but not wait for a lock: all other statements on the table would queue behind it.
TIMEOUTS = {
    "lock_timeout": "10s",
    "statement_timeout": "0" if sys.argv[1:2] == ["migrate"] else "60s",
    "idle_in_transaction_session_timeout": "60s",
}


def _database() -> dict[str, Any]:
    """Convert DATABASE_URL to Django's form. Libpq parses it, so any address that psql accepts works.

    `options` in the address follow our time-outs, and so override them.
    """
    parts = parse_dsn(ENV.DATABASE_URL.get_secret_value())
    timeouts = " ".join(f"-c {name}={value}" for name, value in TIMEOUTS.items())
    own = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    named = {django: parts.pop(libpq) for libpq, django in own.items() if libpq in parts}
    return {
        "ENGINE": "django.db.backends.postgresql",
        **named,
        "OPTIONS": {**parts, "connect_timeout": 5, "options": f"{timeouts} {parts.get('options', '')}".strip()},
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
    }


DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    "default": {
        "BACKEND": "reverbsync.cache.Cache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "cache",
        "OPTIONS": redis_options(REDIS_URL),
    }
}

CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # a worker waits for Redis for ever, and continues slowly meanwhile
# A task takes seconds (listings/tasks.py). If its worker dies, it is delivered again after this time.
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 120, "socket_connect_timeout": 1, "max_retries": 0}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# Five queues, each with its own threads (docs/operations.md, "Processes"): stock, possible sales, reading orders, all
# other deliveries, and bulk work.
CELERY_TASK_DEFAULT_QUEUE = "sync"
CELERY_TASK_ROUTES = {
    "listings.drain_urgent": {"queue": "urgent"},
    "*.sweep": {"queue": "urgent"},
    "webhooks.hand_over_sales": {"queue": "sales"},
    "webhooks.hand_over_reverb_sales": {"queue": "sales"},
    "webhooks.hand_over": {"queue": "hooks"},
    "webhooks.hand_over_reverb": {"queue": "hooks"},
    "listings.orders": {"queue": "orders"},
}
CELERY_BEAT_SCHEDULER = "reverbsync.dispatch.scheduling:Steady"
# None expires: the clocks of scheduler and worker may differ by more than a second (reverbsync/dispatch/scheduling.py).
CELERY_BEAT_SCHEDULE = {
    "open deliveries": {"task": "webhooks.sweep", "schedule": 1.0},
    "due jobs": {"task": "listings.sweep", "schedule": 1.0},
    "listings to compare": {"task": "listings.upkeep.compare", "schedule": 20.0},
    "orders to follow": {"task": "orders.sweep", "schedule": 1.0},
    "stores to check": {"task": "shops.sweep", "schedule": 2.0},
    "half-made connections": {"task": "shops.prune", "schedule": 3600.0},
    "shops to delete": {"task": "webhooks.delete_shops", "schedule": 30.0},
    "old deliveries": {"task": "webhooks.prune", "schedule": 3600.0},
    "old buyers": {"task": "listings.forget_buyers", "schedule": 3600.0},
    "old entries": {"task": "synclog.prune", "schedule": 3600.0},
}

AUTH_USER_MODEL = "shops.Person"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
ACCOUNT_ADAPTER = "reverbsync.security.sign_in.Adapter"
# By address, and by account and address together (reverbsync/security/sign_in.py). The address is the client's, also
# behind proxies (reverbsync/security/client_address.py).
ACCOUNT_RATE_LIMITS = {"login_failed": "10/m/ip,5/5m/key"}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "optional"
ACCOUNT_DEFAULT_HTTP_PROTOCOL = _site.scheme
ACCOUNT_SESSION_REMEMBER = True
LOGIN_REDIRECT_URL = "/"
LOGIN_URL = "account_login"
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if ENV.EMAIL_HOST else 'console'}.EmailBackend"
EMAIL_HOST = ENV.EMAIL_HOST
EMAIL_PORT = ENV.EMAIL_PORT
EMAIL_HOST_USER = ENV.EMAIL_HOST_USER
EMAIL_HOST_PASSWORD = ENV.EMAIL_HOST_PASSWORD.get_secret_value()
EMAIL_USE_TLS = ENV.EMAIL_USE_TLS
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = ENV.DEFAULT_FROM_EMAIL

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles" if PRODUCTION else None
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not PRODUCTION

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        # Chromium and Safari apply it to redirects after a form, too: shops/connect/pending.py, `lead_on`.
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
# Control panels that embed our connect pages in a frame (BigCommerce developer docs, "App installation").
APP_FRAMES = ["https://*.mybigcommerce.com", BIGCOMMERCE_LOGIN_URL]
_https = SITE_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _https
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SECURE_SSL_REDIRECT = False  # the proxy in front redirects; health checks use plain HTTP
SECURE_HSTS_SECONDS = 31_536_000 if _https else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # HSTS for subdomains: they may belong to others
    "security.W008",  # SSL redirect: the proxy in front does it
    "security.W021",  # HSTS preload: the domain's owner must request it
]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _https else None
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "reverbsync.security.redaction.RedactingFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s: %(message)s",
        }
    },
    "filters": {"calm": {"()": "reverbsync.security.redaction.Calm"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["calm"]}},
    "root": {"handlers": ["console"], "level": ENV.LOG_LEVEL},
    "loggers": {
        "django.server": {"handlers": ["console"], "propagate": False},
        "celery.app.trace": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
    },
}
