"""The test rig: a certificate authority, PostgreSQL, Redis, gunicorn and worker in one temporary folder."""

import atexit
import contextlib
import functools
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

BACKEND = Path(__file__).resolve().parent.parent
MIGRATIONS = BACKEND.parents[2] / 'infra' / 'migrations'
PASSWORD = 'p@ss:/word-%1'  # every character that has to be escaped in a URL
REDIS_KEY = 'redis+key/=1'
SECRET_KEY = 'a secret key of the test run'
# The token that belongs to SECRET_KEY: the first test vector, so that no test derives it with the code under test.
TOKEN = json.loads((BACKEND / 'tests' / 'api_tokens.json').read_text())['vectors'][0]['token']


def quote(text):
    return urllib.request.quote(text, safe='')


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def wait_for(condition, seconds=10, what='condition'):
    """The first true value of condition(), polled every 50 ms; AssertionError after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f'{what}: not within {seconds} s')
        time.sleep(0.05)


def postgres_program(name):
    found = shutil.which(name)
    versions = sorted(Path('/usr/lib/postgresql').glob(f'*/bin/{name}'), key=lambda path: int(path.parts[4]))
    if not found and not versions:
        raise RuntimeError(f'{name} is missing: install the Debian package postgresql')
    return found or str(versions[-1])


class Rig:
    """Everything the backend needs; each part can be started and stopped by itself."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix='dominion-test-'))
        self.folder.chmod(0o755)
        (self.folder / 'app').mkdir()
        self.processes = {}
        self.ports = {name: free_port() for name in ('postgres', 'redis', 'api')}

    # -- certificates ----------------------------------------------------------------------------

    def create_certificates(self):
        ca = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
        subject = ['-subj', '/CN=Test CA']
        self._run('openssl', 'req', '-x509', *ca, *subject, '-keyout', 'ca.key', '-out', 'ca.pem')
        # A second certificate for another name shows that the host name is checked.
        for name, host in (('server', 'localhost'), ('stranger', 'stranger.invalid')):
            subject = ['-subj', f'/CN={host}']
            self._run('openssl', 'req', *ca[:-2], *subject, '-keyout', f'{name}.key', '-out', f'{name}.csr')
            (self.folder / f'{name}.ext').write_text(f'subjectAltName=DNS:{host}\n')
            self._run(
                'openssl', 'x509', '-req', '-in', f'{name}.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key',
                '-CAcreateserial', '-days', '2', '-extfile', f'{name}.ext', '-out', f'{name}.pem',
            )  # fmt: skip

    # -- PostgreSQL ------------------------------------------------------------------------------

    def _as_postgres(self, *argv):
        """PostgreSQL refuses to run as root."""
        user = ['--reuid=postgres', '--regid=postgres', '--clear-groups'] if os.geteuid() == 0 else []
        return ['setpriv', *user, '--pdeathsig=KILL', *map(str, argv)]

    def create_database(self):
        data = self.folder / 'pgdata'
        data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            shutil.chown(data, 'postgres', 'postgres')
        password = self.folder / 'password'
        password.write_text(PASSWORD)
        password.chmod(0o644)
        subprocess.run(
            self._as_postgres(
                postgres_program('initdb'), '-D', data, '-U', 'dominion', '--auth=scram-sha-256',
                '-E', 'UTF8', '--no-sync', '--no-locale', f'--pwfile={password}',
            ),
            check=True, capture_output=True, cwd=self.folder,
        )  # fmt: skip
        for name in ('server.pem', 'server.key'):
            copy = shutil.copy(self.folder / name, data / name)
            os.chmod(copy, 0o600)
            if os.geteuid() == 0:
                shutil.chown(copy, 'postgres', 'postgres')
        (data / 'pg_hba.conf').write_text('hostssl all all 127.0.0.1/32 scram-sha-256\n')

    def start_postgres(self):
        settings = {
            'port': self.ports['postgres'], 'listen_addresses': '127.0.0.1', 'unix_socket_directories': '',
            'ssl': 'on', 'ssl_cert_file': 'server.pem', 'ssl_key_file': 'server.key', 'fsync': 'off',
        }  # fmt: skip
        flags = [part for key, value in settings.items() for part in ('-c', f'{key}={value}')]
        program = postgres_program('postgres')
        self._start('postgres', self._as_postgres(program, '-D', self.folder / 'pgdata', *flags))
        wait_for(lambda: self._listens('postgres'), what='PostgreSQL')

    def sql(self, statement, params=None, database='codexdb'):
        """Run SQL as the toolbox does; returns rows as dictionaries when there are any."""
        import psycopg
        from psycopg.rows import dict_row

        options = {
            'host': 'localhost', 'port': self.ports['postgres'], 'user': 'dominion', 'password': PASSWORD,
            'dbname': database, 'sslmode': 'verify-full', 'sslrootcert': str(self.folder / 'ca.pem'),
        }  # fmt: skip
        for attempt in range(100):
            try:
                connection = psycopg.connect(**options, autocommit=True, row_factory=dict_row)
                break
            except psycopg.OperationalError:  # still starting
                if attempt == 99:
                    raise
                time.sleep(0.05)
        with connection:
            cursor = connection.execute(statement, params)
            return cursor.fetchall() if cursor.description else []

    def migrate(self):
        for path in sorted(MIGRATIONS.glob('*.sql')):
            self.sql(f'BEGIN;\n{path.read_text()}\nCOMMIT;')

    # -- Redis -----------------------------------------------------------------------------------

    def start_redis(self, certificate='server'):
        self._start('redis', [
            'setpriv', '--pdeathsig=KILL', 'redis-server',
            '--port', '0', '--tls-port', self.ports['redis'], '--bind', '127.0.0.1',
            '--tls-cert-file', f'{certificate}.pem', '--tls-key-file', f'{certificate}.key',
            '--tls-ca-cert-file', 'ca.pem', '--tls-auth-clients', 'no', '--requirepass', REDIS_KEY,
            '--save', '', '--appendonly', 'no', '--dir', self.folder,
        ])  # fmt: skip
        wait_for(lambda: self._listens('redis'), what='Redis')

    # -- the application -------------------------------------------------------------------------

    def environment(self):
        """The variables that the deployment passes to both containers, and the ENV of Dockerfile.azure."""
        redis = f'rediss://:{quote(REDIS_KEY)}@localhost:{self.ports["redis"]}/0'
        database = f'postgresql://dominion:{quote(PASSWORD)}@localhost:{self.ports["postgres"]}/codexdb'
        return {
            'PATH': '/usr/local/bin:/usr/bin:/bin',
            'PYTHONPATH': str(self.folder / 'app'),
            'PYTHONDONTWRITEBYTECODE': '1',
            'PYTHONUNBUFFERED': '1',
            'RQ_CONFIG': 'dominion.worker',
            'RQ_WORKER_CLASS': 'dominion.worker.WorkflowWorker',
            'RQ_CONNECTION_CLASS': 'dominion.redis_client.VerifiedRedis',
            'DATABASE_URL': f'{database}?sslmode=verify-full&sslrootcert=system',
            'PGSSLMODE': 'verify-full',
            'PGSSLROOTCERT': str(self.folder / 'ca.pem'),
            'SSL_CERT_FILE': str(self.folder / 'ca.pem'),
            'REDIS_URL': redis,
            'RQ_REDIS_URL': redis,
            'APP_ENV': 'production',
            'FLASK_ENV': 'production',
            'SECRET_KEY': SECRET_KEY,
            'PORT': '5000',
            'RELEASE': 'test-1',
            'CONFIG_HASH': 'abc',
        }

    def start_api(self, name='api', **changes):
        """gunicorn with the CMD of Dockerfile.azure, on a free port."""
        for line in (BACKEND / 'Dockerfile.azure').read_text().splitlines():
            if line.startswith('CMD '):
                command = json.loads(line.removeprefix('CMD '))
        place = {'BIND': '127.0.0.1', 'PORT': str(self.ports['api'])}
        return self._start_application(name, command, {**place, **changes})

    @contextlib.contextmanager
    def api_with(self, **changes):
        """The API with a changed environment, until the end of the block."""
        self.stop_part('api')
        self.start_api(**changes)
        try:
            wait_for(lambda: self._listens('api'), what='gunicorn')
            yield
        finally:
            # gunicorn waits up to 30 s for the requests that the block left open (graceful_timeout).
            self.stop_part('api', seconds=40)
            self.start_api()
            wait_for(lambda: self._listens('api'), what='gunicorn')

    def start_worker(self, *options, **changes):
        """The command of the worker's container; `options` replaces its serializer."""
        options = options or ('--serializer', 'rq.serializers.JSONSerializer')
        return self._start_application('worker', ['rq', 'worker', *options, 'workflows'], changes)

    def redis(self):
        """A client of the queue, as anyone who knows the address and the key can have it."""
        from redis import Redis

        return Redis(
            host='localhost', port=self.ports['redis'], password=REDIS_KEY,
            ssl=True, ssl_ca_certs=str(self.folder / 'ca.pem'),
        )  # fmt: skip

    def copy_application(self):
        """WORKDIR and COPY of Dockerfile.azure: the user of the image need not see the checkout."""
        for name in ('dominion', 'gunicorn.conf.py'):
            copy = shutil.copytree if (BACKEND / name).is_dir() else shutil.copy
            copy(BACKEND / name, self.folder / 'app' / name)

    def _start_application(self, name, argv, changes):
        # pdeathsig: a test run that is killed leaves no server behind.
        user = ['--reuid=10001', '--regid=10001', '--clear-groups'] if os.geteuid() == 0 else []
        argv = ['setpriv', *user, '--pdeathsig=TERM', *argv]
        return self._start(name, argv, cwd=self.folder / 'app', env={**self.environment(), **changes})

    def request(self, path, body=None, method=None, headers=None, token=TOKEN):
        """(status, headers, JSON or text) of one request to the API; token=None sends it anonymously."""
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        headers = {
            **({'Content-Type': 'application/json'} if data is not None else {}),
            **({'Authorization': f'Bearer {token}'} if token else {}),
            **(headers or {}),
        }
        request = urllib.request.Request(
            f'http://127.0.0.1:{self.ports["api"]}{path}', data, headers, method=method
        )
        try:
            answer = urllib.request.urlopen(request, timeout=20)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            text = answer.read().decode()
            is_json = answer.headers.get_content_type() == 'application/json'
            return answer.status, answer.headers, json.loads(text) if is_json and text else text

    def run_workflow(self, name, seconds=15, headers=None):
        """Start a workflow through the API and wait for its job to end; returns the job."""
        status, _, answer = self.request('/api/workflows/run', {'name': name}, headers=headers)
        assert status == 202, answer
        return self.job_ended(answer['job_id'], seconds)

    def job_ended(self, job_id, seconds=15):
        """Wait for a job to end; returns the job."""

        def ended():
            job = self.request(f'/api/workflows/jobs/{job_id}')[2]
            return job if job.get('status') in ('finished', 'failed') else None

        return wait_for(ended, seconds, f'job {job_id}')

    # -- processes -------------------------------------------------------------------------------

    def start(self):
        """All parts; when one of them fails, stops those already running."""
        try:
            self.copy_application()
            self.create_certificates()
            self.create_database()
            self.start_postgres()
            self.sql('CREATE DATABASE codexdb', database='postgres')
            self.migrate()
            self.start_redis()
            self.start_api()
            self.start_worker()
            wait_for(lambda: self._listens('api'), what='gunicorn')
            wait_for(lambda: self.request('/api/workflows/queue')[2].get('workers'), what='worker')
        except BaseException:
            self.stop()
            raise
        return self

    def log(self, name):
        return (self.folder / f'{name}.log').read_text()

    def stop_part(self, name, force=False, seconds=10):
        """End a process; returns its exit code (negative: the signal)."""
        process = self.processes.pop(name)
        process.kill() if force else process.terminate()
        return process.wait(seconds)

    def stop(self):
        for name in list(self.processes):
            # SIGKILL would leave PostgreSQL's child processes behind; SIGINT is its fast shutdown.
            process = self.processes.pop(name)
            process.send_signal(2 if name == 'postgres' else 15)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder)

    def _start(self, name, argv, cwd=None, env=None):
        with open(self.folder / f'{name}.log', 'a') as log:
            self.processes[name] = subprocess.Popen(
                [str(part) for part in argv], cwd=cwd or self.folder, env=env, stdout=log, stderr=log
            )
        return self.processes[name]

    def _run(self, *argv):
        subprocess.run(argv, cwd=self.folder, check=True, capture_output=True)

    def _listens(self, name):
        process = self.processes[name]
        if process.poll() is not None:
            raise RuntimeError(f'{name} ended with {process.returncode}:\n{self.log(name)}')
        with socket.socket() as probe:
            return probe.connect_ex(('127.0.0.1', self.ports[name])) == 0


@functools.cache
def shared_rig():
    """One rig for the whole run: starting it takes most of the time of the tests."""
    rig = Rig().start()
    atexit.register(rig.stop)
    return rig
