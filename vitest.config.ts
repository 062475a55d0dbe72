import { existsSync } from 'node:fs'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

const minute = 60_000

const systemTest = (name: string): string => `test/system/${name}.test.ts`

/**
 * These two before the others: site.test.ts builds the repository's own dashboard in its own folder, which
 * rehearsal.test.ts then finds built, and nodeVersions.test.ts runs the unit tests, which have time limits.
 */
const first = ['site', 'nodeVersions'].map(systemTest)

/** The longest first, so that none of them is left over at the end: a fresh clone knows no times. */
const longest = [
  ...['monitoring/slo/year', 'cli/script', 'cli/hostile', 'bin/dominion', 'logs/memory', 'docs'].map(
    (name) => `test/integration/${name}.test.ts`,
  ),
  ...['azureFaults', 'updates', 'containers', 'dataTier', 'interrupts', 'rehearsal', 'deploy'].map(systemTest),
  ...['rollback', 'health', 'faultsMatrix', 'maintenanceMode', 'firstAndLast', 'database'].map(systemTest),
  ...['looking', 'windows'].map(systemTest),
]

for (const file of [...first, ...longest])
  if (!existsSync(file)) throw new Error(`vitest.config.ts names ${file}, which does not exist`)

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const place = longest.findIndex((file) => moduleId.endsWith(file))
      return place < 0 ? longest.length : place
    }
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b))
  }
}

/*
 * What takes time in a system test is processors: a rehearsal with one deploy is 40 s of one, two thirds of it starts of
 * az. So a file has one rehearsal and one first deploy, on a VPS where the packages are installed already, and tests that
 * can go on from what others left share a file (at most 400 lines). Debian's az loads setuptools in place of Python's own
 * distutils, which is half of its start; this setting of setuptools leaves it.
 */
const system = {
  testTimeout: 30 * minute,
  hookTimeout: 30 * minute,
  globalSetup: './test/support/setup/system.ts',
  // No image build of a test asks a real package index.
  env: { SETUPTOOLS_USE_DISTUTILS: 'stdlib', PIP_INDEX_URL: 'http://127.0.0.1:9/simple' },
}

export default defineConfig({
  test: {
    reporters: ['default', './test/support/countReporter.ts'],
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        /*
         * Nothing but Node: no other program, no network beyond the loopback. The files share a process and its modules,
         * which takes a third of the processor time, so a test restores what it changes outside of itself.
         */
        test: {
          name: 'unit',
          include: ['test/*.test.ts', 'test/unit/**/*.test.ts'],
          setupFiles: './test/support/setup/unit.ts',
          testTimeout: 30_000,
          isolate: false,
          restoreMocks: true,
          unstubEnvs: true,
          // The texts are compared without colours, also where a developer or a CI forces them.
          env: { FORCE_COLOR: '0' },
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        // Real programs: PostgreSQL, Redis, ssh, git, the login shells, whole scripts.
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          globalSetup: './test/support/setup/integration.ts',
          testTimeout: 30_000,
          // Half of their time is waiting; vitest's own choice on two cores is one worker.
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...system,
          name: 'system-first',
          include: first,
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
        },
      },
      {
        // Every rehearsal has a network and machines of its own; much of a deploy is waiting, so three share two cores well.
        test: {
          ...system,
          name: 'system',
          include: ['test/system/**/*.test.ts'],
          exclude: first,
          maxWorkers: 3,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
})
