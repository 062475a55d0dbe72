import json
import unittest
import uuid
from concurrent.futures import ThreadPoolExecutor

from tests.rig import shared_rig, wait_for


class WorkflowTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rig = shared_rig()

    def workflow(self, name):
        return self.rig.request(f'/api/workflows/{name}')[2]

    def add(self, name, steps):
        self.rig.sql('INSERT INTO workflows (name, steps) VALUES (%s, %s)', (name, json.dumps(steps)))
        self.addCleanup(self.rig.sql, 'DELETE FROM workflows WHERE name = %s', (name,))

    def test_every_workflow_of_the_first_data_runs(self):
        for workflow in self.rig.request('/api/workflows')[2]['workflows']:
            with self.subTest(workflow['name']):
                job = self.rig.run_workflow(workflow['name'])
                self.assertEqual(job['status'], 'finished', job)
                after = self.workflow(workflow['name'])
                self.assertEqual(after['runs'], workflow['runs'] + 1)
                self.assertEqual(after['status'], 'succeeded')
                self.assertGreater(after['last_run_at'], workflow['last_run_at'] or '')
                self.assertEqual(job['result']['runs'], after['runs'])
                self.assertEqual(after['metrics'][0]['name'].count('.'), 1)

    def test_measures_are_true(self):
        self.rig.run_workflow('agent-roll-call')
        (row,) = self.rig.sql("SELECT count(*) AS n FROM agents WHERE status = 'active'")
        metrics = {m['name']: m['value'] for m in reversed(self.workflow('agent-roll-call')['metrics'])}
        self.assertEqual(metrics['agents.active'], row['n'])

    def test_dispatch_of_the_day_can_be_found_and_is_written_once(self):
        for _ in range(2):
            job = self.rig.run_workflow('dawn-dispatch')
        slug = job['result']['steps'][-1]['capsule']
        rows = self.rig.sql('SELECT body FROM capsules WHERE slug = %s', (slug,))
        self.assertEqual(len(rows), 1)
        self.assertIn('agents.active is', rows[0]['body'])

    def test_interest_is_booked_for_the_time_that_passed(self):
        self.rig.sql(
            """INSERT INTO metrics (name, value, unit, recorded_at)
               VALUES ('treasury.inflow', 3650, 'CHF', now() - interval '10 days')"""
        )
        self.addCleanup(self.rig.sql, "DELETE FROM metrics WHERE unit = 'CHF'")
        self.add('accrue-chf', [{'kind': 'accrue', 'annual_rate': '0.1', 'currency': 'CHF'}])
        booked = [self.rig.run_workflow('accrue-chf')['result']['steps'][0]['booked'] for _ in range(2)]
        self.assertAlmostEqual(booked[0], 10, places=2)
        self.assertLess(booked[1], 0.01)

    def test_pruning_keeps_the_ledger(self):
        old = "now() - interval '900 days'"
        self.rig.sql(
            f"""INSERT INTO metrics (name, value, unit, recorded_at)
                VALUES ('agents.active', 1, 'agents', {old}), ('treasury.outflow', 1, 'NOK', {old})"""
        )
        self.addCleanup(self.rig.sql, "DELETE FROM metrics WHERE unit = 'NOK'")
        self.assertEqual(self.rig.run_workflow('metrics-pruning')['result']['steps'][0]['deleted'], 1)
        self.assertEqual(self.rig.sql("SELECT count(*) AS n FROM metrics WHERE unit = 'NOK'")[0]['n'], 1)

    def test_failing_step_leaves_nothing_but_the_error(self):
        measures = ('agents.active', 'no.such')
        self.add('half', [{'kind': 'measure', 'measure': name} for name in measures])
        job = self.rig.run_workflow('half')
        self.assertEqual(job['status'], 'failed')
        self.assertIn('no.such', job['error'])
        after = self.workflow('half')
        self.assertEqual((after['status'], after['runs'], after['metrics']), ('failed', 1, []))
        self.assertIn('no.such', after['last_error'])

    def test_workflow_deleted_while_waiting(self):
        self.add('gone', [{'kind': 'measure', 'measure': 'agents.active'}])
        self.rig.stop_part('worker')
        _, _, answer = self.rig.request('/api/workflows/run', {'name': 'gone'})
        self.assertEqual(self.rig.request('/api/workflows/queue')[2]['depth'], 1)
        self.assertGreaterEqual(self.rig.request('/api/workflows/queue')[2]['oldest_seconds'], 0)
        self.rig.sql("DELETE FROM workflows WHERE name = 'gone'")
        self.rig.start_worker()
        path = f'/api/workflows/jobs/{answer["job_id"]}'
        job = wait_for(lambda: (j := self.rig.request(path)[2])['status'] == 'failed' and j)
        self.assertIn('there is no workflow gone', job['error'])

    def test_one_run_of_a_workflow_waits_at_a_time(self):
        self.rig.stop_part('worker')
        try:
            _, _, first = self.rig.request('/api/workflows/run', {'name': 'agent-roll-call'})
            with ThreadPoolExecutor(8) as threads:
                asks = [
                    threads.submit(self.rig.request, '/api/workflows/run', {'name': name})
                    for name in ['agent-roll-call'] * 8 + ['metrics-pruning'] * 8
                ]
            statuses = [ask.result()[0] for ask in asks]
            self.assertEqual(statuses[:8], [409] * 8)
            self.assertIn(first['job_id'], asks[0].result()[2]['error'])
            self.assertEqual(sorted(statuses[8:]), [202] + [409] * 7)
            self.assertEqual(self.rig.request('/api/workflows/queue')[2]['depth'], 2)
        finally:
            self.rig.start_worker()
        self.assertEqual(self.rig.job_ended(first['job_id'])['status'], 'finished')
        # Its place is free again, for one of many.
        with ThreadPoolExecutor(8) as threads:
            again = list(threads.map(lambda _: self.rig.request('/api/workflows/run', {'name': 'dawn-dispatch'}), range(8)))
        self.assertIn(202, [status for status, _, _ in again])
        self.rig.run_workflow('agent-roll-call')

    def test_a_run_keeps_its_place_however_long_it_waits(self):
        redis = self.rig.redis()
        self.rig.stop_part('worker')
        try:
            _, _, first = self.rig.request('/api/workflows/run', {'name': 'dawn-dispatch'})
            self.assertEqual(redis.ttl('waiting-run:dawn-dispatch'), -1)
            self.assertEqual(self.rig.request('/api/workflows/run', {'name': 'dawn-dispatch'})[0], 409)
        finally:
            self.rig.start_worker()
        self.assertEqual(self.rig.job_ended(first['job_id'])['status'], 'finished')

    def test_a_run_that_is_not_in_the_queue_blocks_no_other(self):
        redis = self.rig.redis()
        self.rig.stop_part('worker')
        try:
            _, _, lost = self.rig.request('/api/workflows/run', {'name': 'dawn-dispatch'})
            # What SIGKILL leaves when it meets a worker between taking a job and starting it.
            self.assertEqual(redis.lrem('rq:queue:workflows', 0, lost['job_id']), 1)
            status, _, next_one = self.rig.request('/api/workflows/run', {'name': 'dawn-dispatch'})
            self.assertEqual(status, 202, next_one)
        finally:
            self.rig.start_worker()
        self.assertEqual(self.rig.job_ended(next_one['job_id'])['status'], 'finished')
        # Nor does a place whose job is not there at all.
        redis.set('waiting-run:dawn-dispatch', str(uuid.uuid4()))
        self.rig.run_workflow('dawn-dispatch')

    def test_results_are_kept_for_an_hour_and_failures_for_a_day(self):
        redis = self.rig.redis()
        job = self.rig.run_workflow('agent-roll-call')
        wait_for(lambda: 3000 < redis.ttl(f'rq:job:{job["id"]}') <= 3600, what='the result expires')
        self.assertEqual(int(redis.hget(f'rq:job:{job["id"]}', 'failure_ttl')), 24 * 3600)
