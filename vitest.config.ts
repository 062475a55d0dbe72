import { defineConfig } from 'vitest/config'

const minute = 60_000

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
        // One rehearsal at a time: each wants the machine's network namespaces, ports and both cores.
        test: {
          name: 'system',
          include: ['test/system/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 30 * minute,
          hookTimeout: 30 * minute,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
