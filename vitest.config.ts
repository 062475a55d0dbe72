import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

const minute = 60_000

const systemTest = (name: string): string => `test/system/${name}.test.ts`

/** They build the repository's own dashboard, in its own folder, or run the unit tests once more. */
const alone = ['site', 'rehearsal-ends', 'node-versions'].map(systemTest)

/** The longest first, so that none of them is left over at the end: a fresh clone knows no times. */
const longest = [
  'faults-matrix',
  'latency',
  'health',
  'azure-faults',
  'updates',
  'interrupts',
  'containers',
  'rollback',
  'looking',
  'first-and-last',
].map(systemTest)

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
 * az. So a file has one rehearsal and one first deploy, and tests that can go on from what others left share a file
 * (at most 400 lines). Debian's az loads setuptools in place of Python's own distutils, which is half of its start;
 * this setting of setuptools leaves it.
 */
const system = {
  testTimeout: 30 * minute,
  hookTimeout: 30 * minute,
  env: { SETUPTOOLS_USE_DISTUTILS: 'stdlib' },
}

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/system/**', ...(process.platform === 'linux' ? [] : ['test/rehearsal/claim.test.ts'])],
          testTimeout: 30_000,
          // Half of their time is waiting; vitest's own choice on two cores is one worker.
          maxWorkers: 3,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...system,
          name: 'system-alone',
          include: alone,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
      {
        // Every rehearsal has a network and machines of its own; much of a deploy is waiting, so three share two cores well.
        test: {
          ...system,
          name: 'system',
          include: ['test/system/**/*.test.ts'],
          exclude: alone,
          maxWorkers: 3,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
})
