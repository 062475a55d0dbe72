import {
  choice,
  explain,
  folder,
  integer,
  number,
  secret,
  section,
  setting,
  text,
  unchanged,
} from '../setting.ts'

/** What two environments can share in Azure, by the names that SHARES accepts. */
export const azureShareKinds = [
  'containers',
  'dns-label',
  'postgres',
  'database',
  'redis',
  'registry',
] as const

export const azureSettings = section('Azure', {
  azure: {
    ...explain('Subscription id or name; empty = the one that az is set to (az account show).', {
      subscription: text('AZURE_SUBSCRIPTION', '', '^(?!-)[^\\s"\']*$', 'a subscription id, or empty'),
    }),
    ...explain(
      'Everything is created in this resource group and region, except where a key below sets another region.',
      {
        resourceGroup: text(
          'AZURE_RESOURCE_GROUP',
          'codexdominion-prod',
          '^(?!-)[A-Za-z0-9_().-]{0,89}[A-Za-z0-9_()-]$',
          '1–90 letters, digits, _ - . ( ), not beginning with a hyphen, nor ending in a full stop',
        ),
        location: text('AZURE_LOCATION', 'eastus', '^[a-z0-9]+$', 'a region such as eastus'),
      },
    ),
    ...explain('Container registry: a name that is unique in Azure, 5-50 letters or digits.', {
      registry: text('ACR_NAME', 'codexacr1216', '^[A-Za-z0-9]{5,50}$', '5–50 letters or digits'),
    }),
  },
  postgres: {
    ...explain('PostgreSQL Flexible Server: name (global), database, owner.', {
      server: text(
        'POSTGRES_SERVER',
        'codexdominion-db',
        '^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$',
        '3–63 lower-case letters, digits or hyphens',
      ),
      database: text('POSTGRES_DATABASE', 'codexdb', '^[A-Za-z_][A-Za-z0-9_]{0,62}$', 'a database name'),
      user: text(
        'POSTGRES_USER',
        'codexadmin',
        '^(?!azure_|pg_)(?!(admin|administrator|root|guest|public|azuresu|azure_superuser)$)[a-z][a-z0-9_]{0,62}$',
        'a name that Azure allows (not admin, root, azure_…, pg_…)',
      ),
    }),
    ...explain(
      'Secret: 16-128 characters that nobody can guess (openssl rand -base64 24), of three kinds (upper case, lower case, digits, others). It must not contain POSTGRES_USER or start with @ or -.',
      { password: secret('POSTGRES_PASSWORD', 'change-me') },
    ),
    ...explain(
      'Size: Burstable (Standard_B1ms), general purpose (Standard_D2ds_v5) or memory optimised (Standard_E2ds_v5). Major version: a newer one upgrades the server, which Azure cannot undo. Disk size (can only grow), days for which backups are kept (7-35).',
      {
        sku: text(
          'POSTGRES_SKU',
          'Standard_B1ms',
          '^Standard_(B[0-9]+[a-z]*s(_v2)?|[DE][0-9]+[a-z]*s_v[345])$',
          'a size such as Standard_B1ms (Burstable), Standard_D2ds_v5 (general purpose) or Standard_E2ds_v5 (memory optimised)',
        ),
        version: choice('POSTGRES_VERSION', '16', '14', '15', '16', '17', '18'),
        storageGb: integer('POSTGRES_STORAGE_GB', '32', 32, 32768),
        backupDays: integer('POSTGRES_BACKUP_DAYS', '7', 7, 35),
      },
    ),
    ...explain(
      'Another region, for a subscription that may not create PostgreSQL servers in AZURE_LOCATION; empty = AZURE_LOCATION. Every query then crosses regions, so choose a near one. It cannot be changed once the server exists.',
      { location: text('POSTGRES_LOCATION', '', '^[a-z0-9]*$', 'a region such as westus3, or empty') },
    ),
  },
  redis: {
    ...explain(
      'Redis: managed (Azure Managed Redis, REDIS_SKU=Balanced_B0) or classic (Azure Cache for Redis, REDIS_SKU=Basic_C0; refused for tenants that had none before 2026-04-01, and retired on 2028-09-30).',
      {
        kind: choice('REDIS_KIND', 'managed', 'managed', 'classic'),
        name: text(
          'REDIS_NAME',
          'codexdominion-redis',
          '^[a-z0-9]([a-z0-9]|-(?!-)){0,58}[a-z0-9]$',
          '2–60 lower-case letters, digits or single hyphens',
        ),
        sku: text(
          'REDIS_SKU',
          'Balanced_B0',
          '^(Balanced_B|MemoryOptimized_M|ComputeOptimized_X)[0-9]+$|^(Basic|Standard)_C[0-6]$',
          'Balanced_B0 (managed) or Basic_C0 (classic)',
        ),
      },
    ),
    ...explain('Another region, when AZURE_LOCATION has no capacity for it; empty = AZURE_LOCATION.', {
      location: text('REDIS_LOCATION', '', '^[a-z0-9]*$', 'a region such as westus3, or empty'),
    }),
  },
  backend: {
    ...explain(
      'Backend: the folder to build, its Dockerfile, and the DNS label, to which Azure adds a hash: LABEL.HASH.REGION.azurecontainer.io.',
      {
        dir: folder('BACKEND_DIR', 'examples/codex-dominion/backend'),
        dockerfile: setting(
          'BACKEND_DOCKERFILE',
          {
            ...{ type: 'string', default: 'Dockerfile.azure', path: true },
            ...{ pattern: '^(?!-)', means: 'a path that does not begin with a hyphen' },
          },
          unchanged,
        ),
        dnsLabel: text(
          'BACKEND_DNS_LABEL',
          'codex-api',
          '^[a-z][a-z0-9-]{3,57}[a-z0-9]$',
          '5–59 lower-case letters, digits or hyphens',
        ),
      },
    ),
    ...explain(
      'Secret of the application, for sessions and for the token that its API requires for writes (the script api-token prints it). Use 16 random characters or more: openssl rand -hex 32',
      { secretKey: secret('APP_SECRET_KEY', 'change-me') },
    ),
    ...explain(
      'Who may read the API: yes = everyone, no = only who has the token or has signed in. This tool then sends the token with its own checks of the API.',
      { publicReads: choice('PUBLIC_READS', 'yes', 'yes', 'no') },
    ),
    ...explain('Time limit for a new container until /health answers 200.', {
      healthyWithinSeconds: integer('HEALTHY_WITHIN_SECONDS', '300', 5, 3600),
    }),
    // This explanation holds for the worker's size as well.
    ...explain(
      'Size of both containers. A change deletes and recreates the container, because ACI cannot change it in place.',
      {
        cpu: number('BACKEND_CPU', '2', 0.1, 31),
        memoryGb: number('BACKEND_MEMORY_GB', '4', 0.1, 240),
      },
    ),
  },
  worker: {
    cpu: number('WORKER_CPU', '1', 0.1, 31),
    memoryGb: number('WORKER_MEMORY_GB', '2', 0.1, 240),
    ...explain(
      'Number of workers that take jobs from the queue (1-20), each a container of that size: codex-worker, codex-worker-2 and so on. Every release applies these sizes and this number. It reverts what scale has changed without --save, and its plan says so.',
      { count: integer('WORKER_COUNT', '1', 1, 20) },
    ),
  },
})
