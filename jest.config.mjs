// Jest runs the TypeScript sources as ES modules, through SWC; workspace packages resolve to their sources.
import { availableParallelism } from 'node:os'

const swc = {
  jsc: {
    target: 'es2023',
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true },
    keepClassNames: true,
  },
  module: { type: 'es6' },
  sourceMaps: 'inline',
}

const base = {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': ['@swc/jest', swc] },
  moduleNameMapper: {
    '^@assistant-ledger/([a-z-]+)$': '<rootDir>/libs/$1/src/index.ts',
    '^@assistant-ledger/client/reference$': '<rootDir>/libs/client/src/reference.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  modulePathIgnorePatterns: ['<rootDir>/.*/dist/'],
}

export default {
  // Most tests wait for processes of their own: three at a time go well on two cores, where Jest would run one.
  maxWorkers: Math.max(3, availableParallelism() - 1),
  projects: [
    { ...base, displayName: 'unit', testMatch: ['<rootDir>/{libs,apps}/*/src/**/*.spec.ts'] },
    { ...base, displayName: 'e2e', testMatch: ['<rootDir>/test/**/*.test.ts'] },
  ],
}
