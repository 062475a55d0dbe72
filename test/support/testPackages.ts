/**
 * What the tests need in addition: a browser, the schedulers that `schedule` writes for, a faked clock, a reader of
 * OpenMetrics, other login shells, Windows (wine); and for the integration tests a repository, both databases, zstd and a
 * linter for shell files.
 */
export const testPackages = [
  'bsdutils',
  'chromium',
  'cron',
  'debian-archive-keyring',
  'faketime',
  'fish',
  'git',
  'ksh',
  'mmdebstrap',
  'postgresql',
  'python3-prometheus-client',
  'redis-server',
  'shellcheck',
  'systemd',
  'tcsh',
  'wine',
  'wine64',
  'zsh',
  'zstd',
]
