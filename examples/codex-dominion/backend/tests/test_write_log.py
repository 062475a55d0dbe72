import unittest

from tests.rig import TOKEN, shared_rig

LAST = 'SELECT by, from_address, method, path, workflow, status FROM write_log ORDER BY id DESC LIMIT 1'
COUNT = 'SELECT count(*) AS n FROM write_log'


class WriteLogTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rig = shared_rig()

    def last(self):
        (row,) = self.rig.sql(LAST)
        return tuple(row.values())

    def test_every_write_of_the_operator_is_recorded_with_its_answer(self):
        here = ('operator', '127.0.0.1')
        for path, body, method, workflow in (
            ('/api/workflows/run', {'name': 'agent-roll-call'}, 'POST', 'agent-roll-call'),
            ('/api/workflows/run', {'name': 'no-such'}, 'POST', None),
            ('/api/ai/ask', b'{broken', 'POST', None),
            ('/api/agents/aurora', None, 'DELETE', None),
            ('/api/nothing', None, 'PATCH', None),
        ):
            with self.subTest(f'{method} {path}'):
                status, _, answer = self.rig.request(path, body, method=method)
                self.assertEqual(self.last(), (*here, method, path, workflow, status))
                if workflow:
                    self.assertEqual(self.rig.job_ended(answer['job_id'])['status'], 'finished')

    def test_paths_of_any_kind_fit(self):
        for path, stored in (
            ('/api/%00%0a', '/api/\\x00\\n'),
            ('/api/%ed%a0%80', '/api/' + '\ufffd' * 3),
            ('/api/' + 'x' * 3000, '/api/' + 'x' * 195),
        ):
            with self.subTest(path[:20]):
                self.rig.request(path, method='DELETE')
                self.assertEqual(self.last()[3], stored)

    def test_signing_in_is_recorded_with_the_name(self):
        self.assertEqual(self.rig.request('/api/session', {'token': TOKEN, 'name': 'Ada'}, token=None)[0], 200)
        self.assertEqual(self.last(), ('operator Ada', '127.0.0.1', 'POST', '/api/session', None, 200))

    def test_what_was_refused_and_what_only_reads_is_not_recorded(self):
        before = self.rig.sql(COUNT)
        self.rig.request('/api/ai/ask', {'question': 'capsule'}, token=None)
        wrong = {'X-Forwarded-For': '192.0.2.50'}
        self.rig.request('/api/ai/ask', {'question': 'capsule'}, token='0' * 64, headers=wrong)
        self.rig.request('/api/session', {'token': '0' * 64, 'name': 'Ada'}, token=None, headers=wrong)
        self.rig.request('/api/workflows')
        self.assertEqual(self.rig.sql(COUNT), before)

    def test_the_operator_sees_who_started_what(self):
        self.assertEqual(self.rig.run_workflow('agent-roll-call')['status'], 'finished')
        runs = self.rig.request('/api/workflows/runs')[2]['runs']
        self.assertLessEqual(len(runs), 50)
        self.assertRegex(runs[0].pop('at'), r'^\d{4}-.*Z$')
        self.assertEqual(
            runs[0],
            {'workflow': 'agent-roll-call', 'by': 'operator', 'from_address': '127.0.0.1'},
        )

    def test_a_visitor_sees_neither_runs_nor_jobs_nor_errors_nor_steps(self):
        job = self.rig.run_workflow('agent-roll-call')
        for path in ('/', '/api/workflows/runs', f'/api/workflows/jobs/{job["id"]}', '/api/workflows/jobs/x'):
            with self.subTest(path):
                status, headers, _ = self.rig.request(path, token=None)
                self.assertEqual((status, headers['WWW-Authenticate']), (401, 'Bearer realm="codex-dominion"'))
        shown = self.rig.request('/api/workflows/agent-roll-call', token=None)[2]
        self.assertLessEqual({'name', 'runs', 'metrics'}, set(shown))
        self.assertFalse({'steps', 'last_error', 'last_run_by', 'last_run_from'} & set(shown))

    def test_writes_work_without_the_table(self):
        self.rig.sql('ALTER TABLE write_log RENAME TO write_log_away')
        self.addCleanup(self.rig.sql, 'ALTER TABLE write_log_away RENAME TO write_log')
        self.assertEqual(self.rig.request('/api/ai/ask', {'question': 'capsule'})[0], 200)
        self.assertIn('cannot record by=operator from=127.0.0.1 POST /api/ai/ask: tables are missing', self.rig.log('api'))
        self.assertEqual(self.rig.request('/api/workflows/runs')[0], 503)
