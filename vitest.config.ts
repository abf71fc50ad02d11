import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    environment: 'node',
    maxWorkers: 3,
    // No test replaces a module, and what they read of labels/ and profiles/ is read once a worker.
    isolate: false,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    reporters: process.env['CI']
      ? ['default', ['json', { outputFile: 'var/test-report.json' }]]
      : ['default'],
    coverage: { provider: 'v8', include: ['src/**/*.ts'] },
  },
})
