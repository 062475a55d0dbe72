import signal
import socket
import time
import unittest

from tests.rig import PASSWORD, REDIS_KEY, SECRET_KEY, TOKEN, quote, shared_rig, wait_for

SECRETS = (PASSWORD, quote(PASSWORD), REDIS_KEY, quote(REDIS_KEY), SECRET_KEY, TOKEN)


class FaultsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rig = shared_rig()

    def healthy(self):
        """Both gunicorn processes, each with its own pool: several responses in a row."""
        return all(self.rig.request('/health')[0] == 200 for _ in range(6))

    def timed(self, path):
        began = time.monotonic()
        status, headers, body = self.rig.request(path)
        return status, body, time.monotonic() - began

    def stop_postgres(self):
        process = self.rig.processes.pop('postgres')
        process.send_signal(signal.SIGINT)
        process.wait(10)

    def test_database_restart_costs_no_request(self):
        for _ in range(8):  # more than one pooled connection in both processes
            self.rig.request('/api/agents')
        for restart in range(2):
            self.stop_postgres()
            self.rig.start_postgres()
            self.rig.sql('SELECT 1')
            answers = [self.rig.request('/api/agents')[0] for _ in range(20)]
            self.assertEqual(answers, [200] * 20)

    def test_database_gone_is_said_at_once_and_recovery_is_quick(self):
        self.stop_postgres()
        try:
            status, body, seconds = self.timed('/health')
            self.assertEqual((status, body['status']), (503, 'unhealthy'))
            self.assertFalse(body['checks']['database']['ok'])
            self.assertRegex(body['checks']['database']['error'], 'refused|closed')
            self.assertTrue(body['checks']['redis']['ok'])
            self.assertLess(seconds, 3.5)
            status, body, seconds = self.timed('/api/councils')
            self.assertEqual((status, body['status']), (503, 503))
            self.assertLess(seconds, 3.5)
            # Both processes have noticed the outage by the third request: no more waiting.
            pages = [self.timed('/') for _ in range(3)]
            self.assertEqual({status for status, _, _ in pages}, {503})
            self.assertLess(min(seconds for _, _, seconds in pages), 1)
        finally:
            self.rig.start_postgres()
        self.rig.sql('SELECT 1')
        wait_for(self.healthy, 3, 'health after the database came back')

    def test_worker_waits_for_a_database_that_restarts(self):
        self.stop_postgres()
        # The name is checked first, so the run is queued while the database still answers.
        self.rig.start_postgres()
        self.rig.sql('SELECT 1')
        wait_for(self.healthy, 4)
        self.rig.stop_part('worker')
        _, _, answer = self.rig.request('/api/workflows/run', {'name': 'agent-roll-call'})
        self.stop_postgres()
        self.rig.start_worker()
        wait_for(lambda: 'database unavailable' in self.rig.log('worker'), what='worker meets the outage')
        self.rig.start_postgres()
        path = f'/api/workflows/jobs/{answer["job_id"]}'
        job = wait_for(lambda: (j := self.rig.request(path)[2])['status'] in ('finished', 'failed') and j)
        self.assertEqual(job['status'], 'finished', job)
        wait_for(self.healthy, 4)

    def test_redis_gone_and_back(self):
        self.rig.stop_part('redis')
        try:
            status, body, seconds = self.timed('/health')
            self.assertEqual(status, 503)
            self.assertTrue(body['checks']['database']['ok'])
            self.assertIn('cannot connect', body['checks']['redis']['error'])
            self.assertLess(seconds, 3.5)
            self.assertEqual(self.rig.request('/api/workflows/queue')[0], 503)
            self.assertEqual(self.rig.request('/api/workflows/run', {'name': 'dawn-dispatch'})[0], 503)
            # Requests that need no queue still succeed.
            self.assertEqual(self.rig.request('/api/agents')[0], 200)
            # A token needs it: wrong ones are counted there.
            self.assertEqual(self.rig.request('/')[0], 503)
        finally:
            self.rig.start_redis()
        wait_for(self.healthy, 4)
        self.assertEqual(self.rig.run_workflow('agent-roll-call')['status'], 'finished')

    def test_a_redis_that_is_full_is_unhealthy_although_it_answers_ping(self):
        redis = self.rig.redis()
        redis.config_set('maxmemory', 1)
        try:
            self.assertTrue(redis.ping())
            status, _, body = self.rig.request('/health')
            self.assertEqual((status, body['checks']['redis']['ok']), (503, False))
            self.assertIn('OOM', body['checks']['redis']['error'])
        finally:
            redis.config_set('maxmemory', 0)
        wait_for(self.healthy, 4)

    def test_certificate_for_another_name_is_refused(self):
        self.rig.stop_part('redis')
        self.rig.start_redis('stranger')
        try:
            status, _, body = self.rig.request('/health')
            self.assertEqual(status, 503)
            self.assertIn('certificate', body['checks']['redis']['error'])
        finally:
            self.rig.stop_part('redis')
            self.rig.start_redis()
        wait_for(self.healthy, 4)

    def test_unknown_authority_is_refused(self):
        foreign = '/etc/ssl/certs/ca-certificates.crt'
        with self.rig.api_with(PGSSLROOTCERT=foreign, SSL_CERT_FILE=foreign):
            _, _, body = self.rig.request('/health')
            for part in ('database', 'redis'):
                self.assertFalse(body['checks'][part]['ok'])
                self.assertIn('certificate', body['checks'][part]['error'])
        wait_for(self.healthy, 4)

    def test_missing_tables_are_said(self):
        self.rig.sql('ALTER TABLE agents RENAME TO agents_away')
        try:
            status, _, body = self.rig.request('/api/agents')
            self.assertEqual(status, 503)
            self.assertIn('migrations', body['error'])
        finally:
            self.rig.sql('ALTER TABLE agents_away RENAME TO agents')

    def test_bad_environment_ends_the_process_with_a_sentence(self):
        self.rig.stop_part('api')
        try:
            process = self.rig.start_api('api-bad', DATABASE_URL='', SECRET_KEY='short')
            self.assertEqual(process.wait(10), 1)
            log = self.rig.log('api-bad')
            self.assertIn('DATABASE_URL is not set', log)
            self.assertIn('SECRET_KEY is missing or shorter', log)
        finally:
            self.rig.processes.pop('api-bad')
            self.rig.start_api()
        wait_for(lambda: self.rig._listens('api'))
        wait_for(self.healthy, 4)

    def test_api_finishes_requests_on_sigterm(self):
        import threading

        # A lock makes a request last until the server is already stopping.
        locker = threading.Event()
        answers = []

        def slow():
            locker.wait()
            answers.append(self.rig.request('/api/agents')[0])

        thread = threading.Thread(target=slow)
        thread.start()
        self.rig.sql(
            "CREATE OR REPLACE FUNCTION pause() RETURNS text LANGUAGE sql AS $$ SELECT pg_sleep(1)::text $$;"
            'ALTER TABLE agents RENAME TO agents_real;'
            'CREATE VIEW agents AS SELECT r.* FROM agents_real r, (SELECT pause() OFFSET 0) p'
        )
        try:
            locker.set()
            time.sleep(0.4)
            self.assertEqual(self.rig.stop_part('api'), 0)
            thread.join(5)
            self.assertEqual(answers, [200])
        finally:
            self.rig.sql('DROP VIEW agents; ALTER TABLE agents_real RENAME TO agents; DROP FUNCTION pause()')
            self.rig.start_api()
        wait_for(lambda: self.rig._listens('api'))
        wait_for(self.healthy, 4)

    def test_gunicorn_listens_where_the_environment_says(self):
        def listens(host):
            with socket.socket() as probe:
                return probe.connect_ex((host, self.rig.ports['api'])) == 0

        self.assertEqual((listens('127.0.0.1'), listens('127.0.0.2')), (True, False))
        with self.rig.api_with(BIND='0.0.0.0'):
            self.assertTrue(listens('127.0.0.2'))

    def test_worker_stops_in_good_order(self):
        self.assertEqual(self.rig.stop_part('worker'), 0)
        wait_for(lambda: self.rig.request('/api/workflows/queue')[2]['workers'] == 0, 4, 'worker signed off')
        self.rig.start_worker()
        wait_for(lambda: self.rig.request('/api/workflows/queue')[2]['workers'] == 1, 4, 'worker signed on')

    def test_plain_rq_finds_redis_and_the_job_without_the_images_variables(self):
        self.rig.stop_part('worker')
        plain = {'RQ_WORKER_CLASS': 'rq.Worker', 'RQ_CONNECTION_CLASS': 'redis.Redis'}
        self.rig.start_worker(RQ_CONFIG='', PYTHONPATH='', **plain)
        try:
            self.assertEqual(self.rig.run_workflow('agent-roll-call')['status'], 'finished')
        finally:
            self.rig.stop_part('worker')
            self.rig.start_worker()

    def test_zz_no_secret_in_any_log(self):
        for name in ('api', 'worker', 'api-bad'):
            path = self.rig.folder / f'{name}.log'
            text = path.read_text() if path.exists() else ''
            for secret in SECRETS:
                self.assertNotIn(secret, text)
            for line in text.splitlines() if name == 'api' else []:
                self.assertRegex(line, r'^\d{4}-\d\d-\d\dT[\d:.]+Z level=')
