"""The application factory: `gunicorn 'dominion.app:create_app()'`."""

import atexit
import os

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from dominion import health, pages, redis_client, session
from dominion.api import BLUEPRINTS
from dominion.credentials import guard_request
from dominion.database import Database
from dominion.errors import install_error_handlers
from dominion.json_format import JsonFormat, utc_text
from dominion.settings import load_settings
from dominion.write_log import record_write


class Backend(Flask):
    """Flask with what every request needs."""

    json_provider_class = JsonFormat
    settings = None
    database = None
    redis = None


def create_app():
    """The WSGI application; raises SettingsError when the environment cannot be used."""
    settings = load_settings()
    # Flask 2.2 complains about this variable, on a line without a time stamp; its value has already been read.
    os.environ.pop('FLASK_ENV', None)
    app = Backend('dominion')
    app.secret_key = settings.secret_key
    session.configure_sessions(app)
    app.settings = settings
    app.database = Database(settings.database)
    app.redis = redis_client.connect(settings.redis_url)
    atexit.register(app.database.close)
    app.jinja_env.filters['utc'] = utc_text
    # nginx is the only proxy in front; it sets each of these headers itself.
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1)
    for blueprint in [health.blueprint, pages.blueprint, *BLUEPRINTS]:
        app.register_blueprint(blueprint)
    install_error_handlers(app)
    app.before_request(guard_request)
    app.after_request(_common_headers)
    app.after_request(record_write)
    return app


def _common_headers(response):
    response.headers.setdefault('Cache-Control', 'no-store')
    response.headers.setdefault('X-Content-Type-Options', 'nosniff')
    return response
