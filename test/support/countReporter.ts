import type { Reporter, TestModule } from 'vitest/node'

/**
 * Prints `N passed, N failed, N skipped` as the very last line. A skipped test fails the run; otherwise nobody would
 * notice what is no longer tested.
 */
export default class CountReporter implements Reporter {
  // A run that ends before it can count its tests has failed.
  #counts = { passed: 0, failed: 1, skipped: 0 }

  onInit(): void {
    process.once('exit', () => {
      const { passed, failed, skipped } = this.#counts
      if (failed > 0 || skipped > 0) process.exitCode ||= 1
      process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`)
    })
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const counts = { passed: 0, failed: 0, skipped: 0 }
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        counts[state === 'pending' ? 'failed' : state]++
      }
      // A file that cannot be loaded reports no failed tests.
      counts.failed += module.errors().length
    }
    if (counts.failed === 0 && (unhandledErrors.length > 0 || modules.length === 0)) counts.failed = 1
    this.#counts = counts
  }
}
