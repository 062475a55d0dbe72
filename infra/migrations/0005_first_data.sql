-- Starting rows, so that the site has something to show. Running this twice adds nothing: rows are
-- keyed by slug or name, and the metrics go in only while there is no metric at all.

INSERT INTO councils (slug, name, purpose) VALUES
  ('dawn',      'Council of Dawn',      'Opens each day: collects the state of the dominion and sends the dawn dispatch.'),
  ('treasury',  'Treasury Council',     'Keeps the ledger, closes the books and watches the balance.'),
  ('works',     'Council of Works',     'Runs the automation engine, its workers and its queues.'),
  ('archives',  'Council of Archives',  'Keeps the capsules: writes them, orders them and makes them findable.'),
  ('watch',     'Council of the Watch', 'Watches health, capacity and security, and calls for help in time.')
ON CONFLICT (slug) DO NOTHING;

INSERT INTO agents (council_id, slug, name, role, status)
SELECT c.id, a.slug, a.name, a.role, a.status
FROM (VALUES
  ('dawn',     'aurora',   'Aurora',   'Dispatch editor',      'active'),
  ('dawn',     'lark',     'Lark',     'Morning reporter',     'active'),
  ('treasury', 'sterling', 'Sterling', 'Ledger keeper',        'active'),
  ('treasury', 'florin',   'Florin',   'Cost analyst',         'active'),
  ('treasury', 'ducat',    'Ducat',    'Auditor',              'standby'),
  ('works',    'mason',    'Mason',    'Workflow runner',      'active'),
  ('works',    'cog',      'Cog',      'Queue steward',        'active'),
  ('works',    'lathe',    'Lathe',    'Release engineer',     'standby'),
  ('archives', 'vellum',   'Vellum',   'Archivist',            'active'),
  ('archives', 'index',    'Index',    'Search curator',       'active'),
  ('watch',    'beacon',   'Beacon',   'Health sentinel',      'active'),
  ('watch',    'rampart',  'Rampart',  'Security sentinel',    'active'),
  ('watch',    'old-horn', 'Old Horn', 'Paging (before 2026)', 'retired')
) AS a (council, slug, name, role, status)
JOIN councils c ON c.slug = a.council
ON CONFLICT (slug) DO NOTHING;

INSERT INTO workflows (council_id, name, description, steps)
SELECT c.id, w.name, w.description, w.steps::jsonb
FROM (VALUES
  ('dawn', 'dawn-dispatch', 'Measures the dominion and writes the dispatch of the day as a capsule.',
   '[{"kind": "measure", "measure": "agents.active"},
     {"kind": "measure", "measure": "treasury.balance"},
     {"kind": "measure", "measure": "workflows.runs"},
     {"kind": "dispatch", "council": "dawn"}]'),
  ('treasury', 'treasury-close', 'Books the interest that is due and records the closing balance.',
   '[{"kind": "accrue", "annual_rate": "0.0425", "currency": "USD"},
     {"kind": "measure", "measure": "treasury.balance"},
     {"kind": "measure", "measure": "treasury.net_30d"}]'),
  ('works', 'workflow-census', 'Counts runs and failures of all workflows.',
   '[{"kind": "measure", "measure": "workflows.runs"},
     {"kind": "measure", "measure": "workflows.failed"}]'),
  ('works', 'metrics-pruning', 'Removes measurements older than a year; the ledger is never touched.',
   '[{"kind": "prune", "keep_days": 365},
     {"kind": "measure", "measure": "metrics.rows"}]'),
  ('archives', 'capsule-index', 'Counts capsules and their words.',
   '[{"kind": "measure", "measure": "capsules.count"},
     {"kind": "measure", "measure": "capsules.words"}]'),
  ('watch', 'agent-roll-call', 'Counts the agents that are active and on standby.',
   '[{"kind": "measure", "measure": "agents.active"},
     {"kind": "measure", "measure": "agents.standby"}]')
) AS w (council, name, description, steps)
JOIN councils c ON c.slug = w.council
ON CONFLICT (name) DO NOTHING;

