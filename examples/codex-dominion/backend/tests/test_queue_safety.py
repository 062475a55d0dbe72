"""What an attacker who can write to Redis can make the API and the worker do, and what happens to jobs of older releases."""

import base64
import json
import os
import pickle
import unittest
import uuid
import zlib
from datetime import datetime

from dominion.safe_queue import WorkflowJob
from tests.rig import shared_rig, wait_for

PLAIN_RQ = {'RQ_WORKER_CLASS': 'rq.Worker', 'RQ_CONNECTION_CLASS': 'redis.Redis', 'RQ_CONFIG': '', 'PYTHONPATH': ''}


class Attack:
    """When unpickled, it creates a folder."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


class QueueSafetyTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rig = shared_rig()
        # The image's user can write here, so an attack that runs leaves its folder.
        cls.open_folder = cls.rig.folder / 'open'
        cls.open_folder.mkdir()
        cls.open_folder.chmod(0o777)

    def setUp(self):
        self.marker = self.open_folder / uuid.uuid4().hex
        self.redis = self.rig.redis()

    def put(self, data, **fields):
        """Put a job into the queue, as RQ stores it (rq/job.py, to_dict); returns its id."""
        job_id = str(uuid.uuid4())
        stamp = datetime.utcnow().strftime('%Y-%m-%dT%H:%M:%S.%fZ')
        self.redis.hset(f'rq:job:{job_id}', mapping={
            'data': zlib.compress(data), 'origin': 'workflows', 'description': 'run agent-roll-call',
            'status': 'queued', 'created_at': stamp, 'enqueued_at': stamp, 'failure_ttl': 600, **fields,
        })  # fmt: skip
        self.redis.rpush('rq:queue:workflows', job_id)
        return job_id

    def end_of(self, job_id):
        return self.rig.job_ended(job_id)

    def test_a_pickle_in_a_jobs_arguments_does_not_run(self):
        job = self.end_of(self.put(pickle.dumps(Attack(self.marker))))
        self.assertEqual(job['status'], 'failed')
        self.assertFalse(self.marker.exists())

    def test_a_pickle_as_a_result_does_not_run_in_the_api(self):
        self.rig.stop_part('worker')
        try:
            job_id = self.put(b'["dominion.jobs.run_workflow", null, ["agent-roll-call"], {}]')
            self.redis.lrem('rq:queue:workflows', 0, job_id)
            self.redis.hset(f'rq:job:{job_id}', 'status', 'finished')
            result = base64.b64encode(pickle.dumps(Attack(self.marker)))
            self.redis.xadd(f'rq:results:{job_id}', {'type': 1, 'return_value': result})
            status, _, answer = self.rig.request(f'/api/workflows/jobs/{job_id}')
            self.assertEqual((status, answer['result']), (200, None))
            # Where older releases of RQ stored it.
            self.redis.hset(f'rq:job:{job_id}', 'result', pickle.dumps(Attack(self.marker)))
            self.assertEqual(self.rig.request(f'/api/workflows/jobs/{job_id}')[0], 200)
        finally:
            self.rig.start_worker()
        self.assertFalse(self.marker.exists())

    def test_a_pickle_in_meta_runs_neither_in_the_api_nor_in_the_worker(self):
        self.rig.stop_part('worker')
        data = b'["dominion.jobs.run_workflow", null, ["agent-roll-call"], {}]'
        job_id = self.put(data, meta=pickle.dumps(Attack(self.marker)))
        for path in (f'/api/workflows/jobs/{job_id}', '/api/workflows/queue', '/'):
            self.assertLess(self.rig.request(path)[0], 500, path)
        worker = self.rig.start_worker()
        # Such a job ends RQ's worker; the container's restart policy starts it again.
        worker.wait(15)
        self.rig.processes.pop('worker')
        self.rig.start_worker()
        self.assertEqual(self.rig.run_workflow('agent-roll-call')['status'], 'finished')
        self.assertFalse(self.marker.exists())

    def test_the_worker_runs_no_function_but_its_own(self):
        made = str(self.marker)
        for call in (['os.mkdir', None, [made], {}], ['dominion.jobs.os.mkdir', None, [made], {}],
                     ['format', made, [], {}]):  # fmt: skip
            with self.subTest(call):
                job = self.end_of(self.put(json.dumps(call).encode()))
                self.assertEqual(job['status'], 'failed')
        own = json.dumps(['dominion.jobs.run_workflow', None, ['agent-roll-call'], {}]).encode()
        hook = self.put(own, failure_callback_name='os.mkdir', success_callback_name='os.mkdir')
        self.assertEqual(self.end_of(hook)['status'], 'finished')
        self.assertFalse(self.marker.exists())

    def test_no_hook_is_looked_up_whatever_release_of_rq_the_image_has(self):
        job = WorkflowJob('x', connection=self.redis)
        for hook in ('success', 'failure', 'stopped'):
            with self.subTest(hook):
                setattr(job, f'_{hook}_callback_name', 'os.mkdir')
                self.assertIsNone(getattr(job, f'{hook}_callback'))

    def test_the_image_refuses_pickles_though_its_command_names_no_serializer(self):
        self.rig.stop_part('worker')
        self.rig.start_worker('--quiet')
        try:
            job = self.end_of(self.put(pickle.dumps(Attack(self.marker))))
        finally:
            self.rig.stop_part('worker')
            self.rig.start_worker()
        self.assertEqual(job['status'], 'failed')
        self.assertFalse(self.marker.exists())

    def test_plain_rq_ran_it(self):
        """The attack works where RQ uses its default, so the tests above would see it."""
        self.rig.stop_part('worker')
        self.rig.start_worker('--quiet', **PLAIN_RQ)
        try:
            self.put(pickle.dumps(Attack(self.marker)))
            wait_for(self.marker.exists, what='the attack on plain RQ')
        finally:
            self.rig.stop_part('worker')
            self.rig.start_worker()

    def test_a_job_that_an_older_release_queued_fails_with_a_sentence(self):
        before = self.rig.request('/api/workflows/agent-roll-call')[2]['runs']
        old = pickle.dumps(('dominion.jobs.run_workflow', None, ('agent-roll-call',), {}))
        job = self.end_of(self.put(old))
        self.assertEqual((job['status'], job['workflow']), ('failed', None))
        self.assertRegex(job['error'], 'another release.*start the workflow again')
        self.assertIn('run agent-roll-call', self.rig.log('worker'))
        # RQ lists it among the failed jobs until they expire.
        self.assertIsNotNone(self.redis.zscore('rq:failed:workflows', job['id']))
        self.assertEqual(self.rig.request('/api/workflows/agent-roll-call')[2]['runs'], before)

    def test_an_older_worker_does_not_lose_the_jobs_of_this_release(self):
        """Between the releases of backend and worker, the old worker serves the new API."""
        self.rig.stop_part('worker')
        self.rig.start_worker('--quiet', **PLAIN_RQ)
        try:
            job = self.rig.run_workflow('agent-roll-call')
        finally:
            self.rig.stop_part('worker')
            self.rig.start_worker()
        self.assertEqual((job['status'], job['workflow']), ('failed', 'agent-roll-call'))
        self.assertRegex(job['error'], 'another release.*start the workflow again')
        self.assertIsNotNone(self.redis.zscore('rq:failed:workflows', job['id']))
