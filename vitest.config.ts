import { defineConfig } from 'vitest/config'

const minute = 60_000

/** They measure time, or build the repository's own dashboard, in its own folder. */
const alone = ['deploy', 'site', 'latency', 'rehearsal-ends'].map((name) => `test/system/${name}.test.ts`)

const system = { testTimeout: 30 * minute, hookTimeout: 30 * minute }

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/system/**'],
          testTimeout: 30_000,
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
