# The production image: the app and its pinned libraries, without demo and tests, as a non-root user.
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 DJANGO_SETTINGS_MODULE=reverbsync.settings
WORKDIR /app
RUN useradd --system --uid 10001 --home-dir /app reverbsync

COPY requirements.lock .
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock

COPY manage.py ./
COPY reverbsync reverbsync
COPY shops shops
COPY listings listings
COPY synclog synclog
COPY webhooks webhooks
COPY templates templates
COPY static static

# collectstatic needs valid production settings; these are used in this step only.
RUN ENVIRONMENT=production SITE_URL=https://build.invalid EMAIL_HOST=build.invalid \
    DATABASE_URL=postgresql://build.invalid/x REDIS_URL=redis://build.invalid/0 \
    SECRET_KEY="$(python -c 'import secrets; print(secrets.token_urlsafe(48))')" \
    ENCRYPTION_KEYS="$(python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())')" \
    python manage.py collectstatic --noinput --verbosity 0

USER reverbsync
EXPOSE 8000
CMD ["gunicorn", "-c", "python:reverbsync.web", "reverbsync.wsgi:application", "--bind", "0.0.0.0:8000"]
