import hashlib
import json
import time
import unittest
from http.cookies import SimpleCookie

from flask.json.tag import TaggedJSONSerializer
from itsdangerous import TimestampSigner, URLSafeTimedSerializer

from tests.rig import SECRET_KEY, TOKEN, shared_rig

HOST = 'codexdominion.app'
# What nginx adds.
PROXY = {'X-Forwarded-For': '198.51.100.7', 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': HOST}
QUESTION = ('/api/ai/ask', {'question': 'capsule'})


def forge(secret_key, age=0, **content):
    """A cookie's value as Flask signs it, for any key and age."""

    class Earlier(TimestampSigner):
        def get_timestamp(self):
            return int(time.time()) - age

    return URLSafeTimedSerializer(
        secret_key, salt='cookie-session', serializer=TaggedJSONSerializer(), signer=Earlier,
        signer_kwargs={'key_derivation': 'hmac', 'digest_method': hashlib.sha1},
    ).dumps({'_permanent': True, 'id': 'f' * 32, 'csrf': 'c' * 32, 'name': 'Forger', **content})  # fmt: skip


class SessionTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rig = shared_rig()

    def send(self, path, body=None, method=None, cookie=None, csrf=None, **headers):
        """A browser's request through nginx; header names are written with _ for -."""
        sent = {**PROXY, **{name.replace('_', '-'): value for name, value in headers.items()}}
        if cookie is not None:
            sent['Cookie'] = f'theme=dark; __Host-dominion={cookie}'
        if csrf is not None:
            sent['X-CSRF-Token'] = csrf
        return self.rig.request(path, body, method, sent, token=None)

    def sign_in(self, name='Ada'):
        status, headers, answer = self.send('/api/session', {'token': TOKEN, 'name': name})
        self.assertEqual(status, 200, answer)
        return SimpleCookie(headers['Set-Cookie'])['__Host-dominion'], answer

    def refused(self, status, *args, **options):
        got, _, answer = self.send(*args, **options)
        self.assertEqual((got, answer['status']), (status, status), answer)
        return answer['error']

    def test_the_token_opens_a_session_whose_cookie_is_locked_to_this_site(self):
        cookie, answer = self.sign_in('  Ada Lovelace ')
        self.assertEqual((answer['signed_in'], answer['name']), (True, 'Ada Lovelace'))
        self.assertTrue(cookie['secure'] and cookie['httponly'])
        self.assertEqual((cookie['samesite'], cookie['path'], cookie['domain']), ('Strict', '/', ''))
        # nginx lets only such values through (lib/vps/templates/limits.conf).
        self.assertRegex(cookie.value, r'\A[A-Za-z0-9_.-]{1,700}\Z')
        shown = self.send('/api/session', cookie=cookie.value)
        self.assertEqual(shown[2], answer)
        self.assertIsNone(shown[1]['Set-Cookie'])
        self.assertIn('operator Ada Lovelace signed in from=198.51.100.7', self.rig.log('api'))
        self.assertEqual(self.send('/api/session')[2], {'signed_in': False, 'name': None, 'csrf': None})

    def test_writes_need_the_cookie_and_the_sessions_csrf_token(self):
        cookie, answer = self.sign_in()
        _, other = self.sign_in('Grace')
        self.assertEqual(self.send(*QUESTION, cookie=cookie.value, csrf=answer['csrf'])[0], 200)
        for csrf in (None, '', other['csrf'], answer['csrf'][:-1], 'ü'):
            with self.subTest(csrf):
                self.assertIn('X-CSRF-Token', self.refused(403, *QUESTION, cookie=cookie.value, csrf=csrf))
        self.refused(401, *QUESTION, csrf=answer['csrf'])

    def test_pages_of_other_sites_are_refused(self):
        cookie, answer = self.sign_in()
        known = {'cookie': cookie.value, 'csrf': answer['csrf']}
        for origin in ('https://evil.example', f'http://{HOST}', f'https://{HOST}.evil.example', 'null', ''):
            with self.subTest(origin):
                self.refused(403, *QUESTION, **known, Origin=origin)
                self.refused(403, '/api/session', {'token': TOKEN, 'name': 'Ada'}, Origin=origin)
        self.assertEqual(self.send(*QUESTION, **known, Origin=f'https://{HOST}')[0], 200)

    def test_a_site_with_an_international_name_can_be_signed_in_to(self):
        """Browsers send such a name as xn--…, in Host as in Origin."""
        site = {'X_Forwarded_Host': 'xn--bcher-kva.example', 'Origin': 'https://xn--bcher-kva.example'}
        status, headers, answer = self.send('/api/session', {'token': TOKEN, 'name': 'Ada'}, **site)
        self.assertEqual(status, 200, answer)
        cookie = SimpleCookie(headers['Set-Cookie'])['__Host-dominion'].value
        self.assertEqual(self.send(*QUESTION, cookie=cookie, csrf=answer['csrf'], **site)[0], 200)

    def test_forged_foreign_and_expired_cookies_open_nothing(self):
        valid, answer = self.sign_in()
        head, _, signature = valid.value.rpartition('.')
        for name, value in {
            'empty': '',
            'cut': valid.value[:-2],
            'another signature': f'{head}.{signature[::-1]}',
            'another payload': f'x{valid.value}',
            'of another key': forge('another secret key of a test'),
            'expired': forge(SECRET_KEY, age=12 * 3600 + 5),
            'not a session': 'A' * 5000,
        }.items():
            with self.subTest(name):
                self.refused(401, *QUESTION, cookie=value, csrf='c' * 32)
                self.assertFalse(self.send('/api/session', cookie=value)[2]['signed_in'])
        # The forgery is right but for key and age: otherwise the cases above would prove nothing.
        recent = forge(SECRET_KEY, age=12 * 3600 - 60)
        self.assertEqual(self.send(*QUESTION, cookie=recent, csrf='c' * 32)[0], 200)

    def test_signing_out_ends_the_session_for_every_copy_of_its_cookie(self):
        cookie, answer = self.sign_in()
        other, others = self.sign_in()
        known = {'cookie': cookie.value, 'csrf': answer['csrf']}
        self.refused(403, '/api/session', method='DELETE', cookie=cookie.value)
        status, headers, shown = self.send('/api/session', method='DELETE', **known)
        self.assertEqual((status, shown['signed_in']), (200, False))
        self.assertRegex(headers['Set-Cookie'], r'\A__Host-dominion=; .*Max-Age=0;')
        self.refused(401, *QUESTION, **known)
        self.assertFalse(self.send('/api/session', cookie=cookie.value)[2]['signed_in'])
        self.assertEqual(self.send(*QUESTION, cookie=other.value, csrf=others['csrf'])[0], 200)

    def test_a_wrong_token_opens_nothing_and_counts(self):
        forwarded = {'X_Forwarded_For': '198.51.100.8'}
        for _ in range(10):
            status, headers, _ = self.send('/api/session', {'token': '0' * 64, 'name': 'Ada'}, **forwarded)
            self.assertEqual((status, headers['Set-Cookie']), (401, None))
        self.refused(429, '/api/session', {'token': TOKEN, 'name': 'Ada'}, **forwarded)
        # The same count as for the header.
        header = {'Authorization': f'Bearer {TOKEN}', **PROXY, 'X-Forwarded-For': '198.51.100.8'}
        self.assertEqual(self.rig.request(*QUESTION, headers=header, token=None)[0], 429)
        # A colleague who is already signed in goes on.
        cookie, answer = self.sign_in()
        known = {'cookie': cookie.value, 'csrf': answer['csrf']}
        self.assertEqual(self.send(*QUESTION, **known, **forwarded)[0], 200)

    def test_wrong_input_is_named(self):
        for body, words in (
            ({'token': TOKEN}, 'name'),
            ({'token': TOKEN, 'name': 'x' * 41}, '41'),
            ({'token': TOKEN, 'name': 'Ada\nlevel=info'}, 'printed'),
            ({'token': TOKEN, 'name': 'Ada\ud800'}, 'surrogate'),
            ({'token': 7, 'name': 'Ada'}, 'token'),
            ({'token': '\ud800', 'name': 'Ada'}, 'surrogate'),
            ([], 'object'),
        ):
            with self.subTest(body=body):
                self.assertIn(words, self.refused(400, '/api/session', body))

    def test_the_session_is_the_caller_of_a_run(self):
        cookie, answer = self.sign_in('Ada')
        known = {'cookie': cookie.value, 'csrf': answer['csrf']}
        path = '/api/workflows/agent-roll-call'
        _, _, run = self.send('/api/workflows/run', {'name': 'agent-roll-call'}, **known)
        self.assertEqual(self.rig.job_ended(run['job_id'])['status'], 'finished')
        shown = self.send(path, cookie=cookie.value)[2]
        self.assertEqual((shown['last_run_by'], shown['last_run_from']), ('operator Ada', '198.51.100.7'))
        self.assertNotIn('last_run_by', self.send(path)[2])

    def test_without_redis_nobody_signs_in_and_reading_goes_on(self):
        cookie, answer = self.sign_in()
        self.rig.stop_part('redis')
        try:
            self.refused(503, '/api/session', {'token': TOKEN, 'name': 'Ada'})
            self.refused(503, *QUESTION, cookie=cookie.value, csrf=answer['csrf'])
            status, _, shown = self.send('/api/workflows/agent-roll-call', cookie=cookie.value)
            self.assertEqual((status, 'last_run_by' in shown), (200, False))
        finally:
            self.rig.start_redis()
        # Redis forgot everything; the cookie proves itself.
        self.assertTrue(self.send('/api/session', cookie=cookie.value)[2]['signed_in'])
        self.assertNotIn(TOKEN, json.dumps(self.rig.log('api')))