INSERT INTO metrics (name, value, unit, note, recorded_at)
SELECT m.name, m.value, m.unit, m.note, date_trunc('hour', now()) - m.days * interval '1 day'
FROM (VALUES
  ('treasury.inflow',  25000.00, 'USD', 'Opening balance',            60),
  ('treasury.inflow',   4200.00, 'USD', 'Subscriptions',              45),
  ('treasury.outflow',   115.40, 'USD', 'Cloud: database and cache',  44),
  ('treasury.outflow',    81.20, 'USD', 'Cloud: containers',          44),
  ('treasury.outflow',  1850.00, 'USD', 'Contractors',                38),
  ('treasury.inflow',   4650.00, 'USD', 'Subscriptions',              15),
  ('treasury.outflow',   117.90, 'USD', 'Cloud: database and cache',  14),
  ('treasury.outflow',    79.60, 'USD', 'Cloud: containers',          14),
  ('treasury.outflow',  1720.00, 'USD', 'Contractors',                 8),
  ('treasury.outflow',     8.00, 'USD', 'Virtual server',              6),
  ('treasury.outflow',    15.00, 'USD', 'Domain',                      6),
  ('treasury.inflow',    940.00, 'USD', 'Support plan',                2),
  ('agents.active',        9,    'agents',   NULL,                     7),
  ('agents.active',       10,    'agents',   NULL,                     1),
  ('agents.standby',       2,    'agents',   NULL,                     1),
  ('capsules.count',       8,    'capsules', NULL,                     1)
) AS m (name, value, unit, note, days)
WHERE NOT EXISTS (SELECT 1 FROM metrics);

INSERT INTO capsules (council_id, slug, topic, title, body)
SELECT c.id, k.slug, k.topic, k.title, k.body
FROM (VALUES
  ('dawn', 'what-is-the-dawn-dispatch', 'dispatch', 'What is the dawn dispatch?',
   'The dawn dispatch is the first report of the day. The workflow dawn-dispatch measures active agents, the treasury balance and the number of workflow runs, and writes the result as a capsule.'),
  ('treasury', 'how-the-treasury-is-kept', 'treasury', 'How the treasury is kept',
   'Every movement of money is one row: an inflow or an outflow with a currency and a time. The balance is the sum of the inflows less the sum of the outflows; nothing else is stored, so nothing can disagree with it.'),
  ('treasury', 'what-the-platform-costs', 'treasury', 'What the platform costs per month',
   'The database, the cache, two containers, one virtual server and one domain cost about 115 US dollars a month. The cost of each part is booked as an outflow.'),
  ('works', 'how-workflows-run', 'workflows', 'How workflows run',
   'A workflow is a list of steps. Starting one puts a job on the queue; a worker takes it, runs all steps in one database transaction and records the run. If any step fails nothing of that run is kept, except the error.'),
  ('works', 'when-the-queue-is-long', 'workflows', 'When the queue is long',
   'Jobs wait while all workers are busy. Look at the depth of the queue and the age of its oldest job; add workers when the age keeps rising.'),
  ('archives', 'what-a-capsule-is', 'capsules', 'What is a capsule?',
   'A capsule is a short text of record with a title, a topic and the council that answers for it. Questions are answered by searching the capsules; when none matches, the answer says so.'),
  ('watch', 'what-healthy-means', 'health', 'What healthy means',
   'The backend is healthy when it can ask the database and the cache a question and both reply in time. Anything else is reported as unhealthy with the part that failed.'),
  ('watch', 'who-is-called-first', 'health', 'Who is called first in an incident?',
   'Beacon watches health and calls the operator on duty. Rampart joins when security is touched. The runbook says which script to run for which symptom.')
) AS k (council, slug, topic, title, body)
JOIN councils c ON c.slug = k.council
ON CONFLICT (slug) DO NOTHING;
