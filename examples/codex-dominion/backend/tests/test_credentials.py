import contextlib
import json
import unittest
from http.client import HTTPConnection

from dominion.credentials import derive_token
from tests.rig import BACKEND, TOKEN, shared_rig

VECTORS = json.loads((BACKEND / 'tests' / 'api_tokens.json').read_text())['vectors']
WRITES = (
    ('POST', '/api/workflows/run', {'name': 'treasury-close'}),
    ('POST', '/api/ai/ask', {'question': 'what is a capsule?'}),
    ('PUT', '/api/agents/aurora', {}),
    ('PATCH', '/api/nothing', {}),
    ('DELETE', '/api/councils/dawn', None),
    ('TRACE', '/api/workflows', None),
    ('POST', '/', {}),
    ('POST', '/health', {}),
)


class TokenTest(unittest.TestCase):
    def test_token_is_the_one_that_the_toolbox_derives(self):
        for vector in VECTORS:
            with self.subTest(vector['secretKey']):
                self.assertEqual(derive_token(vector['secretKey']), vector['token'])


class CredentialsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rig = shared_rig()

    def test_anonymous_writes_are_refused_and_leave_nothing(self):
        count = 'SELECT (SELECT count(*) FROM metrics) AS metrics, (SELECT sum(runs) FROM workflows) AS runs'
        before = self.rig.sql(count)
        for method, path, body in WRITES:
            with self.subTest(f'{method} {path}'):
                status, headers, answer = self.rig.request(path, body, method=method, token=None)
                self.assertEqual(status, 401, answer)
                self.assertEqual(answer['status'], 401)
                self.assertIn('token', answer['error'])
                self.assertEqual(headers['WWW-Authenticate'], 'Bearer realm="codex-dominion"')
                self.assertEqual(headers['Cache-Control'], 'no-store')
        self.assertEqual(self.rig.request('/api/workflows/queue')[2]['depth'], 0)
        self.assertEqual(self.rig.sql(count), before)

    def test_wrong_credentials_are_refused_and_named_as_wrong(self):
        for value in (
            f'Bearer {TOKEN[:-1]}',
            f'Bearer {TOKEN}0',
            f'Bearer {TOKEN.upper()}',
            f'Basic {TOKEN}',
            TOKEN,
            'Bearer',
            'Bearer ',
            'Bearer \xfc\xff',
            f'Bearer {"0" * 5000}',
        ):
            with self.subTest(value[:80]):
                status, headers, _ = self.rig.request(
                    '/api/workflows/run', {'name': 'x'}, token=None,
                    headers={'Authorization': value, 'X-Forwarded-For': '192.0.2.1'},
                )  # fmt: skip
                self.assertEqual(status, 401)
                self.assertIn('error="invalid_token"', headers['WWW-Authenticate'])

    def test_the_token_opens_and_its_scheme_is_read_in_any_case(self):
        for scheme in ('Bearer', 'bearer', 'BEARER'):
            status, _, answer = self.rig.request(
                '/api/ai/ask', {'question': 'capsule'}, token=None, headers={'Authorization': f'{scheme} {TOKEN}'}
            )
            self.assertEqual(status, 200, answer)

    def test_ten_wrong_tokens_close_the_door_for_their_address_only(self):
        def ask(token, address):
            return self.rig.request('/api/ai/ask', {'question': 'capsule'}, token=token,
                                    headers={'X-Forwarded-For': address})  # fmt: skip

        wrong = '0' * 64
        for addresses, elsewhere in (
            (['192.0.2.2'] * 10, '192.0.2.3'),
            # One customer's IPv6 addresses count together.
            ([f'2001:db8:0:1:{n}::1' for n in range(10)], '2001:db8:0:2::1'),
        ):
            with self.subTest(elsewhere):
                answers = [ask(wrong, address)[0] for address in addresses]
                self.assertEqual(answers, [401] * 10)
                # The right token must not stand out now.
                for token in (wrong, TOKEN):
                    status, headers, answer = ask(token, addresses[0])
                    self.assertEqual((status, answer['status']), (429, 429))
                    self.assertIn(int(headers['Retry-After']), range(800, 901))
                reading = self.rig.request('/api/workflows', headers={'X-Forwarded-For': addresses[0]})
                self.assertEqual(reading[0], 200)
                path = '/api/workflows/agent-roll-call'
                self.assertNotIn(
                    'last_run_from', self.rig.request(path, headers={'X-Forwarded-For': addresses[0]})[2]
                )
                self.assertEqual(ask(TOKEN, elsewhere)[0], 200)

    def test_whoever_goes_round_nginx_cannot_lock_out_the_address_that_he_claims(self):
        def ask(peer, token):
            connection = HTTPConnection('127.0.0.1', self.rig.ports['api'], 20, source_address=(peer, 0))
            with contextlib.closing(connection):
                connection.request('POST', '/api/ai/ask', '{"question": "capsule"}', {
                    'Content-Type': 'application/json', 'Authorization': f'Bearer {token}',
                    'X-Forwarded-For': '192.0.2.77',
                })  # fmt: skip
                return connection.getresponse().status

        self.assertEqual([ask('127.0.0.9', '0' * 64) for _ in range(11)], [401] * 10 + [429])
        self.assertEqual(ask('127.0.0.1', TOKEN), 200)

    def test_a_request_without_a_token_is_no_guess(self):
        for _ in range(12):
            self.assertEqual(self.rig.request('/api/ai/ask', {}, token=None)[0], 401)
        self.assertEqual(self.rig.request('/api/ai/ask', {'question': 'capsule'})[0], 200)

    def test_reading_needs_no_token(self):
        for method in ('GET', 'HEAD', 'OPTIONS'):
            with self.subTest(method):
                self.assertEqual(self.rig.request('/api/workflows', method=method, token=None)[0], 200)

    def test_without_public_reads_only_health_and_signing_in_are_open(self):
        with self.rig.api_with(PUBLIC_READS='no'):
            for path in ('/', '/api/workflows', '/api/workflows/agent-roll-call', '/api/nothing', '/nothing'):
                for method in ('GET', 'HEAD', 'OPTIONS'):
                    with self.subTest(f'{method} {path}'):
                        self.assertEqual(self.rig.request(path, method=method, token=None)[0], 401)
            self.assertEqual(self.rig.request('/health', token=None)[0], 200)
            self.assertEqual(self.rig.request('/api/workflows')[0], 200)
            _, headers, answer = self.rig.request('/api/session', {'token': TOKEN, 'name': 'Ada'}, token=None)
            self.assertTrue(answer['signed_in'])
            cookie = {'Cookie': headers['Set-Cookie'].partition(';')[0]}
            self.assertEqual(self.rig.request('/api/workflows', token=None, headers=cookie)[0], 200)
            self.assertTrue(self.rig.request('/api/session', token=None, headers=cookie)[2]['signed_in'])
            self.assertFalse(self.rig.request('/api/session', token=None)[2]['signed_in'])

    def test_an_answer_to_a_request_with_a_credential_is_never_stored(self):
        self.assertEqual(self.rig.request('/api/workflows')[1]['Cache-Control'], 'no-store')

    def test_a_refused_body_is_not_read(self):
        """The refusal comes first: an anonymous visitor cannot make the application read 64 KB."""
        status, _, _ = self.rig.request('/api/workflows/run', b'{broken', token=None)
        self.assertEqual(status, 401)

    def test_who_started_a_run_is_kept_with_it(self):
        for headers, seen in (({}, '127.0.0.1'), ({'X-Forwarded-For': '2001:db8::7'}, '2001:db8::7'),
                              ({'X-Forwarded-For': 'not an address'}, None)):  # fmt: skip
            with self.subTest(seen):
                self.rig.run_workflow('agent-roll-call', headers=headers)
                (row,) = self.rig.sql(
                    "SELECT last_run_by, last_run_from FROM workflows WHERE name = 'agent-roll-call'"
                )
                self.assertEqual((row['last_run_by'], row['last_run_from']), ('operator', seen))
        self.assertIn('by=operator from=2001:db8::7', self.rig.log('api'))
        self.assertNotIn('from=not an address', self.rig.log('api'))

    def test_a_failed_run_keeps_who_started_it(self):
        steps = json.dumps([{'kind': 'measure', 'measure': 'no.such'}])
        self.rig.sql("INSERT INTO workflows (name, steps) VALUES ('blamed', %s)", (steps,))
        self.addCleanup(self.rig.sql, "DELETE FROM workflows WHERE name = 'blamed'")
        self.assertEqual(self.rig.run_workflow('blamed')['status'], 'failed')
        (row,) = self.rig.sql("SELECT status, last_run_by FROM workflows WHERE name = 'blamed'")
        self.assertEqual((row['status'], row['last_run_by']), ('failed', 'operator'))

    def test_visitors_do_not_see_who_ran_a_workflow(self):
        self.rig.run_workflow('agent-roll-call')
        path = '/api/workflows/agent-roll-call'
        self.assertNotIn('last_run_from', self.rig.request(path, token=None)[2])
        self.assertNotIn('127.0.0.1', json.dumps(self.rig.request('/api/workflows', token=None)[2]))
        self.assertEqual(self.rig.request(path)[2]['last_run_from'], '127.0.0.1')

    def test_runs_work_before_the_migration_is_applied(self):
        """`update-backend` does not migrate the tables, so a release can meet the columns of the previous one."""
        self.rig.sql('ALTER TABLE workflows RENAME COLUMN last_run_by TO x_by')
        self.addCleanup(self.rig.sql, 'ALTER TABLE workflows RENAME COLUMN x_by TO last_run_by')
        self.assertEqual(self.rig.run_workflow('agent-roll-call')['status'], 'finished')
        self.assertEqual(self.rig.request('/api/workflows/agent-roll-call')[0], 200)
        self.assertIn('migration', self.rig.log('worker'))
