import unittest

from tests.rig import MIGRATIONS, shared_rig


class ApiTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rig = shared_rig()

    def get(self, path):
        status, headers, body = self.rig.request(path)
        self.assertEqual(status, 200, body)
        return body

    def fails(self, status, path, body=None, **options):
        got, headers, answer = self.rig.request(path, body, **options)
        self.assertEqual(got, status, answer)
        self.assertEqual(answer['status'], status)
        self.assertTrue(answer['error'])
        return answer['error'], headers

    def test_health_asks_both_parts(self):
        body = self.get('/health')
        self.assertEqual(body['status'], 'ok')
        self.assertEqual(body['release'], 'test-1')
        for part in ('database', 'redis'):
            self.assertTrue(body['checks'][part]['ok'])
            self.assertGreaterEqual(body['checks'][part]['ms'], 0)

    def test_connections_to_the_database_use_tls(self):
        self.get('/api/agents')
        rows = self.rig.sql(
            """SELECT bool_and(s.ssl) AS tls, count(*) AS n
               FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid)
               WHERE a.application_name = 'codex-dominion'"""
        )
        self.assertTrue(rows[0]['tls'])
        self.assertGreater(rows[0]['n'], 0)

    def test_dashboard_counts_rows(self):
        page = self.get('/')
        (row,) = self.rig.sql('SELECT count(*) AS n FROM capsules')
        self.assertIn(f'<dt>capsules</dt><dd>{row["n"]}</dd>', page)
        self.assertIn('dawn-dispatch', page)

    def test_lists_have_the_fields_the_front_end_reads(self):
        for path, name, fields in (
            ('/api/workflows', 'workflows', {'id', 'name', 'status', 'last_run_at', 'runs'}),
            ('/api/councils', 'councils', {'id', 'name', 'purpose', 'agents'}),
            ('/api/agents', 'agents', {'id', 'name', 'role', 'council_id', 'status'}),
            ('/api/treasury/metrics', 'metrics', {'name', 'value', 'unit', 'recorded_at'}),
            ('/api/ai/capsules', 'capsules', {'id', 'title', 'body', 'topic'}),
        ):
            with self.subTest(path):
                rows = self.get(path)[name]
                self.assertGreater(len(rows), 3)
                self.assertLessEqual(fields, set(rows[0]))

    def test_one_row_by_id_and_by_name(self):
        rows = {'/api/agents': 'aurora', '/api/councils': 'dawn', '/api/workflows': 'dawn-dispatch'}
        for path, key in rows.items():
            by_name = self.get(f'{path}/{key}')
            self.assertEqual(self.get(f'{path}/{by_name["id"]}'), by_name)

    def test_council_counts_agents_that_are_not_retired(self):
        (row,) = self.rig.sql(
            """SELECT count(*) AS n FROM agents JOIN councils c ON c.id = council_id
               WHERE c.slug = 'watch' AND status <> 'retired'"""
        )
        watch = next(c for c in self.get('/api/councils')['councils'] if c['slug'] == 'watch')
        self.assertEqual(watch['agents'], row['n'])

    def test_treasury_summary_is_the_sum_of_the_ledger(self):
        self.rig.sql(
            """INSERT INTO metrics (name, value, unit)
               VALUES ('treasury.inflow', 70.5, 'EUR'), ('treasury.outflow', 20.25, 'EUR')"""
        )
        self.addCleanup(self.rig.sql, "DELETE FROM metrics WHERE unit = 'EUR'")
        body = self.get('/api/treasury/summary?currency=EUR')
        self.assertEqual((body['balance'], body['inflow'], body['outflow']), (50.25, 70.5, 20.25))
        self.assertEqual((body['currency'], body['entries'], body['days']), ('EUR', 2, 30))
        self.assertEqual(self.get('/api/treasury/summary?currency=XAU')['balance'], 0)
        self.assertEqual(self.get('/api/treasury/summary?currency=USD')['currency'], 'USD')

    def test_advisor_answers_from_capsules_only(self):
        self.assertIn('full-text search', self.get('/api/ai/status')['model'])
        _, _, body = self.rig.request('/api/ai/ask', {'question': "What's a capsule? & | ! <-> ('%s"})
        self.assertEqual(body['sources'][0]['slug'], 'what-a-capsule-is')
        self.assertTrue(body['answer'].startswith('A capsule is'))
        _, _, body = self.rig.request('/api/ai/ask', {'question': 'zyzzyva?'})
        self.assertIsNone(body['answer'])
        self.assertEqual(body['sources'], [])
        # Stop words only: an empty query, not an error.
        self.assertIsNone(self.rig.request('/api/ai/ask', {'question': 'what is the'})[2]['answer'])

    def test_wrong_input_is_named(self):
        for path, body, words in (
            ('/api/ai/ask', {}, 'question'),
            ('/api/ai/ask', {'question': 7}, 'question'),
            ('/api/ai/ask', {'question': 'x' * 501}, '501'),
            ('/api/ai/ask', {'question': 'a\0b'}, 'NUL'),
            ('/api/ai/ask', {'question': 'a\ud800b'}, 'surrogate'),
            ('/api/workflows/run', {'name': '\udfff'}, 'surrogate'),
            ('/api/ai/ask', ['question'], 'object'),
            ('/api/ai/ask', b'[' * 60_000, 'nested'),
            ('/api/ai/ask', b'{"question":' * 5000, 'nested'),
            ('/api/ai/ask', b'{broken', 'JSON|decode|understand'),
            ('/api/workflows/run', {'name': ' '}, 'name'),
            ('/api/treasury/metrics?limit=0', None, 'limit'),
            ('/api/treasury/metrics?limit=%D9%A3', None, 'limit'),
            ('/api/treasury/summary?days=1e3', None, 'days'),
            ('/api/treasury/summary?currency=usd', None, 'currency'),
        ):
            with self.subTest(path=path, body=body):
                self.assertRegex(self.fails(400, path, body)[0], words)

    def test_errors_are_json(self):
        for path in ('/api', '/api/nothing', '/api/agents/0', '/api/agents/none', '/api/agents/%00',
                     '/api/agents/99999999999999999999', '/api/workflows/jobs/x',
                     '/api/workflows/jobs/00000000-0000-0000-0000-000000000000'):  # fmt: skip
            with self.subTest(path):
                self.fails(404, path)
        _, headers = self.fails(405, '/api/agents', {}, method='POST')
        self.assertIn('GET', headers['Allow'])
        self.fails(413, '/api/ai/ask', {'question': 'x' * 70_000})
        # 400 with Flask 2.2, 415 with later ones
        plain = self.rig.request('/api/ai/ask', b'question=x', headers={'Content-Type': 'text/plain'})
        self.assertIn(plain[0], (400, 415))
        self.fails(404, '/api/workflows/run', {'name': "x'; DROP TABLE agents; --"})
        self.assertEqual(self.rig.request('/nothing')[0], 404)

    def test_answers_are_not_cached(self):
        self.assertEqual(self.rig.request('/api/agents')[1]['Cache-Control'], 'no-store')

    def test_every_statement_of_the_first_data_may_run_again(self):
        tables = ('councils', 'agents', 'workflows', 'metrics', 'capsules')
        count = 'SELECT ' + ', '.join(f'(SELECT count(*) FROM {table}) AS {table}' for table in tables)
        before = self.rig.sql(count)
        self.rig.sql((MIGRATIONS / '0005_first_data.sql').read_text())
        self.assertEqual(self.rig.sql(count), before)

    def test_rows_against_the_rules_are_refused(self):
        import psycopg

        for statement in (
            "INSERT INTO agents (council_id, slug, name, role) VALUES (999, 'x', 'X', 'r')",
            "UPDATE agents SET status = 'unknown'",
            "INSERT INTO workflows (name, steps) VALUES ('empty', '[]')",
            "INSERT INTO metrics (name, value, unit) VALUES ('treasury.inflow', -1, 'USD')",
            "INSERT INTO metrics (name, value, unit) VALUES ('treasury.inflow', 1, 'euros')",
            "DELETE FROM councils WHERE slug = 'dawn'",
        ):
            with self.subTest(statement), self.assertRaises(psycopg.IntegrityError):
                self.rig.sql(statement)
