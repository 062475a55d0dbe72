import json
import unittest

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
